"""fairwatch-rules build: reads lists, writes one pack, and says what became of every line."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import msgspec

from rules import compiler
from rules.errors import RulesError
from rules.formats import FORMATS
from rules.hosts import normalise_host
from rules.known import read_popular
from rules.model import Taxonomy
from rules.report import printed
from rules.sources import find_lists

_BAR_CHARACTERS = 30
_REDRAW_SECONDS = 0.1  # more often shows nothing more, and slows reading down


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `build` takes."""
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help=f"FORMAT:CATEGORY:PATH; formats: {', '.join(FORMATS)}; a file may be plain, gzip or tar.gz; "
        "ut1:*:PATH takes each folder of a UT1 tree in its own category",
    )
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="PACK", help="the pack to write")
    parser.add_argument(
        "--allow-suffix", action="append", default=[], metavar="NAME", help="a public suffix that may be an entry"
    )
    parser.add_argument(
        "--popular", type=Path, metavar="FILE", help="popular harmless sites, one a line, to count false alarms with"
    )
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Reads every list, drops what can't be an entry and says why, and writes one pack, or leaves the old one."""
    found = find_lists(arguments.sources, Taxonomy.shipped())
    if not arguments.output.parent.is_dir():
        raise RulesError(f"{arguments.output.parent}: no such folder")
    bar = _Bar() if sys.stderr.isatty() else None
    try:
        report = compiler.build(
            found.sources,
            arguments.output,
            named_suffixes=frozenset(normalise_host(name) for name in arguments.allow_suffix),
            popular=read_popular(arguments.popular),
            progress=bar,
        )
    finally:
        if bar is not None:
            bar.end()
    report = msgspec.structs.replace(report, left_out=found.left_out)
    # For whoever signs the pack: its entries have no names in it, so the report is what tells what it holds.
    beside = arguments.output.with_suffix(".report.json")
    try:
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    except OSError as fault:
        raise RulesError(f"{beside}: the report can't be written ({fault.strerror})") from None
    if arguments.json:
        print(json.dumps(msgspec.to_builtins(report)))
    else:
        print("\n".join(printed(report, arguments.output)))
    return 0


class _Bar:
    """How far a build is, redrawn on one line of a terminal."""

    def __init__(self) -> None:
        self._drawn_at = 0.0

    def __call__(self, list_id: str, done_bytes: int, all_bytes: int) -> None:
        now = time.monotonic()
        if now - self._drawn_at < _REDRAW_SECONDS:
            return
        self._drawn_at = now
        share = min(1.0, done_bytes / all_bytes) if all_bytes else 1.0
        bar = ("#" * round(share * _BAR_CHARACTERS)).ljust(_BAR_CHARACTERS, ".")
        name = list_id[-40:].encode("ascii", "backslashreplace").decode("ascii")
        print(f"\r[{bar}] {share:4.0%} {name}\x1b[K", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Clears the line, so that what follows begins on a clean one."""
        if self._drawn_at:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
