"""The notice on Windows: every word of it in a window, called shown once it can be seen, and closed by its buttons."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator

import msgspec
import pytest

from agent.notice import Notice, Section
from agent.session.showing import MORE_WORDS, Sheet, Window
from agent.windows.notice_window import ACKNOWLEDGE, CELL_CHARS, MORE, OPEN, area_of, buttons_of, words_of
from tests.agent.devices import until

CLOSE = 2
NOTICE = Notice(
    version="abc",
    title="This device is monitored",
    introduction="It is watched.",
    sections=(
        Section(heading="What is collected", lines=("Host names.", "Apps & their time.")),
        Section(heading="Your totals", lines=(), rows=(("", "Minutes", "Visits"), ("x" * 60, "1", "2"))),
    ),
)
SCREEN = (0, 0, 1920, 1040)


def test_every_word_is_there_in_order() -> None:
    assert words_of(NOTICE).split("\r\n") == [
        "It is watched.",
        "",
        "What is collected",
        "• Host names.",
        "• Apps & their time.",
        "",
        "Your totals",
        "\tMinutes\tVisits",
        f"{'x' * CELL_CHARS}\t1\t2",
        "",
        "Fairwatch · notice abc",
    ]


@pytest.mark.parametrize(
    ("sheet", "buttons"),
    [
        (Sheet(notice=NOTICE), [(CLOSE, "Close")]),
        (Sheet(notice=NOTICE, more=("show",)), [(CLOSE, "Close"), (MORE, MORE_WORDS)]),
        (Sheet(notice=NOTICE, acknowledge=True), [(ACKNOWLEDGE, "I have read it"), (CLOSE, "Later")]),
        (
            Sheet(notice=NOTICE, acknowledge=True, opens="https://a.test/"),
            [(ACKNOWLEDGE, "I have read it"), (CLOSE, "Later"), (OPEN, "Open it")],
        ),
    ],
)
def test_it_has_the_buttons_that_its_sheet_asks_for(sheet: Sheet, buttons: list[tuple[int, str]]) -> None:
    assert buttons_of(sheet) == buttons


@pytest.mark.parametrize("scale", [1.0, 1.5, 4.0])
@pytest.mark.parametrize("small", [True, False])
def test_it_lies_within_the_free_part_of_the_screen(scale: float, small: bool) -> None:
    for work in (SCREEN, (60, 30, 1366, 728), (-800, 0, 0, 600)):
        left, top, width, height = area_of(Sheet(notice=NOTICE, small=small), work, scale)
        assert work[0] <= left
        assert work[1] <= top
        assert left + width <= work[2]
        assert top + height <= work[3] or small


PRESSING = """
import ctypes, json, sys
from agent.windows.notice_window import CLASS, TEXT, TITLE
user = ctypes.WinDLL("user32")
for function in (user.FindWindowW, user.GetDlgItem, user.SendMessageW):
    function.restype = ctypes.c_void_p
user.GetDlgItem.argtypes = (ctypes.c_void_p, ctypes.c_int)
user.SendMessageW.argtypes = (ctypes.c_void_p, ctypes.c_uint, ctypes.c_size_t, ctypes.c_void_p)
window = user.FindWindowW(CLASS, None)
words = ctypes.create_unicode_buffer(65536)
said = []
for number in (TITLE, TEXT):
    user.SendMessageW(user.GetDlgItem(window, number), 0x000D, 65536, ctypes.cast(words, ctypes.c_void_p))
    said.append(words.value)
user.SendMessageW(user.GetDlgItem(window, int(sys.argv[1])), 0x00F5, 0, None)
print(json.dumps(said))
"""
Open = Callable[[Sheet], Window]


@pytest.fixture
def opened(wine_on_screen) -> Iterator[Open]:
    """Opens windows as the session part does; they end with the test."""
    windows: list[Window] = []

    def open_one(sheet: Sheet) -> Window:
        wine_on_screen.wake()
        command = ("wine", str(wine_on_screen.program), "-m", "agent", "session", "--window")
        windows.append(Window(sheet, wine_on_screen.environment, command))
        return windows[-1]

    yield open_one
    for window in windows:
        window.close()


def said_by(window: Window) -> list[str]:
    """What a window says until it closes."""
    said = list[str]()
    until(lambda: said.append(window.read()) or said[-1] in ("closed", "failed"), 60)
    return [word for word in said if word]


@pytest.mark.more
@pytest.mark.parametrize(
    ("sheet", "button", "said"),
    [
        (Sheet(notice=NOTICE), CLOSE, ["closed"]),
        (Sheet(notice=NOTICE, acknowledge=True), ACKNOWLEDGE, ["acknowledged", "closed"]),
        (Sheet(notice=NOTICE, acknowledge=True), CLOSE, ["closed"]),
    ],
)
def test_on_windows_it_shows_every_word_and_its_buttons_close_it(
    wine_on_screen, opened: Open, sheet: Sheet, button: int, said: list[str]
) -> None:
    window = opened(sheet)
    assert window.read() == "shown"
    title, words = json.loads(wine_on_screen.run(PRESSING, str(button)))
    assert (title, words) == (NOTICE.title, words_of(NOTICE))
    assert said_by(window) == said


@pytest.mark.more
def test_on_windows_a_reminder_goes_by_itself(wine_on_screen, opened: Open) -> None:
    bare = msgspec.structs.replace(NOTICE, sections=())
    assert said_by(opened(Sheet(notice=bare, small=True, closes_after_seconds=1))) == ["shown", "closed"]


@pytest.mark.more
def test_on_windows_a_key_closes_it_from_within_the_words(wine_on_screen, opened: Open) -> None:
    window = opened(Sheet(notice=NOTICE))
    assert window.read() == "shown"
    pressing = ["xdotool", "search", "--sync", "--name", "^Fairwatch$", "windowfocus", "--sync", "key", "Escape"]
    subprocess.run(pressing, env=wine_on_screen.environment, check=True, timeout=30)
    assert said_by(window) == ["closed"]
