"""On a real X11 display: the right app at once, idle time cut out, and no title ever asked for or received."""

from __future__ import annotations

import select
import shutil
import struct
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from Xlib import X

from agent.session.errors import DisplayUnavailable
from agent.session.foreground import NO_WINDOW_SECONDS
from agent.session.foreground_x11 import PROPERTIES_READ, ForegroundX11
from agent.session.identity import DesktopIndex
from agent.session.messages import Front, Idle, encode

if TYPE_CHECKING:
    from conftest import Recorder, Screen

TERMINAL, OTHER = "linux:org.example.Terminal", "linux:exe:other-app"


@pytest.fixture
def index(tmp_path: Path) -> DesktopIndex:
    folder = tmp_path / "applications"
    folder.mkdir()
    (folder / "org.example.Terminal.desktop").write_text("[Desktop Entry]\nExec=xterm\nStartupWMClass=XTerm\n")
    return DesktopIndex([folder])


class Watched:
    """A foreground that is looked at as the session part's loop does, with what it gave."""

    def __init__(self, foreground: ForegroundX11) -> None:
        self.foreground = foreground
        self.given: list[Front | Idle] = []

    def until(self, count: int, seconds: float = 30.0) -> list[Front | Idle]:
        """Look until that many intervals in all have been given."""
        deadline = time.monotonic() + seconds
        while len(self.given) < count:
            assert time.monotonic() < deadline, self.given
            select.select([self.foreground], [], [], min(0.2, self.foreground.wait_seconds()))
            self.given += self.foreground.look()
        return self.given

    def for_seconds(self, seconds: float) -> None:
        """Look for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            select.select([self.foreground], [], [], min(left, self.foreground.wait_seconds()))
            self.given += self.foreground.look()


def other_app(screen: Screen, folder: Path) -> int:
    """Another app: xterm's program under another name and class, with its window in front."""
    program = shutil.copy(shutil.which("xterm") or "", folder / "other-app")
    return screen.opened(str(program), "-class", "CanaryClass", "-T", "canary-title", "-e", "sleep", "600")


@pytest.fixture
def watched(screen: Screen, index: DesktopIndex) -> Iterator[Watched]:
    foreground = ForegroundX11(screen.name, index)
    yield Watched(foreground)
    foreground.close()


def test_switching_apps_gives_the_right_identities_within_a_tenth_of_a_second(
    screen: Screen, watched: Watched, tmp_path: Path
) -> None:
    terminal, other = screen.xterm(), other_app(screen, tmp_path)
    watched.foreground.look()
    took = []
    for turn in range(6):
        watched.for_seconds(0.05)
        asked = time.monotonic()
        screen.activate(other if turn % 2 else terminal)
        watched.until(turn + 1)
        took.append(time.monotonic() - asked)
    identities = [one.identity for one in watched.given if isinstance(one, Front)]
    assert identities == [OTHER, TERMINAL] * 3
    assert sorted(took)[len(took) // 2] < 0.1
    assert all(one.seconds < 5 for one in watched.given)


def test_idling_cuts_the_interval_and_coming_back_begins_a_new_one(screen: Screen, index: DesktopIndex) -> None:
    screen.xterm()
    foreground = ForegroundX11(screen.name, index, idle_after_seconds=1.5)
    watched = Watched(foreground)
    for _ in range(2):
        screen.type_a_key()
        watched.for_seconds(0.1)
    watched.given.clear()
    began = time.monotonic()
    screen.type_a_key()
    (used,) = watched.until(1)
    assert isinstance(used, Front)
    assert used.idle
    assert time.monotonic() - began > 1.2
    watched.for_seconds(0.3)
    screen.type_a_key()
    _, away = watched.until(2)
    assert isinstance(away, Idle)
    assert away.seconds >= 1.5
    assert away.started >= used.started + timedelta(seconds=used.seconds) - timedelta(milliseconds=20)
    foreground.close()


def test_a_locked_or_blank_screen_counts_nothing_and_is_told_at_once(screen: Screen, watched: Watched) -> None:
    screen.xterm()
    watched.for_seconds(0.1)
    began = time.monotonic()
    screen.display.force_screen_saver(X.ScreenSaverActive)
    screen.display.flush()
    (used,) = watched.until(1)
    assert isinstance(used, Front)
    assert used.identity == TERMINAL
    assert time.monotonic() - began < 1
    watched.for_seconds(0.3)
    screen.display.force_screen_saver(X.ScreenSaverReset)
    screen.display.flush()
    watched.for_seconds(0.2)
    (again,) = [one for one in watched.foreground.close() if isinstance(one, Front)]
    assert again.started >= used.started + timedelta(seconds=used.seconds + 0.2)
    assert len(watched.given) == 1


@pytest.mark.more
def test_a_session_that_was_switched_away_counts_nothing_until_it_is_back(screen: Screen, index: DesktopIndex) -> None:
    active = True
    foreground = ForegroundX11(screen.name, index, is_active=lambda: active)
    watched = Watched(foreground)
    screen.xterm()
    watched.for_seconds(0.1)
    active = False
    (used,) = watched.until(1, 12)
    assert isinstance(used, Front)
    # Nothing tells that it is back: it is asked often.
    assert foreground.wait_seconds() <= 1
    screen.xterm("-class", "UXTerm")
    watched.for_seconds(0.2)
    assert len(watched.given) == 1
    active = True
    watched.for_seconds(1.2)
    assert [one for one in foreground.close() if isinstance(one, Front)]


def test_no_title_is_asked_for_received_or_sent(
    screen: Screen, index: DesktopIndex, recorder: Recorder, tmp_path: Path
) -> None:
    foreground = ForegroundX11(f":{recorder.number}", index)
    watched = Watched(foreground)
    title = "canary-title"
    first = screen.xterm("-T", title, "-n", title)
    watched.for_seconds(0.1)
    other_app(screen, tmp_path)
    watched.until(1)
    watched.for_seconds(0.05)
    screen.activate(first)
    watched.until(2)
    foreground.close()
    recorder.finish()
    said = b"".join(encode(one) for one in watched.given)
    assert title.encode() not in recorder.received
    assert title.encode() not in recorder.sent
    assert b"anary" not in said
    names, properties = requests(bytes(recorder.sent))
    assert names == set(PROPERTIES_READ)
    allowed = {atom(screen, name) for name in PROPERTIES_READ}
    assert properties
    assert properties <= allowed
    assert not properties & {
        atom(screen, name) for name in ("WM_NAME", "_NET_WM_NAME", "WM_ICON_NAME", "_NET_WM_ICON_NAME")
    }


def atom(screen: Screen, name: str) -> int:
    return int(screen.display.intern_atom(name))


def requests(sent: bytes) -> tuple[set[str], set[int]]:
    """From a client's bytes: the names that it made atoms of, and the properties that it asked for (X11 protocol)."""
    names, properties = set(), set()
    name_length, data_length = struct.unpack_from("<HH", sent, 6)
    place = 12 + (name_length + 3) // 4 * 4 + (data_length + 3) // 4 * 4
    while place < len(sent):
        code, _, units = struct.unpack_from("<BBH", sent, place)
        if code == 16:  # InternAtom
            (length,) = struct.unpack_from("<H", sent, place + 4)
            names.add(sent[place + 8 : place + 8 + length].decode())
        elif code == 20:  # GetProperty
            properties.add(struct.unpack_from("<I", sent, place + 8)[0])
        # Neither all properties' names (21), nor pictures (73), nor the keyboard's state (44), nor any grab.
        assert code not in (21, 26, 28, 31, 33, 44, 73)
        assert units, "the recording could not be read"
        place += 4 * units
    return names, properties


def test_windows_that_go_while_they_are_asked_about_do_no_harm(
    screen: Screen, watched: Watched, until: Callable[..., Any]
) -> None:
    before = screen.windows("_NET_CLIENT_LIST")
    gone = []
    for _ in range(5):
        gone.append(screen.start("xterm", "-xrm", "*waitForWm: false", "-e", "sleep", "600"))
        watched.for_seconds(0.05)
        gone[-1].terminate()
    for child in gone:
        child.wait(timeout=20)
    # Windows that the screen still lists could lend their numbers to the next one, which would then not be new.
    until(lambda: screen.windows("_NET_CLIENT_LIST") <= before)
    watched.for_seconds(2 * NO_WINDOW_SECONDS)
    screen.xterm()
    watched.for_seconds(0.1)
    (front,) = [one for one in watched.foreground.close() if isinstance(one, Front)]
    assert front.identity == TERMINAL


def test_a_moment_without_a_window_between_two_is_not_an_end(screen: Screen, watched: Watched) -> None:
    first = screen.xterm()
    screen.xterm()
    watched.foreground.look()
    for _ in range(4):
        screen.activate(first)
        watched.for_seconds(0.05)
    assert watched.given == []


def test_an_empty_desktop_is_no_use_of_any_app(screen: Screen, watched: Watched) -> None:
    screen.xterm()
    child = screen.children[-1]
    watched.for_seconds(0.1)
    child.terminate()
    (front,) = watched.until(1)
    assert isinstance(front, Front)
    assert front.identity == TERMINAL
    watched.for_seconds(0.3)
    assert len(watched.given) == 1


def test_a_display_without_a_window_manager_says_so(bare_display: int, index: DesktopIndex) -> None:
    foreground = ForegroundX11(f":{bare_display}", index)
    assert foreground.look() == []
    assert not foreground.has_window_manager()
    foreground.close()


def test_a_window_manager_that_died_is_noticed(screen: Screen, watched: Watched) -> None:
    assert watched.foreground.has_window_manager()
    screen.manager.kill()
    screen.manager.wait()
    deadline = time.monotonic() + 10
    while watched.foreground.has_window_manager():
        assert time.monotonic() < deadline


@pytest.mark.parametrize("name", [":64999", "otherhost:0", "localhost:10.0", "", None, "unix:", ":0/../1"])
def test_a_dead_display_or_another_machines_is_refused_and_never_reached_over_the_network(
    name: str | None, index: DesktopIndex
) -> None:
    with pytest.raises(DisplayUnavailable):
        ForegroundX11(name, index)
