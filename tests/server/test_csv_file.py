"""A table is read from what spreadsheets write; its texts and dates are checked cell by cell."""

from __future__ import annotations

from datetime import date

import pytest

from server import csv_file
from server.csv_file import LineFault
from server.errors import ImportRefused


def test_lines_keep_their_numbers_over_empty_ones_and_breaks_in_quotes():
    found = list(csv_file.rows(b'a,b\n\n"x\ny",1\nz,2\n', "a table"))
    assert found == [(1, ["a", "b"]), (3, ["x\ny", "1"]), (5, ["z", "2"])]


def test_a_file_that_is_too_large_is_refused_by_what_it_should_be():
    with pytest.raises(ImportRefused, match="larger than 10 MB; expected training dates as CSV"):
        list(csv_file.rows(b"x" * (csv_file.FILE_MAX_BYTES + 1), "training dates"))


@pytest.mark.parametrize(
    "text", ["2026-07-31", "31/07/2026", "31.07.2026", "31-07-2026", "31 Jul 2026", "31 July 2026"]
)
@pytest.mark.parametrize("after", ["", " 00:00:00"])
def test_a_day_is_read_in_british_order(text, after):
    assert csv_file.day(text + after, "date done") == date(2026, 7, 31)


@pytest.mark.parametrize("text", ["07/31/2026", "2026-02-30", "31/02/2026", "46234", "1926-07-31", "soon", "2026"])
def test_what_is_no_day_is_said_with_an_example(text):
    with pytest.raises(LineFault, match="the date done can't be read; expected 2026-07-31 or 31/07/2026"):
        csv_file.day(text, "date done")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "the course is empty"),
        ("x" * 201, "longer than 200"),
        ("ß" * 101, "longer than 200"),
        ("=1+1", "begins with «=»"),
        ("a\u200bb", "invisible character"),
    ],
)
def test_a_text_that_can_do_harm_is_refused(value, words):
    with pytest.raises(LineFault, match=words):
        csv_file.check_text(value, "course", needed=True)
    csv_file.check_text("Prevent – part 2", "course", needed=True)
