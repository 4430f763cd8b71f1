"""fairwatch-rules check: says for each name which categories, entry and lists of one pack match it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rules.apps import entries_for, is_app, normalise_app
from rules.curated import shipped_packs
from rules.errors import AppRefused, HostRefused
from rules.hosts import normalise_host, suffixes
from rules.index import Index
from rules.known import Known
from rules.model import Match, Taxonomy


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `check` takes."""
    parser.add_argument("pack", type=Path, metavar="PACK")
    parser.add_argument(
        "names", nargs="*", metavar="HOST", help="host names or app identities; without any, from stdin"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def run(arguments: argparse.Namespace) -> int:
    """Says for each name which categories and entry of the pack match it; one line a name, in order."""
    index = Index.open(arguments.pack)
    try:
        index.verify()
        taxonomy = Taxonomy.shipped()
        known = Known.of(shipped_packs(taxonomy), taxonomy)
        for name in arguments.names or _lines_of_stdin():
            matches, held = _matches(index, name, known)
            print(json.dumps(_object(name, matches, held)) if arguments.json else _line(name, matches, held))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has seen enough
    finally:
        index.close()
    return 0


Held = tuple[str, list[str], str]  # the entry that stands above the pack, what it makes of the name, and which list


def _matches(index: Index, name: str, known: Known) -> tuple[list[Match], Held | None]:
    """What the pack says of one name, and what stands above it where it says anything."""
    try:
        if is_app(name):
            found = [match for entry in entries_for(normalise_app(name)) for match in index.find_app(entry)]
            covering = []
        else:
            host = normalise_host(name)
            found, covering = index.find_host(host), suffixes(host)
    except (HostRefused, AppRefused):
        return [], None
    lists: dict[tuple[str, str], list[str]] = {}
    for entry, set_id in found:
        for category, list_id in index.pairs(set_id):
            lists.setdefault((entry, category), []).append(list_id)
    matches = [Match(category, entry, tuple(sorted(named))) for (entry, category), named in lists.items()]
    return matches, _above(matches, covering, known) if matches else None


def _above(matches: list[Match], covering: list[str], known: Known) -> Held | None:
    """A protected or allowed site keeps its pack's entry from acting, unless the pack protects the same."""
    entry = next((name for name in covering if name in known.protected), None)
    if entry is not None:
        category = known.protected[entry]
        return None if category in {match.category for match in matches} else (entry, [category], "protected")
    entry = next((name for name in covering if name in known.allowed), None)
    return None if entry is None else (entry, [], "allowed")


def _object(name: str, matches: list[Match], held: Held | None) -> dict[str, Any]:
    if held is not None:
        entry, categories, source = held
        return {"name": name, "categories": categories, "matched": entry, "sources": [source]}
    return {
        "name": name,
        "categories": sorted({match.category for match in matches}),
        "matched": matches[0].entry if matches else None,
        "sources": sorted({source for match in matches for source in match.lists}),
    }


def _line(name: str, matches: list[Match], held: Held | None) -> str:
    shown = name.encode("ascii", "backslashreplace").decode("ascii")
    if held is not None:
        entry, categories, source = held
        return f"{shown}: {', '.join(categories) or 'nothing'} by {entry} ({source}, above every list)"
    if not matches:
        return f"{shown}: {_why_none(name) or 'nothing'}"
    return f"{shown}: " + "; ".join(
        f"{match.category} by {match.entry} ({_agreement(match.lists)}: {', '.join(match.lists)})"
        for match in sorted(matches, key=lambda match: (-len(match.entry), match.category))
    )


def _why_none(name: str) -> str:
    """Why a text is no name that a pack could hold; empty where it is one, or an empty line."""
    try:
        if name:
            normalise_app(name) if is_app(name) else normalise_host(name)
    except (HostRefused, AppRefused) as error:
        return f"not a name to look up: {error}"
    return ""


def _agreement(lists: tuple[str, ...]) -> str:
    return "1 list" if len(lists) == 1 else f"{len(lists)} lists agree"


def _lines_of_stdin() -> Iterator[str]:
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "surrogateescape").rstrip("\r\n")
