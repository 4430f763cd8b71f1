"""A Windows of its own under wine, into which packages are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

FAILED = 1603 & 0xFF
"""ERROR_INSTALL_FAILURE, of which an exit code keeps the lower eight bits."""
CONTROL_KEY = r"HKLM\System\CurrentControlSet\Control"


class Wine:
    """A wine prefix: `home` is where the package goes, `data` where the agent keeps what it has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.home = folder / "drive_c/Program Files/Fairwatch"
        self.data = folder / "drive_c/ProgramData/Fairwatch"
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")},
            "WINEPREFIX": str(folder),
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml=",
        }
        self.run("wineboot", "-i")
        # As long as a real Windows waits for a service to say that it is there; wine waits for ten seconds.
        self.run("reg", "add", CONTROL_KEY, "/v", "ServicesPipeTimeout", "/d", "30000", "/f")
        self._end_server()
        # As somebody who is signed in: without a program, all services would end, and begin anew with the next one. It
        # has begun before anything else does, for what services hold on to is the output of whoever came first.
        self._stays = subprocess.Popen(
            ["wine", "cmd"], env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._stays.stdout is not None
        self._stays.stdout.read(1)

    def end(self) -> None:
        """Shut it down."""
        self._stays.communicate(b"exit\r\n", timeout=60)
        self._end_server()

    def _end_server(self) -> None:
        subprocess.run(["wineserver", "-k"], env=self._environment, timeout=60, check=False)

    def run(
        self, *words: str | Path, environment: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one program, with more in its environment, in a folder; its exit code is in the answer."""
        command = [str(word) for word in words]
        if command[0] != "wineboot":
            command.insert(0, "wine")
        return subprocess.run(
            command,
            env={**self._environment, **(environment or {})},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=240,
            check=False,
        )

    def install(self, package: Path, *words: str) -> tuple[int, str]:
        """Install a package silently; returns the exit code and the log."""
        return self._installer("/i", package, *words)

    def remove(self, package: Path, *words: str) -> tuple[int, str]:
        """Remove what a package installed, silently; returns the exit code and the log."""
        return self._installer("/x", package, *words)

    def _installer(self, *words: str | Path) -> tuple[int, str]:
        log = self._folder / "log.txt"
        log.unlink(missing_ok=True)
        done = self.run("msiexec", *words, "/qn", "/l*v", f"Z:{log}")
        return done.returncode, log.read_text("utf-8", errors="replace") if log.exists() else ""

    def value(self, key: str, name: str | None = None) -> str | None:
        """Return a value of the registry, by its key below HKEY_LOCAL_MACHINE; None where there is none."""
        which = ("/ve",) if name is None else ("/v", name)
        done = self.run("reg", "query", f"HKLM\\{key}", *which)
        return done.stdout.strip().rpartition("    ")[2] if done.returncode == 0 else None

    def installed(self) -> list[str]:
        """Return the ids of our products that Windows says are installed."""
        told = self.run("reg", "query", r"HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall", "/s").stdout
        parts = told.split("HKEY_LOCAL_MACHINE\\")
        return [part.split("\n")[0].strip().rpartition("\\")[2] for part in parts if "Fairwatch agent" in part]

    def clear(self) -> None:
        """Forget what an earlier test left in the data folder."""
        shutil.rmtree(self.data, ignore_errors=True)
