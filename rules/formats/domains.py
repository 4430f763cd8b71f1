"""Bare domains: one host name a line, `#` begins a comment."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def parser() -> Callable[[str], Sequence[str]]:
    """A parser for one file of bare domains."""
    return parse_line


def parse_line(line: str) -> Sequence[str]:
    """The host name on this line, or nothing for a comment or an empty line."""
    if "#" in line:
        line = line.partition("#")[0]
    name = line.strip()
    return (name,) if name else ()
