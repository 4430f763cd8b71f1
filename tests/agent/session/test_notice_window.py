"""The notice and reminders as windows on a real display: seen before they are called shown, and closed by a key."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agent.notice import Notice
from agent.reading import ToRead, as_notice
from agent.session.showing import Sheet, Window, window_command

if TYPE_CHECKING:
    from conftest import Screen

ACCENT, PAPER = 0x0F5257, 0xFFFFFF
PLAIN = (
    sys.executable,
    "-c",
    "import sys; sys.modules['tkinter'] = None; from agent.session.notice_window import main; sys.exit(main())",
)
BOTH = pytest.mark.parametrize("command", [window_command(), PLAIN], ids=["tk", "plain"])


@pytest.fixture
def opened(screen: Screen) -> Iterator[Callable[..., Window]]:
    """Open windows that end with the test."""
    windows: list[Window] = []

    def open_one(sheet: Sheet, command: tuple[str, ...]) -> Window:
        windows.append(Window(sheet, screen.environment, command))
        return windows[-1]

    yield open_one
    for window in windows:
        window.close()


@BOTH
def test_it_is_called_shown_only_when_it_can_be_seen_and_a_key_closes_it(
    screen: Screen,
    opened: Callable[..., Window],
    notice: Notice,
    command: tuple[str, ...],
    tmp_path: Path,
    until: Callable[..., Any],
) -> None:
    window = opened(Sheet(notice=notice), command)
    assert window.read() == "shown"
    until(lambda: {ACCENT, PAPER} <= screen.picture(tmp_path / "notice.png"))
    until(screen.active)
    subprocess.run(["xdotool", "key", "Escape"], env=screen.environment, check=True)
    assert window.read() == "closed"


@BOTH
def test_it_fits_a_small_screen_with_its_button(
    screen: Screen, opened: Callable[..., Window], notice: Notice, command: tuple[str, ...], until: Callable[..., Any]
) -> None:
    window = opened(Sheet(notice=notice), command)
    assert window.read() == "shown"
    (shown,) = until(lambda: screen.windows("_NET_CLIENT_LIST"))
    geometry = screen.display.create_resource_object("window", shown).get_geometry()
    assert 0 < geometry.width <= 1366
    assert 400 < geometry.height <= 768 * 0.92 + 1


@BOTH
def test_it_closes_by_itself_after_its_time(
    opened: Callable[..., Window], notice: Notice, command: tuple[str, ...]
) -> None:
    window = opened(Sheet(notice=notice, small=True, closes_after_seconds=1), command)
    assert [window.read(), window.read()] == ["shown", "closed"]


@BOTH
def test_a_document_is_acknowledged_by_its_own_key_or_button_and_by_no_key_that_is_typed_on(
    screen: Screen,
    opened: Callable[..., Window],
    handbook: ToRead,
    command: tuple[str, ...],
    tmp_path: Path,
    until: Callable[..., Any],
) -> None:
    sheet = Sheet(notice=as_notice(handbook), acknowledge=True, opens=handbook.where)
    keys = ("space", "Tab", "space") if command != PLAIN else ("space", "a", "F2")
    window = opened(sheet, command)
    assert window.read() == "shown"
    until(lambda: {ACCENT, PAPER} <= screen.picture(tmp_path / "document.png"))
    keep = os.environ.get("FAIRWATCH_LOOK")
    if keep:
        screen.picture(Path(keep) / f"document-{'plain' if command == PLAIN else 'tk'}.png")
    until(screen.active)
    for key in keys:
        subprocess.run(["xdotool", "key", key], env=screen.environment, check=True)
    assert window.read() == "acknowledged"
    assert window.read() == "closed"


@BOTH
def test_a_document_may_wait(
    screen: Screen, opened: Callable[..., Window], handbook: ToRead, command: tuple[str, ...], until: Callable[..., Any]
) -> None:
    window = opened(Sheet(notice=as_notice(handbook), acknowledge=True), command)
    assert window.read() == "shown"
    until(screen.active)
    subprocess.run(["xdotool", "key", "Escape"], env=screen.environment, check=True)
    assert window.read() == "closed"


def test_where_no_window_can_be_shown_it_says_so(notice: Notice) -> None:
    for command in (window_command(), PLAIN):
        window = Window(Sheet(notice=notice), {"PATH": "/usr/bin", "DISPLAY": ":64999"}, command)
        assert window.read() == "failed"
