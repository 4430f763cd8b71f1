"""Hosts files: names behind an address, the machine's own names left out."""

from __future__ import annotations

import pytest

from rules.errors import EntryRefused
from rules.formats.hosts_file import parser


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("0.0.0.0 a.example", ["a.example"]),
        ("127.0.0.1\ta.example b.example # both", ["a.example", "b.example"]),
        ("::1 localhost ip6-localhost", []),
        ("fe80::1%lo0 localhost", []),
        ("255.255.255.255 broadcasthost", []),
        ("0.0.0.0 0.0.0.0", []),
        ("# comment", []),
        ("   ", []),
        ("::  a.example", ["a.example"]),
    ],
)
def test_the_names_on_a_line_are_found(line: str, names: list[str]) -> None:
    assert list(parser()(line)) == names


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a.example", "does not begin with an address"),
        ("300.1.1.1 a.example", "does not begin with an address"),
        ("0.0.0.0", "without a host name"),
    ],
)
def test_a_line_that_names_no_whole_site_is_refused(line: str, reason: str) -> None:
    with pytest.raises(EntryRefused, match=reason):
        parser()(line)
