"""Builds a Windows Python out of a wheel that carries one, and runs our own modules with it under wine.

For tests only: no such Python is shipped. The wheel `panda3d` brings Python's own library and its compiled modules; the
modules in plain Python are this interpreter's, which therefore has to be a 3.11 as well. Three small pieces are
compiled: a `python.exe`, a `python3.dll` that hands on, and the one function of `bcryptprimitives.dll` that wine lacks.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path

TOP = Path(__file__).parents[3]
COMPILER = "x86_64-w64-mingw32-gcc"
READER = "x86_64-w64-mingw32-objdump"
NEEDED = ("wine", "wineboot", "wineserver", COMPILER, READER, "Xvfb")
# Compiled for Windows; whatever else the agent needs is plain Python and taken as it is installed here.
COMPILED = ("cffi", "cryptography", "msgspec", "psutil", "watchdog", "xxhash")
# What other systems bring and Windows does not.
BESIDES = ("tzdata",)
# How long it certainly goes on after somebody came.
AWAKE_SECONDS = 40
CONTROL_KEY = r"HKLM\System\CurrentControlSet\Control"
_LEFT_OUT = ("site-packages", "test", "__pycache__", "config-*", "lib-dynload", "idlelib", "tkinter", "ensurepip")
_PYTHON = "#include <wchar.h>\nint Py_Main(int, wchar_t **);\nint wmain(int n, wchar_t **w) { return Py_Main(n, w); }\n"
_RANDOM = (
    "int __stdcall SystemFunction036(void *, unsigned long);\n"
    "int __stdcall ProcessPrng(void *to, unsigned long long n) { return SystemFunction036(to, (unsigned long) n); }\n"
)
# Wine says that it made a symbolic link and makes none; as to an account without that right, it is refused here.
_NO_LINKS = """
import os
def symlink(*_, **__):
    raise OSError(1, "no symbolic links here", None, 1314)
os.symlink = symlink
"""
_NOTHING = "int __stdcall DllMain(void *a, unsigned long b, void *c) { return 1; }\n"


def why_not() -> str:
    """Why it can't be had on this machine; "" where it can."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} is not installed (installers/setup.sh test)"
    return "" if sys.version_info[:2] == (3, 11) else "the Windows Python that can be had is a 3.11, and this is not"


def as_windows(path: Path) -> str:
    """How a path of this machine is called inside wine."""
    return "Z:" + str(path.absolute()).replace("/", "\\")


class WinePython:
    """A Windows Python in a folder, with a Windows of its own beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._awake_until = 0.0
        self.program = folder / "python/python.exe"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "WINEPREFIX": str(folder / "prefix"),
            "WINEDEBUG": "-all",
            "PYTHONUTF8": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def alone(self, *words: str) -> None:
        """Run a program of wine's, and keep nothing of what it says."""
        nothing = subprocess.DEVNULL
        subprocess.run(words, env=self.environment, stdin=nothing, stdout=nothing, stderr=nothing, timeout=100)

    def command(self, code: str, *arguments: str) -> list[str]:
        """The words that run this code in it, soon."""
        self.wake()
        return ["wine", str(self.program), "-c", code, *arguments]

    def on_screen(self, folder: Path, display: str) -> WinePython:
        """The same Python with another Windows, all of which has that screen: a Windows keeps the one it began with."""
        made = WinePython(self.folder)
        made.environment |= {"WINEPREFIX": str(folder), "DISPLAY": display}
        shutil.copytree(self.environment["WINEPREFIX"], folder, symlinks=True, copy_function=_link_or_copy)
        made.wake()
        return made

    def wake(self) -> None:
        """Begin this Windows, unless it runs; it goes by itself when nobody has come for long, not with each program.

        Its own programs begin first: they would hold on to the output of whichever came first.
        """
        if time.monotonic() >= self._awake_until:
            self.alone("wineserver", f"-p{2 * AWAKE_SECONDS}")
            self.alone("wine", "cmd", "/c", "exit")
        self._awake_until = time.monotonic() + AWAKE_SECONDS

    def run(self, code: str, *arguments: str, timeout: float = 90) -> str:
        """Run code, and give what it printed; its errors go into the failure's text."""
        done = subprocess.run(
            self.command(code, *arguments),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout


def build(folder: Path) -> WinePython:
    """Build it in that folder, unless another test process has, and give it."""
    folder.mkdir(parents=True, exist_ok=True)
    made = WinePython(folder)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            _unpack(_wheels(folder / "wheels"), made.program.parent)
            _compile(made.program.parent)
            made.alone("wineboot", "-i")
            # As long as a real Windows waits for a service to say that it is there; wine waits for ten seconds.
            made.alone("wine", "reg", "add", CONTROL_KEY, "/v", "ServicesPipeTimeout", "/d", "30000", "/f")
            made.alone("wineserver", "-k")
            (folder / "ready").touch()
    made.wake()
    return made


def _link_or_copy(source: str, to: str) -> None:
    """Windows' own 700 MB are only read."""
    (os.link if "/drive_c/windows/" in source else shutil.copy2)(source, to)


def _wheels(folder: Path) -> list[Path]:
    """Fetch the wheels, each held to its hash."""
    folder.mkdir(exist_ok=True)
    entries = re.split(r"\n(?=[a-z])", (TOP / "requirements.lock").read_text("utf-8"))
    wanted = [entry for entry in entries if entry.partition("==")[0] in (*COMPILED, *BESIDES)]
    wanted = [entry.replace(" ; sys_platform == 'win32'", "") for entry in wanted]  # pip asks which system this is
    lock = folder / "wheels.txt"
    lock.write_text("\n".join([*wanted, Path(__file__).with_name("wheels.lock").read_text("utf-8")]), "utf-8")
    told = ("--require-hashes", "--no-deps", "--only-binary", ":all:", "--platform", "win_amd64")
    version = ("--python-version", "311", "--implementation", "cp", "--abi", "cp311", "--abi", "abi3", "--abi", "none")
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", *told, *version, "-d", str(folder), "-r", str(lock)],
        timeout=110,
        check=True,
    )
    return sorted(folder.glob("*.whl"))


def _unpack(wheels: list[Path], python: Path) -> None:
    shutil.copytree(
        sysconfig.get_path("stdlib"), python / "Lib", ignore=shutil.ignore_patterns(*_LEFT_OUT), dirs_exist_ok=True
    )
    packages = python / "Lib/site-packages"
    (python / "DLLs").mkdir(exist_ok=True)
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            if not wheel.name.startswith("panda3d"):
                archive.extractall(packages)
                continue
            for name in archive.namelist():
                base = name.rpartition("/")[2]
                if name.startswith("deploy_libs/") and not base.startswith(("api-ms", "tcl", "tk", "_tkinter")):
                    folder = python / "DLLs" if base.endswith(".pyd") else python
                    (folder / base).write_bytes(archive.read(name))
    # After the packages above: what is compiled for Linux must not be found first.
    here = "\n".join(map(as_windows, (TOP, Path(sysconfig.get_path("purelib")))))
    (packages / "sitecustomize.py").write_text(_NO_LINKS, "utf-8")
    (packages / "fairwatch.pth").write_text(f"{here}\n", "utf-8")


def _compile(python: Path) -> None:
    work = python / "source"
    work.mkdir(exist_ok=True)
    for name, text in (("python.c", _PYTHON), ("random.c", _RANDOM), ("nothing.c", _NOTHING)):
        (work / name).write_text(text, "ascii")
    handed_on = sorted(set[str]().union(*(_taken_from_python3(one) for one in python.rglob("*.pyd"))))
    lines = "".join(f"{name} = python311.{name}\n" for name in handed_on)
    (work / "python3.def").write_text(f"LIBRARY python3.dll\nEXPORTS\n{lines}", "ascii")
    for words in (
        ("-municode", "-o", python / "python.exe", work / "python.c", python / "python311.dll"),
        ("-shared", "-o", python / "bcryptprimitives.dll", work / "random.c", "-ladvapi32"),
        ("-shared", "-o", python / "python3.dll", work / "nothing.c", work / "python3.def"),
    ):
        subprocess.run([COMPILER, *map(str, words)], timeout=60, check=True)


def _taken_from_python3(module: Path) -> set[str]:
    """What a compiled module takes from python3.dll."""
    told = subprocess.run([READER, "-p", str(module)], capture_output=True, text=True, timeout=60, check=True).stdout
    _, found, rest = told.partition("DLL Name: python3.dll")
    return set(re.findall(r"^\s+[0-9a-f]+\s+\d+\s+(\w+)$", rest.partition("\n\n")[0], re.MULTILINE)) if found else set()
