"""Training dates are read from CSV; one wrong line refuses the whole file, with every line's number and fault."""

from __future__ import annotations

import re
from datetime import date

import pytest

from server.errors import ImportRefused
from server.training_file import read

TODAY = date(2026, 11, 20)
GOOD = (
    "Sign-in name,Course,Date done,Expires\r\n"
    "zoë@example.org,Safeguarding,01/09/2026,2027-09-01\r\n"
    "ben,Prevent  duty,2026-01-31,\r\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_each_encoding_and_separator_gives_the_same_dates(encoding, separator):
    zoe, ben = read(GOOD.replace(",", separator).encode(encoding), TODAY).entries
    assert (zoe.account, zoe.course, zoe.done_on, zoe.due_on) == (
        "zoë@example.org", "Safeguarding", date(2026, 9, 1), date(2027, 9, 1),
    )  # fmt: skip
    assert (ben.course, ben.due_on, ben.line) == ("Prevent duty", None, 3)


def test_headings_stand_in_any_order_and_other_columns_are_named():
    given = read(b"Completed on,Provider,Training,Username\n31/10/2026,NSPCC,Prevent,anna\n", TODAY)
    (anna,) = given.entries
    assert (anna.account, anna.course, anna.done_on, given.ignored) == (
        "anna", "Prevent", date(2026, 10, 31), ("Provider",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("account,course,done\n", "the file has headings alone"),
        ("account,done\nx,2026-01-01\n", "line 1: no column is the course; expected «course» or «course name», found"),
        ("account,course\nx,Prevent\n", "line 1: no column is the date done; expected «date done» or «completed»"),
        ("account,account,course,done\n", "line 1: two columns are called «account»"),
        ("account,course,done\nx,Prevent,2026-11-21\n", "nothing was imported: line 2: .* is still to come"),
        ("account,course,done\nx,Prevent,2026-02-29\n", "line 2: the date done can't be read"),
        ("account,course,done\nx,Prevent,\n", "line 2: the date done is empty"),
        ("account,course,done\nx,,2026-01-01\n", "line 2: the course is empty"),
        ("account,course,done,due\nx,Prevent,2026-01-01,2026-01-01\n", "line 2: the due date, .* is not after"),
        ("account,course,done,due\nx,Prevent,2026-01-01,2126-01-01\n", "line 2: .* more than ten years after"),
        ("account,course,done\na b,Prevent,2026-01-01\n", "line 2: the sign-in name holds a space"),
        ("account,course,done\nx,=cmd,2026-01-01\n", "line 2: the course begins with «=»"),
        ("account,course,done\nx,Prevent,2026-01-01,y\n", "line 2: 4 columns, but 3 headings"),
    ],
)
def test_what_is_no_register_is_refused_in_a_sentence(text, words):
    with pytest.raises(ImportRefused, match=words):
        read(text.encode(), TODAY)


def test_a_person_course_and_date_stand_once_whatever_the_capitals():
    text = "account,course,done\nAnna,Prevent,2026-01-01\nben,Prevent,2026-01-01\nanna,PREVENT ,01/01/2026\n"
    with pytest.raises(ImportRefused, match="line 4: the same sign-in name, course and date as line 2"):
        read(text.encode(), TODAY)
    assert len(read(text.replace("01/01/2026", "02/01/2026").encode(), TODAY).entries) == 3


def test_every_wrong_line_is_named_up_to_ten():
    lines = "".join(f"p{number},Prevent,never\n" for number in range(12))
    with pytest.raises(ImportRefused) as refused:
        read(f"account,course,done\nok,Prevent,2026-01-01\n{lines}".encode(), TODAY)
    assert re.findall(r"line (\d+)", str(refused.value)) == [str(number) for number in range(3, 13)]
    assert str(refused.value).endswith("; and 2 more")
