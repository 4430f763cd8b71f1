"""A person at a terminal: runs a command there, answers what it asks, and remembers the words that it shows once."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

# Gives the shell the terminal on its standard input, so that hidden passphrases are asked there too.
_ON_TERMINAL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp('sh', sys.argv[1:])"
_SHOWN_ONCE = re.compile(r"write it on paper:\s+([a-z]+(?: [a-z]+){5})\s")


@dataclass
class Computer:
    """One person's computer: a folder of its own, the six words of that person, and what runs there."""

    folder: Path
    words: str = ""
    said: str = ""
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def run(self, commands: str, seconds: float = 60.0) -> str:
        """Run shell commands, answering as a person would, and return all that was shown; they must succeed."""
        child, terminal = self._start(commands)
        shown, seen, end = "", 0, time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                if select.select([terminal], [], [], 0.1)[0]:
                    try:
                        shown += os.read(terminal, 65536).decode("utf-8", "replace")
                    except OSError:  # the terminal is closed when the last program on it has ended
                        break
                answer = self._answer(shown[seen:])
                if answer is not None:
                    seen = len(shown)
                    os.write(terminal, f"{answer}\n".encode())
            assert child.wait(max(0.1, end - time.monotonic())) == 0, shown
        finally:
            if child.poll() is None:
                child.kill()
                child.wait(10)
            os.close(terminal)
        self.said += shown
        return shown.replace("\r\n", "\n")

    def keep_running(self, commands: str) -> None:
        """Start a command that stays; what it shows is added to `lines`."""
        child, terminal = self._start(f"exec {commands}")
        self.running.append(child)

        def listen() -> None:
            with contextlib.suppress(OSError), os.fdopen(terminal, "r", encoding="utf-8", errors="replace") as shown:
                for line in shown:
                    self.lines.append(line.rstrip())

        threading.Thread(target=listen, daemon=True).start()

    def stop(self) -> None:
        """End what runs here, the last started first."""
        for child in reversed(self.running):
            child.send_signal(signal.SIGTERM)
            child.wait(20)
        self.running.clear()

    def _start(self, commands: str) -> tuple[subprocess.Popen[bytes], int]:
        ours, theirs = pty.openpty()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("FAIRWATCH_", "XDG_"))}
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            environment.pop(name, None)
        environment |= {"HOME": str(self.folder), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        child = subprocess.Popen(
            [sys.executable, "-c", _ON_TERMINAL, "sh", "-euc", commands],
            cwd=self.folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        return child, ours

    def _answer(self, asked: str) -> str | None:
        shown = _SHOWN_ONCE.search(asked)
        if shown is not None:
            self.words = shown[1]
        if asked.endswith("Type yes to go on: "):
            return "yes"
        if asked.endswith("Type it again from the paper: ") or re.search(r"Passphrase of [^:\n]+: $", asked):
            return self.words
        return None
