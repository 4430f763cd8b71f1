"""CSV: the column of host names is found by its heading, or is the first where there is no heading."""

from __future__ import annotations

import pytest

from rules.errors import EntryRefused, ListError
from rules.formats.csv_table import parser


def _names(text: str) -> list[str]:
    parse = parser()
    return [name for line in text.splitlines() for name in parse(line)]


@pytest.mark.parametrize(
    "text",
    [
        "domain,note\na.example,x\nb.example,y",
        "note,Host\nx,a.example\n\n# comment\ny,b.example",
        'note,"hostname"\n"x, and more",a.example\ny,"b.example"',
        "a.example,x\nb.example,y",
        "\ufeffdomain\na.example\nb.example",
    ],
)
def test_the_column_of_hosts_is_read(text: str) -> None:
    assert _names(text) == ["a.example", "b.example"]


def test_a_table_without_a_column_of_hosts_is_refused() -> None:
    with pytest.raises(ListError, match="no column of host names: expected one called domain, host, hostname"):
        _names("category,count\ngambling,3")


def test_a_row_that_is_cut_short_or_broken_is_refused() -> None:
    parse = parser()
    assert list(parse("note,domain")) == []
    with pytest.raises(EntryRefused, match="without the host name's column"):
        parse("only")
    with pytest.raises(EntryRefused, match="not a row of CSV"):
        parse('x,"open')


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_first_row_tells_what_separates_the_columns(delimiter: str) -> None:
    parse = parser()
    assert list(parse(delimiter.join(["added", "domain", "note"]))) == []
    assert list(parse(delimiter.join(["2026-11-22", "a.example", '"x"']))) == ["a.example"]
