"""Holds the terminal's form of a sheet to all of its parts, in their order."""

from __future__ import annotations

from custody.sheet import Line, Section, Sheet


def test_the_terminal_shows_what_changes_then_who_signs_then_until_when():
    change = Section("Change", (Line("NEW Sam", "new", "aa bb"), Line("rest")))
    sheet = Sheet("Title", "Sign?", (change,), (Line("Alex"),), (Line("May"),))
    assert list(sheet.as_text()) == [
        "--- Change ---", "NEW Sam, key aa bb", "rest", "--- Who signs ---", "Alex", "--- Until when ---", "May",
    ]  # fmt: skip
