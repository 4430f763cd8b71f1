"""Puts the notice and reminders before the person: in a window of their own where there is a display, else as text."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, TextIO

import msgspec

from agent.notice import Notice, as_text
from agent.program import is_installed, own_command

# What the window's process says on its standard output once a person can see the window.
SHOWN_WORD: Final = b"shown"
# What it says once the person pressed the button that says that they have read it.
ACKNOWLEDGED_WORD: Final = b"acknowledged"
# The button that shows what is held about the person.
MORE_WORDS: Final = "What is held about me"
# A reminder that was not closed goes by itself, and so does a notice that this person has seen before.
REMINDER_CLOSES_AFTER_SECONDS: Final = 30
KNOWN_NOTICE_CLOSES_AFTER_SECONDS: Final = 120


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What a window is to show, given to its process on standard input; 0 seconds is until the person closes it.

    With `acknowledge` it has a button that says that the person has read it, and `opens` is an address to open. `more`
    is the command of a button that shows what is held about the person, in a window of its own.
    """

    notice: Notice
    small: bool = False
    closes_after_seconds: int = 0
    acknowledge: bool = False
    opens: str = ""
    more: tuple[str, ...] = ()


def window_command() -> tuple[str, ...]:
    """How to start the window's process: from an installed program, or from Python."""
    if is_installed():
        return (*own_command(), "session", "--window")
    # -P: never a module that lies in the folder the session happened to start in.
    return (sys.executable, "-P", "-m", "agent.session.notice_window")


def held_command(data_dir: Path) -> tuple[str, ...]:
    """How to start the window that says what is held about the person, by the service of that data folder."""
    return (*own_command(), "show-data", "--window", "--data-dir", str(data_dir.absolute()))


class Opener:
    """Starts a window's process, one at a time however often its button is pressed; it outlives who started it."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._child: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Start it, unless it is still there."""
        if self._child is None or self._child.poll() is not None:
            with contextlib.suppress(OSError):
                self._child = subprocess.Popen(
                    self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )  # fmt: skip


class Window:
    """One window's process: wait for `fileno`, then ask `state`."""

    def __init__(self, sheet: Sheet, environment: Mapping[str, str], command: Sequence[str]) -> None:
        """Start it; raises OSError where it can't be started."""
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(environment)
        )
        self._shown = False
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError), self._child.stdin as stdin:
            stdin.write(msgspec.json.encode(sheet))

    def fileno(self) -> int:
        """What to wait for: readable when it was shown and when it was closed."""
        assert self._child.stdout is not None
        return self._child.stdout.fileno()

    def read(self) -> Literal["shown", "acknowledged", "failed", "closed", ""]:
        """What happened, once `fileno` is readable: it came up, never came up, or was closed; "" for neither.

        Acknowledged: its button was pressed, so it had come up.
        """
        said = os.read(self.fileno(), 256)
        if ACKNOWLEDGED_WORD in said:
            self._shown = True
            return "acknowledged"
        if SHOWN_WORD in said:
            self._shown = True
            return "shown"
        if said:
            return ""
        self.close()
        return "closed" if self._shown else "failed"

    def close(self) -> None:
        """End the process if it still runs."""
        if self._child.poll() is None:
            self._child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout=5)
        if self._child.stdout is not None:
            self._child.stdout.close()


def print_notice(notice: Notice, stream: TextIO, *, is_read: bool) -> bool:
    """Write the notice as text; gives whether a person can be taken to have had it before their eyes.

    Only a terminal has a person before it. `is_read` says so of another stream: a program that shows its output on.
    """
    if not is_read and not _is_terminal(stream):
        return False
    try:
        stream.write(as_text(notice))
        stream.flush()
    except (OSError, ValueError):
        return False
    return True


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # It was closed.
        return False
