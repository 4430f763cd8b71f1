"""The app in front on macOS, on answers made after Apple's documentation: no Mac was there to run or record it on."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from agent.macos.foreground import ForegroundMacos
from agent.session.intervals import Moment
from agent.session.messages import Front, Idle

BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SAFARI, MAIL = "com.apple.Safari", "com.apple.mail"
# What CGSessionCopyCurrentDictionary gives of a session in front; a name and an id are in it and are not looked at.
IN_FRONT = {
    "kCGSSessionOnConsoleKey": 1,
    "kCGSSessionLoginDoneKey": 1,
    "kCGSSessionUserIDKey": 501,
    "kCGSSessionUserNameKey": "alex",
}


class Mac:
    """Answers of a Mac as they stand at a moment, and clocks that go when told."""

    def __init__(self) -> None:
        self.bundle_id: str | None = SAFARI
        self.idle = 0.0
        self.said: Mapping[str, object] = IN_FRONT
        self.monotonic = self.boottime = 1000.0
        self.changed: Callable[[], None] = lambda: None

    def front(self) -> str | None:
        return self.bundle_id

    def idle_seconds(self) -> float:
        return self.idle

    def session(self) -> Mapping[str, object]:
        return self.said

    def watch(self, changed: Callable[[], None]) -> None:
        self.changed = changed

    def unwatch(self) -> None:
        self.changed = lambda: None

    def clock(self) -> Moment:
        return Moment(self.monotonic, self.boottime, BEGAN + timedelta(seconds=self.boottime - 1000))

    def later(self, seconds: float, asleep: float = 0.0) -> None:
        self.monotonic += seconds
        self.boottime += seconds + asleep


@pytest.fixture
def mac() -> Mac:
    return Mac()


@pytest.fixture
def foreground(mac: Mac) -> Iterator[ForegroundMacos]:
    found = ForegroundMacos(mac, idle_after_seconds=40, clock=mac.clock)
    yield found
    found.close()


def test_each_app_has_the_time_in_which_it_was_in_front(mac: Mac, foreground: ForegroundMacos) -> None:
    assert foreground.look() == []
    mac.later(5)
    mac.bundle_id = MAIL
    (first,) = foreground.look()
    mac.later(7)
    (second,) = foreground.close()
    assert first == Front(identity="macos:com.apple.safari", started=BEGAN, seconds=5, idle=False)
    assert second == Front(identity="macos:com.apple.mail", started=BEGAN + timedelta(seconds=5), seconds=7, idle=False)


def test_a_change_that_the_system_tells_from_another_thread_wakes_who_waits(
    mac: Mac, foreground: ForegroundMacos
) -> None:
    poll = select.poll()
    poll.register(foreground.fileno(), select.POLLIN)
    assert poll.poll(0) == []
    threading.Timer(0.01, mac.changed).start()
    assert poll.poll(5000)
    foreground.look()
    assert poll.poll(0) == []


def test_many_changes_while_nobody_looks_hold_nobody_up_and_a_late_one_hurts_nobody(
    mac: Mac, foreground: ForegroundMacos
) -> None:
    changed = mac.changed
    for _ in range(10_000):
        changed()
    foreground.close()
    changed()


def test_an_app_without_an_identifier_is_in_front_and_unknown(mac: Mac, foreground: ForegroundMacos) -> None:
    mac.bundle_id = ""
    foreground.look()
    mac.later(3)
    assert foreground.close() == [Front(identity=None, started=BEGAN, seconds=3, idle=False)]


@pytest.mark.parametrize(
    "away",
    [
        {"said": {**IN_FRONT, "CGSSessionScreenIsLocked": 1}},
        {"said": {**IN_FRONT, "kCGSSessionOnConsoleKey": 0}},
        {"said": {}},
        {"bundle_id": None},
        {"bundle_id": "com.apple.loginwindow"},
        {"bundle_id": "com.apple.ScreenSaver.Engine"},
    ],
    ids=["locked", "another person in front", "no session", "no app", "sign-in window", "screen saver"],
)
def test_nothing_counts_while_the_person_does_not_see_it(
    mac: Mac, foreground: ForegroundMacos, away: Mapping[str, object]
) -> None:
    foreground.look()
    mac.later(4)
    before = {name: getattr(mac, name) for name in away}
    for name, value in away.items():
        setattr(mac, name, value)
    (seen,) = foreground.look()
    mac.later(20)
    assert foreground.look() == []
    for name, value in before.items():
        setattr(mac, name, value)
    assert foreground.look() == []
    mac.later(2)
    (again,) = foreground.close()
    assert [one.seconds for one in (seen, again)] == [4, 2]


def test_a_session_that_is_not_shown_is_looked_at_each_second(mac: Mac, foreground: ForegroundMacos) -> None:
    foreground.look()
    assert foreground.wait_seconds() == 10
    mac.said = {**IN_FRONT, "kCGSSessionOnConsoleKey": 0}
    foreground.look()
    assert foreground.wait_seconds() == 1


def test_time_without_input_is_cut_back_to_the_last_input(mac: Mac, foreground: ForegroundMacos) -> None:
    foreground.look()
    for _ in range(7):
        mac.later(10)
        mac.idle = mac.monotonic - 1010  # The last input was ten seconds in.
        assert foreground.wait_seconds() <= 10
        ended = foreground.look()
        if ended:
            break
    assert ended == [Front(identity="macos:com.apple.safari", started=BEGAN, seconds=10, idle=True)]
    mac.later(5)
    mac.idle = 0.0
    (away,) = foreground.look()
    assert isinstance(away, Idle)
    assert away.seconds == 45


def test_time_asleep_is_no_use(mac: Mac, foreground: ForegroundMacos) -> None:
    foreground.look()
    mac.later(5)
    foreground.look()
    mac.later(1, asleep=3600)
    ended = foreground.look()
    assert [one.seconds for one in ended] == [5]


def test_an_idle_time_below_nothing_is_none(mac: Mac, foreground: ForegroundMacos) -> None:
    mac.idle = -1.0
    assert foreground.idle_seconds == 0
    assert foreground.has_window_manager()
    assert not foreground.manager_may_have_changed()
