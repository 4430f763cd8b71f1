"""Finds on which line of a TOML text each key stands, since the standard reader does not say."""

from __future__ import annotations

import re

KeyPath = tuple[str, ...]  # as in ("groups", "staff", "name"); the n-th [[table]] adds its number, as in ("a", "0")

_strings = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')
_header = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?")
_key = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=""")
_part = re.compile(r"""\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+)\s*\.?""")
_error_line = re.compile(r"at line (\d+)")


def lines_of_keys(text: str) -> dict[KeyPath, int]:
    """The line, from one, of every table header and every key outside inline tables, in a text that is valid TOML."""
    found: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    depth, quoted = 0, False
    for number, line in enumerate(text.splitlines(), start=1):
        marks = line.count('"""') + line.count("'''")
        if quoted or depth > 0:
            quoted ^= marks % 2 == 1
            depth += 0 if quoted else _depth_change(line)
            continue
        header = _header.match(line)
        if header is not None:
            table = _parts(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, str(counts[table]))
            found.setdefault(table, number)
            continue
        key = _key.match(line)
        if key is not None:
            found.setdefault((*table, *_parts(key[1])), number)
            quoted = marks % 2 == 1
            depth = 0 if quoted else max(0, _depth_change(line[key.end() :]))
    return found


def line_of_error(message: str) -> int | None:
    """The line that a message of the standard reader names."""
    found = _error_line.search(message)
    return int(found[1]) if found is not None else None


def _depth_change(line: str) -> int:
    bare = _strings.sub("", line).partition("#")[0]
    return bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}")


def _parts(text: str) -> KeyPath:
    return tuple(part.strip("\"'") for part in _part.findall(text))
