"""Takes lists in big bites: tells at once of many lines that each is a host name already in its one spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from rules.hosts import MAX_LABEL_CHARACTERS

BITE_LINES = 256  # a bite with one line that is not plain is read line by line
PLAIN_FORMATS = frozenset({"domains", "ut1"})  # those in which such a line means itself

# What `normalise_host` takes as it is, of two labels or more, line by line.
_plain_lines = re.compile(rb"(?:(?:[a-z0-9_-]++\.)++[a-z]++\n)++").fullmatch


class PlainHosts(NamedTuple):
    """Host names in their one spelling, what stands above each (its parent), and whether any has a third label."""

    names: list[bytes]
    parents: set[bytes]
    deep: bool


def bites(lines: Iterable[bytes | None]) -> Iterator[list[bytes | None]]:
    """The lines, some at a time."""
    rest = iter(lines)
    while bite := list(islice(rest, BITE_LINES)):
        yield bite


def plain_hosts(lines: Sequence[bytes | None]) -> PlainHosts | None:
    """The lines as host names where each is nothing but one that is normal already; or None."""
    names = [*filter(None, lines)]
    if len(names) < len(lines) or max(map(len, names), default=0) > MAX_LABEL_CHARACTERS:
        return None
    whole = b"\n".join(names)
    if b"xn--" in whole or _plain_lines(whole + b"\n") is None:
        return None
    if whole.count(b".") > len(names):
        return PlainHosts(names, {name.partition(b".")[2] for name in names}, deep=True)
    return PlainHosts(names, set(whole.replace(b".", b"\n").split(b"\n")[1::2]), deep=False)
