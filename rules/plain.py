"""Takes lists in big bites: tells at once of many lines that each is a host name already in its one spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from rules.hosts import MAX_LABEL_CHARACTERS

BITE_LINES = 256  # a bite with one line that is not plain is read line by line
PLAIN_FORMATS = frozenset({"domains", "ut1"})  # those in which such a line means itself

# What `normalise_host` takes as it is, of two labels or more, line by line.
_plain_lines = re.compile(rb"(?:(?:[a-z0-9_-]++\.)++[a-z]++\n)++").fullmatch


def bites(lines: Iterable[bytes | None]) -> Iterator[list[bytes | None]]:
    """The lines, some at a time."""
    rest = iter(lines)
    while bite := list(islice(rest, BITE_LINES)):
        yield bite


def plain_hosts(lines: Sequence[bytes | None]) -> tuple[list[bytes], list[str]] | None:
    """The lines as host names, in bytes and as text, where each is nothing but one that is normal already; or None."""
    names = [*filter(None, lines)]
    if len(names) < len(lines) or max(map(len, names), default=0) > MAX_LABEL_CHARACTERS:
        return None
    whole = b"\n".join(names)
    if b"xn--" in whole or _plain_lines(whole + b"\n") is None:
        return None
    return names, whole.decode("ascii").split("\n")
