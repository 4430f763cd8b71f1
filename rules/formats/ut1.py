"""UT1 files: `domains` holds bare names, `urls` holds names with paths; a URL that names only a host counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rules.errors import EntryRefused


def parser() -> Callable[[str], Sequence[str]]:
    """A parser for one `domains` or `urls` file."""
    return parse_line


def parse_line(line: str) -> Sequence[str]:
    """The host on this line; raises EntryRefused for a path, which host names alone can't match."""
    entry = line.strip()
    if not entry or entry.startswith("#"):
        return ()
    entry = entry.removeprefix("http://").removeprefix("https://")
    host, slash, path = entry.partition("/")
    if slash and path:
        raise EntryRefused("a path: not matchable by host name")
    return (host,)
