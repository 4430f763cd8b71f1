"""RPZ zones: the names whose answers change, relative to the zone or absolute."""

from __future__ import annotations

import pytest

from rules.errors import EntryRefused
from rules.formats.rpz import parser


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("a.example CNAME .", ["a.example"]),
        ("*.a.example CNAME *.", ["a.example"]),
        ("a.example 60 IN CNAME .", ["a.example"]),
        ("a.example IN 60 A 192.0.2.1", ["a.example"]),
        ('a.example TXT "why" ; comment', ["a.example"]),
        ("$TTL 3600", []),
        ("; comment", []),
        ("@ IN SOA localhost. root.localhost. 1 2 3 4 5", []),
        ("   IN NS localhost.", []),
        ("zone.example. IN NS localhost.", []),
        ("", []),
    ],
)
def test_the_names_on_a_line_are_found(line: str, names: list[str]) -> None:
    assert list(parser()(line)) == names


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a.example CNAME rpz-passthru.", "exception"),
        ("32.1.2.0.192.rpz-ip CNAME .", "not matchable"),
        ("ns.example.rpz-nsdname CNAME .", "not matchable"),
        ("a.example MX 10 mail.", "names no site"),
        ("a.example", "not a zone record"),
        ("$INCLUDE other", "directive"),
    ],
)
def test_a_line_that_names_no_whole_site_is_refused(line: str, reason: str) -> None:
    with pytest.raises(EntryRefused, match=reason):
        parser()(line)


def test_names_are_relative_to_the_origin_and_records_may_span_lines() -> None:
    parse = parser()
    zone = """$ORIGIN rpz.local.
$TTL 300
@ IN SOA localhost. root.localhost. (
    2026112201 ; serial
    3600 600 86400 300 )
  IN NS localhost.
one.example IN CNAME .
two.example.rpz.local. IN CNAME .
*.three.example IN CNAME .
"""
    found = [name for line in zone.splitlines() for name in parse(line)]
    assert found == ["one.example", "two.example", "three.example"]
