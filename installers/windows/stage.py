"""Lays out the files of the Windows package as they will lie in its folder, and compiles its programs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from cyclonedx.model.component import Component, ComponentType

from agent.installed_files import write_manifest
from installers.browsers import packing
from installers.browsers.build import EXAMPLE_URL, WINDOWS_FOLDER, package_key, written
from installers.browsers.policies import AGENT as AGENT_NAME
from installers.browsers.policies import WINDOWS_HOSTS
from installers.linux.bill import BILL, bill
from installers.linux.closure import PYTHONS, TOP, closure, missing, read_lock
from installers.linux.package import KEYS
from installers.linux.tree import lay_out, settle, tag
from installers.windows.python_zip import take_in
from installers.windows.recipe import PROGRAM, SESSION_PROGRAM
from installers.windows.signing import Sign, sign_programs

CODE: Final = ("agent", "protocol", "rules")
PLATFORMS: Final = ("win_amd64",)
NAME: Final = "fairwatch-agent"
NATIVE: Final = TOP / "installers/windows/native"
COMPILER: Final = "x86_64-w64-mingw32-gcc"
RESOURCES: Final = "x86_64-w64-mingw32-windres"
COMPILE_SECONDS: Final = 120.0
_FLAGS: Final = ("-Os", "-s", "-Wall", "-Wextra", "-Werror", "-Wl,--no-insert-timestamp")


class IncompleteError(Exception):
    """The lock lacks a package that Windows needs; locking again helps."""


def stage(home: Path, version: str, epoch: int, python: tuple[Path, str] | None, sign: Sign | None = None) -> None:
    """Lay everything out in the new folder `home`; `python` is an embeddable zip and which Python it holds.

    Without one the packages of every Python that is supported are laid out. Raises IncompleteError, PythonZipError,
    CalledProcessError, and what `sign` raises.
    """
    home.mkdir(parents=True)
    lock = read_lock((TOP / "requirements.lock").read_text("utf-8"))
    pythons = PYTHONS if python is None else (python[1],)
    lay_out(home, CODE, version, {one: closure("agent", lock, one, "Windows") for one in pythons}, PLATFORMS)
    (home / "start.py").unlink()  # here our own program is what starts it
    lacking = {need for one in pythons for need in missing([home / "shared", home / tag(one)], one, "Windows")}
    if lacking:
        raise IncompleteError(f"requirements.lock lacks, for Windows: {', '.join(sorted(lacking))}")
    if python is not None:
        take_in(*python, home / "python")
    programs(home, version, pythons[-1])
    _browsers(home)
    shutil.copyfile(TOP / "LICENSE", home / "LICENSE.txt")
    if sign is not None:
        sign_programs(home, sign)
    write_manifest(home)
    further = [] if python is None else [Component(name="Python", version=python[1], type=ComponentType.APPLICATION)]
    (home / BILL).write_text(bill(NAME, version, home, epoch, further), "utf-8")
    settle(home, epoch)


def programs(home: Path, version: str, python: str) -> None:
    """Compile the two programs that start the agent, with a console and without; raises CalledProcessError.

    They load the library of this Python alone.
    """
    loads = f'-DPYTHON_LIBRARY=L"python{python.replace(".", "")}.dll"'
    for file, said, more in ((PROGRAM, "Fairwatch agent", ()), (SESSION_PROGRAM, "Fairwatch", ("-mwindows",))):
        name = Path(file).stem
        facts = {"COMMAS": f"{version.replace('.', ',')},0", "DOTS": f'"{version}"', "SAID": f'"{said}"'}
        defined = [f"#define {key} {value}\n" for key, value in {**facts, "NAME": f'"{name}"'}.items()]
        script = home / f"{name}.rc"
        script.write_text("".join(defined) + f'#include "{NATIVE / "launch.rc"}"\n', "utf-8")
        _run(RESOURCES, script, "-o", script.with_suffix(".o"))
        compiled = (NATIVE / "launch.c", script.with_suffix(".o"))
        _run(COMPILER, *_FLAGS, loads, "-municode", *more, "-o", home / file, *compiled)
        for made in (script, script.with_suffix(".o")):
            made.unlink()


def library(place: Path) -> Path:
    """Compile what the installation itself runs (`hand_over.c`); raises CalledProcessError."""
    # Else the linker chooses an address by the name of the folder that it writes to.
    flags = (*_FLAGS, "-shared", "-Wl,--disable-auto-image-base")
    _run(COMPILER, *flags, "-o", place, NATIVE / "hand_over.c", "-lmsi", "-ladvapi32", "-lshell32")
    return place


def browser_keys() -> dict[str, str]:
    """Return where each browser looks for the manifest of our program, by its key below HKEY_LOCAL_MACHINE."""
    return {
        rf"{place}\{AGENT_NAME}": rf"{WINDOWS_FOLDER}\host-{'firefox' if name == 'Firefox' else 'chromium'}.json"
        for name, place in WINDOWS_HOSTS.items()
    }


def _browsers(home: Path) -> None:
    """Place the manifests that let the extension, and no other, start the agent's program, and that program."""
    key = package_key(KEYS)
    made = written(key, url=EXAMPLE_URL, private_windows="as_is", signed=False, organisation="")
    (home / "browsers").mkdir()
    for family in ("chromium", "firefox"):
        (home / f"browsers/host-{family}.json").write_bytes(made[f"windows/host-{family}.json"])
    ids = f"--extension {packing.extension_id(key)} --extension {packing.firefox_id()}"
    (home / "browser.cmd").write_bytes(f'@"%~dp0{PROGRAM}" browser {ids} -- %*\r\n'.encode())


def _run(*words: str | Path) -> None:
    subprocess.run([str(word) for word in words], check=True, timeout=COMPILE_SECONDS)
