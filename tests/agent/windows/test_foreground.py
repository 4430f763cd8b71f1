"""The app in front counts while somebody is there and the session is theirs, and to nobody else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from agent.session.errors import DisplayUnavailable
from agent.session.foreground import LOOK_SECONDS, LOOK_WHILE_IDLE_SECONDS, NO_WINDOW_SECONDS
from agent.session.intervals import Moment
from agent.session.messages import Front, Idle
from agent.windows.app_identity import AppNames
from agent.windows.foreground import LOOK_UNTOLD_SECONDS, ForegroundWindows

AT = datetime(2026, 11, 27, 9, tzinfo=UTC)
WORD, MAIL = r"C:\Office\WINWORD.EXE", r"C:\Office\OUTLOOK.EXE"


class Stage:
    """A desktop that is set by hand, with a clock of its own."""

    def __init__(self) -> None:
        self.front: str | None = WORD
        self.idle = 0.0
        self.active = True
        self.at = 100.0
        self.is_told = True
        self.closed = False
        self.watched = ForegroundWindows(
            idle_after_seconds=60,
            desktop=self,  # type: ignore[arg-type]
            names=AppNames(lambda path: None),
            clock=lambda: Moment(self.at, self.at, AT + timedelta(seconds=self.at)),
            is_active=lambda: self.active,
        )

    def take_changes(self) -> bool:
        return True

    def executable_in_front(self) -> str | None:
        return self.front

    def idle_seconds(self) -> float:
        return self.idle

    def close(self) -> None:
        self.closed = True

    def after(self, seconds: float) -> list[Front | Idle]:
        self.at += seconds
        return self.watched.look()


@pytest.fixture
def stage() -> Stage:
    made = Stage()
    made.watched.look()
    return made


def told(intervals: list[Front | Idle]) -> list[tuple[str | None, float]]:
    return [(one.identity if isinstance(one, Front) else "idle", round(one.seconds, 2)) for one in intervals]


def test_a_switch_ends_one_apps_time_and_begins_the_nexts(stage: Stage) -> None:
    stage.front = MAIL
    assert told(stage.after(5)) == [("windows:exe:winword.exe", 5.0)]
    stage.at += 3
    assert told(stage.watched.close()) == [("windows:exe:outlook.exe", 3.0)]
    assert stage.closed


def test_a_short_time_without_a_window_is_the_same_use_and_a_longer_one_is_not(stage: Stage) -> None:
    stage.front = None
    assert stage.after(5) == []
    assert 0 < stage.watched.wait_seconds() <= NO_WINDOW_SECONDS + 0.001
    stage.front = WORD
    assert stage.after(0.1) == []
    stage.front = None
    stage.after(1)
    assert told(stage.after(NO_WINDOW_SECONDS + 0.01)) == [("windows:exe:winword.exe", 6.31)]


def test_a_locked_or_switched_away_session_counts_nothing(stage: Stage) -> None:
    stage.active = False
    assert told(stage.after(5)) == [("windows:exe:winword.exe", 5.0)]
    assert stage.watched.wait_seconds() == LOOK_WHILE_IDLE_SECONDS
    assert stage.after(20) == []
    stage.active = True
    assert stage.after(1) == []
    stage.front = MAIL
    assert told(stage.after(2)) == [("windows:exe:winword.exe", 2.0)]


def test_time_away_is_cut_back_to_the_last_input(stage: Stage) -> None:
    stage.after(20)
    stage.after(20)
    stage.idle = 61
    assert told(stage.after(25)) == [("windows:exe:winword.exe", 4.0)]
    assert stage.watched.idle_seconds == 61


def test_an_app_that_may_not_be_known_is_in_front_without_a_name(stage: Stage) -> None:
    stage.front = ""
    stage.after(1)
    stage.front = WORD
    assert told(stage.after(2)) == [(None, 2.0)]


def test_it_looks_more_often_where_windows_tells_of_no_change(stage: Stage) -> None:
    assert stage.watched.wait_seconds() == LOOK_SECONDS
    stage.is_told = False
    assert stage.watched.wait_seconds() == LOOK_UNTOLD_SECONDS
    assert stage.watched.fileno() is None


def test_elsewhere_there_is_no_such_desktop() -> None:
    with pytest.raises(DisplayUnavailable):
        ForegroundWindows()


SWITCH = """
import json, subprocess, time
import msgspec
from agent.windows.foreground import ForegroundWindows
watched = ForegroundWindows(idle_after_seconds=3600.0)
given = []
def until(name):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        given.extend(watched.look()); time.sleep(min(0.05, watched.wait_seconds()))
        if watched._front is not None and watched._front.identity == name: return
    raise SystemExit(f"{name} did not come to the front, but {watched._front}")
first = subprocess.Popen([r"C:\\windows\\system32\\notepad.exe"]); until("windows:exe:notepad.exe"); time.sleep(0.3)
second = subprocess.Popen([r"C:\\windows\\system32\\winecfg.exe"]); until("windows:exe:winecfg.exe"); time.sleep(0.3)
given.extend(watched.close())
first.kill(); second.kill(); first.wait(); second.wait()
print(msgspec.json.encode([one for one in given if type(one).__name__ == "Front"]).decode())
"""


@pytest.mark.more
def test_on_windows_two_programs_in_front_are_told_in_their_order(wine_on_screen) -> None:
    fronts = json.loads(wine_on_screen.run(SWITCH))
    named = [one["identity"] for one in fronts if one["identity"] != "windows:exe:explorer.exe"]
    assert named == ["windows:exe:notepad.exe", "windows:exe:winecfg.exe"]
    assert all(0.1 < one["seconds"] < 60 for one in fronts if one["identity"] in named)
