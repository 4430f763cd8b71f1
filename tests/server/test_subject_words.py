"""The words of the document: every column has some, and spans of use read as people say them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from server import subject_rows
from server.subject_words import COLUMNS, RIGHTS, duration


def test_every_column_that_a_row_can_have_has_words():
    tree = ast.parse(Path(subject_rows.__file__).read_text("utf-8"))
    keys = {
        key.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }
    assert keys == set(COLUMNS)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (7500, "2 h 05 min")]
)
def test_spans_of_use_are_in_hours_and_minutes(seconds, words):
    assert duration(seconds) == words


def test_each_right_says_what_can_be_done_and_what_can_not():
    assert {name.split()[-1] for name, _ in RIGHTS} == {"corrected", "erased", "use", "Objecting", "Complaining"}
    for _, words in RIGHTS:
        assert words.endswith((".", ","))
