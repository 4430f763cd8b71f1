"""Ad-block style: whole sites only."""

from __future__ import annotations

import pytest

from rules.errors import EntryRefused
from rules.formats.adblock import parser


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("||a.example^", ["a.example"]),
        ("||a.example^$all", ["a.example"]),
        ("||a.example^$document,popup", ["a.example"]),
        ("||a.example^|", ["a.example"]),
        ("! comment", []),
        ("[Adblock Plus 2.0]", []),
        ("# comment", []),
        ("", []),
    ],
)
def test_the_names_on_a_line_are_found(line: str, names: list[str]) -> None:
    assert list(parser()(line)) == names


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("@@||a.example^", "exception"),
        ("||a.example^$third-party", "part of a site"),
        ("||a.example/path^|x", "not a"),
        ("a.example##.banner", "not a"),
        ("a.example", "not a"),
        ("|http://a.example", "not a"),
        ("||a.example", "not a"),
        ("||a.example^path", "not a"),
        ("/banner[0-9]+/", "not a"),
    ],
)
def test_a_line_that_names_no_whole_site_is_refused(line: str, reason: str) -> None:
    with pytest.raises(EntryRefused, match=reason):
        parser()(line)
