"""UT1 files: hosts count, paths do not."""

from __future__ import annotations

import pytest

from rules.errors import EntryRefused
from rules.formats.ut1 import parser


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("a.example", ["a.example"]),
        ("a.example/", ["a.example"]),
        ("http://a.example", ["a.example"]),
        ("# comment", []),
        ("", []),
    ],
)
def test_the_names_on_a_line_are_found(line: str, names: list[str]) -> None:
    assert list(parser()(line)) == names


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a.example/path", "path: not matchable"),
        ("https://a.example/x?y", "path: not matchable"),
    ],
)
def test_a_line_that_names_no_whole_site_is_refused(line: str, reason: str) -> None:
    with pytest.raises(EntryRefused, match=reason):
        parser()(line)
