"""Bare domains: one a line, comments left out."""

from __future__ import annotations

import pytest

from rules.formats.domains import parser


@pytest.mark.parametrize(
    ("line", "names"),
    [("a.example", ["a.example"]), ("  a.example  # why", ["a.example"]), ("# comment", []), ("", []), ("   ", [])],
)
def test_the_name_on_a_line_is_found(line: str, names: list[str]) -> None:
    assert list(parser()(line)) == names
