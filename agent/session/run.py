"""The session part: one small process for each signed-in person, which shows the notice and then says what is in front.

There is no switch that leaves the notice out: until it was really shown, this part does not look at the display at all.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Final, TextIO

from agent.health import State
from agent.notice import Notice
from agent.places import DATA_DIR
from agent.program import begin_anew
from agent.reading import ToRead, as_notice
from agent.session import desktops, waiting
from agent.session.address import socket_path
from agent.session.errors import DisplayUnavailable
from agent.session.foreground import Foreground
from agent.session.intervals import IDLE_AFTER_SECONDS
from agent.session.link import Link
from agent.session.messages import (
    Acknowledged,
    DocumentShown,
    FromService,
    NoticeShown,
    Reason,
    Reminder,
    Settings,
    SourceState,
)
from agent.session.showing import (
    KNOWN_NOTICE_CLOSES_AFTER_SECONDS,
    REMINDER_CLOSES_AFTER_SECONDS,
    Sheet,
    Window,
    held_command,
    print_notice,
    window_command,
)
from agent.signals import wake_on

DEFAULT_DATA_DIR: Final = DATA_DIR
# How long to wait before a display or a notice that failed is tried again.
TRY_AGAIN_SECONDS: Final = 30.0
# How often to ask whether there is a window manager, for nothing tells when one leaves.
CHECK_STATE_SECONDS: Final = 60.0
# When somebody may be asked to read a document: some minutes after they signed in or were asked last, at a pause in
# typing, and while they are there. The service knows when a week has gone by; this keeps the window away without it.
CALM_AFTER_SECONDS: Final = 300.0
PAUSE_SECONDS: Final = 2.0
ASK_AGAIN_SECONDS: Final = 24 * 3600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `fairwatch-agent session`."""
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_DIR, help="where the service keeps its socket")
    parser.add_argument(
        "--notice-on-stdout",
        action="store_true",
        help="without a display, take the notice printed on standard output as shown though it is no terminal",
    )
    parser.add_argument(
        "--idle-after", type=float, default=IDLE_AFTER_SECONDS, metavar="SECONDS", help=argparse.SUPPRESS
    )
    parser.add_argument(
        "--calm-after", type=float, default=CALM_AFTER_SECONDS, metavar="SECONDS", help=argparse.SUPPRESS
    )
    parser.add_argument("--window", action="store_true", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Run until told to end (SIGTERM, SIGINT) or the display goes, which is signing out; gives the exit code."""
    if args.window:
        from agent.session.notice_window import main

        return main()
    part = SessionPart(
        args.data_dir,
        os.environ,
        stdout=sys.stdout or io.StringIO(),  # a program of Windows without a console has none
        notice_on_stdout=args.notice_on_stdout,
        idle_after_seconds=args.idle_after,
        calm_after_seconds=args.calm_after,
    )
    if sys.platform == "win32":
        part.run()  # Windows ends a session's programs without a signal
    else:
        with wake_on((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), part.stop) as wake:
            desktops.go_round(lambda: part.run(wake.fileno()))
    if part.begins_anew:
        begin_anew()
    return 0


class SessionPart:
    """The loop over the display, the service and the windows shown; everything happens in one thread."""

    def __init__(
        self,
        data_dir: Path,
        environment: Mapping[str, str],
        *,
        stdout: TextIO,
        notice_on_stdout: bool = False,
        idle_after_seconds: float = IDLE_AFTER_SECONDS,
        calm_after_seconds: float = CALM_AFTER_SECONDS,
        command: Sequence[str] | None = None,
    ) -> None:
        """`command` starts a window's process, for tests."""
        self.stopping = False
        self.begins_anew = False
        """Whether it ended for the sake of a later version."""
        self._environment = environment
        self._stdout = stdout
        self._notice_on_stdout = notice_on_stdout
        self._idle_after = idle_after_seconds
        self._calm_after = calm_after_seconds
        self._command = window_command() if command is None else command
        self._held_command = held_command(data_dir)
        self._link = Link(socket_path(data_dir))
        self._settings: Settings | None = None
        self._shown_version = ""
        self._notice_window: Window | None = None
        self._pending_notice: Notice | None = None
        self._reminder_window: Window | None = None
        self._reading_window: Window | None = None
        self._reading: ToRead | None = None
        self._asked: dict[str, float] = {}
        self._calm_from = monotonic() + calm_after_seconds
        self._foreground: Foreground | None = None
        self._lock = desktops.lock_of(environment)
        self._has_looked = False
        self._next_try = 0.0
        self._next_state_check = 0.0
        self._said: tuple[State, Reason] | None = None

    def stop(self) -> None:
        """End at the next turn of the loop."""
        self.stopping = True

    def _is_left_behind(self) -> bool:
        """Whether this part is of another version than the service by now, and nobody reads what it shows."""
        windows = (self._notice_window, self._reminder_window, self._reading_window)
        return self._link.is_left_behind and not self.stopping and not any(windows)

    def run(self, wake: int | None = None) -> None:
        """Go round until `stopping`; `wake` is a descriptor that ends a wait."""
        try:
            while not self.stopping:
                for message in self._link.turn():
                    self._take(message)
                self._turn_windows()
                self.begins_anew = self._is_left_behind()
                if self.begins_anew:
                    break
                self._turn_notice()
                self._turn_foreground()
                self._turn_reading()
                self._wait(wake)
        finally:
            self._end()

    def _wait(self, wake: int | None) -> None:
        waits = [wait for wait in (self._link.wait_seconds(),) if wait is not None]
        connections, link = list[tuple[int, bool]](), self._link.fileno()
        if link is not None:
            connections.append((link, self._link.writes))
        if self._to_ask() is not None:
            waits.append(max(PAUSE_SECONDS / 2, self._calm_from - monotonic()))
        windows = (self._notice_window, self._reminder_window, self._reading_window)
        if self._foreground is not None:
            both = (self._foreground.fileno(), self._lock.fileno() if self._lock is not None else None)
            connections += [(watched, False) for watched in both if watched is not None]
            waits.append(self._foreground.wait_seconds())
        elif self._settings is not None:
            waits.append(max(0.0, self._next_try - monotonic()))
        if wake is not None:
            connections.append((wake, False))
        pipes = [window.fileno() for window in windows if window is not None]
        waiting.wait(connections, pipes, min(waits) if waits else None)

    def _take(self, message: FromService) -> None:
        match message:
            case Settings():
                self._settings = message
                # A service that has just come has heard neither how this part sees, nor perhaps that the notice was
                # shown: what it was sent last may have died with it.
                self._said = None
                self._next_try = 0.0
                if message.notice_is_new and message.notice.version == self._shown_version:
                    self._was_shown(message.notice)
            case Reminder():
                self._remind(message)
            case _:
                pass

    # The notice: at each sign-in, which is when this process starts, and again when its words changed.

    def _turn_notice(self) -> None:
        settings = self._settings
        if settings is None or settings.notice.version == self._shown_version:
            return
        if self._notice_window is not None:
            if self._pending_notice == settings.notice:
                return
            # The words changed while the old ones were still on the screen.
            self._notice_window.close()
            self._notice_window = None
        if monotonic() < self._next_try:
            return
        notice = settings.notice
        closes = 0 if settings.notice_is_new else KNOWN_NOTICE_CLOSES_AFTER_SECONDS
        self._pending_notice = notice
        if desktops.has_screen(self._environment):
            self._notice_window = self._opened(
                Sheet(notice=notice, closes_after_seconds=closes, more=self._held_command)
            )
        if self._notice_window is None:
            self._show_as_text(notice)

    def _show_as_text(self, notice: Notice) -> None:
        if print_notice(notice, self._stdout, is_read=self._notice_on_stdout):
            self._was_shown(notice)
        else:
            self._next_try = monotonic() + TRY_AGAIN_SECONDS

    def _was_shown(self, notice: Notice) -> None:
        self._shown_version = notice.version
        self._next_try = 0.0
        self._link.send(NoticeShown(at=datetime.now(UTC), notice_version=notice.version))

    def _opened(self, sheet: Sheet) -> Window | None:
        try:
            return Window(sheet, self._environment, self._command)
        except OSError:
            return None

    def _turn_windows(self) -> None:
        if self._notice_window is not None and _readable(self._notice_window):
            happened = self._notice_window.read()
            if happened in ("closed", "failed"):
                self._notice_window = None
            if happened == "shown" and self._pending_notice is not None:
                self._was_shown(self._pending_notice)
            elif happened == "failed" and self._pending_notice is not None:
                self._show_as_text(self._pending_notice)
        reminder = self._reminder_window
        if reminder is not None and _readable(reminder) and reminder.read() in ("closed", "failed"):
            self._reminder_window = None

    def _remind(self, reminder: Reminder) -> None:
        """Show it in the corner, one at a time: the newest says what the ones before it said, and more."""
        if self._reminder_window is not None:
            self._reminder_window.close()
        notice = Notice(
            version="",
            title=f"{reminder.minutes} minutes of {reminder.category_name} today",
            introduction="A reminder from your organisation's policy on acceptable use. Only you are shown this.",
            sections=(),
        )
        sheet = Sheet(notice=notice, small=True, closes_after_seconds=REMINDER_CLOSES_AFTER_SECONDS)
        self._reminder_window = self._opened(sheet) if desktops.has_screen(self._environment) else None
        if self._reminder_window is None:
            print_notice(notice, self._stdout, is_read=self._notice_on_stdout)

    # What the person is asked to read: one at a time, at a calm moment, and never in the way of the notice.

    def _to_ask(self) -> ToRead | None:
        """What to ask for next, once it is calm; None while a window is open or nothing is due."""
        settings = self._settings
        if settings is None or settings.notice.version != self._shown_version:
            return None
        if self._notice_window is not None or self._reading_window is not None:
            return None
        now, wall = monotonic(), datetime.now(UTC)
        for one in settings.documents:
            asked = self._asked.get(one.shown)
            if one.ask_at <= wall and (asked is None or now - asked >= ASK_AGAIN_SECONDS):
                return one
        return None

    def _is_calm(self) -> bool:
        if monotonic() < self._calm_from:
            return False
        # Where nothing tells whether somebody types, the minutes alone must do.
        return self._foreground is None or PAUSE_SECONDS <= self._foreground.idle_seconds < self._idle_after

    def _turn_reading(self) -> None:
        window, reading = self._reading_window, self._reading
        if window is not None and reading is not None and _readable(window):
            self._take_from_reading(window, reading)
        one = self._to_ask()
        if one is None or not self._is_calm():
            return
        self._asked[one.shown] = monotonic()
        self._reading = one
        if desktops.has_screen(self._environment):
            sheet = Sheet(notice=as_notice(one), acknowledge=True, opens=one.where)
            self._reading_window = self._opened(sheet)
        if self._reading_window is None:
            self._print_reading(one)

    def _take_from_reading(self, window: Window, reading: ToRead) -> None:
        happened = window.read()
        if happened == "shown":
            self._link.send(DocumentShown(document=reading.id, shown=reading.shown))
        elif happened == "acknowledged":
            self._link.send(Acknowledged(document=reading.id, shown=reading.shown))
        elif happened in ("closed", "failed"):
            self._reading_window = None
            self._calm_from = monotonic() + self._calm_after
            if happened == "failed":
                self._print_reading(reading)

    def _print_reading(self, one: ToRead) -> None:
        """Where there is no window: the words, and the command that says that they were read."""
        self._calm_from = monotonic() + self._calm_after
        if print_notice(as_notice(one), self._stdout, is_read=self._notice_on_stdout):
            self._stdout.write(f"When you have read it: fairwatch-agent acknowledge {one.id}\n")
            self._stdout.flush()
            self._link.send(DocumentShown(document=one.id, shown=one.shown))

    # The foreground: only once the notice was shown and the service says that there are rules to observe by.

    def _turn_foreground(self) -> None:
        settings = self._settings
        if settings is None:
            return
        if settings.notice.version != self._shown_version:
            self._stop_looking()
            self._say("unknown", "notice_not_shown" if self._notice_window is None else "starting")
        elif not settings.observe:
            self._stop_looking()
            self._say("unknown", "not_observing")
        elif self._foreground is None:
            self._start_looking()
        if self._foreground is not None:
            self._look(self._foreground)

    def _start_looking(self) -> None:
        if monotonic() < self._next_try:
            return
        self._next_try = monotonic() + TRY_AGAIN_SECONDS
        reason = desktops.why_not(self._environment)
        if reason == "no_display":
            self._say("unknown", reason)
            return
        try:
            self._foreground = desktops.watched(self._environment, reason, self._idle_after, lock=self._lock)
        except DisplayUnavailable:
            self._say("unknown", reason or "display_failed")
            # A display that was there and does not come back: the person signed out.
            self.stopping = self.stopping or self._has_looked
        else:
            self._has_looked = True

    def _look(self, foreground: Foreground) -> None:
        try:
            for interval in foreground.look():
                self._link.send(interval)
        except DisplayUnavailable:
            self._stop_looking()
            self._say("unknown", "display_failed")
            self._next_try = monotonic() + TRY_AGAIN_SECONDS
            return
        if self._said is None or foreground.manager_may_have_changed() or monotonic() >= self._next_state_check:
            self._next_state_check = monotonic() + CHECK_STATE_SECONDS
            if foreground.has_window_manager():
                self._say("working", "seen")
            else:
                self._say("unknown", "no_window_manager")

    def _stop_looking(self) -> None:
        if self._foreground is None:
            return
        for interval in self._foreground.close():
            self._link.send(interval)
        self._foreground = None

    def _say(self, state: State, reason: Reason) -> None:
        if self._said != (state, reason) and self._link.connected:
            self._said = (state, reason)
            self._link.send(SourceState(state=state, reason=reason))

    def _end(self) -> None:
        self._stop_looking()
        if self._lock is not None:
            self._lock.close()
        self._link.close()
        for window in (self._notice_window, self._reminder_window, self._reading_window):
            if window is not None:
                window.close()


def _readable(window: Window) -> bool:
    return waiting.has_come(window.fileno())
