"""The command that reads a browser history by hand: every http(s) visit in it, changing nothing.

It tells more than watching collects (imports, frames, redirects, other devices' visits, years back), to whoever may
read the file anyway, and sends nothing anywhere.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from agent.sources.browsers import by_place, profiles_in
from agent.sources.dialect import Visit
from agent.sources.errors import HistoryAbsent, SourceError
from agent.sources.history_file import History, read_steadily

ROWS_AT_ONCE = 50_000
EXIT_DONE = 0
EXIT_BAD_INPUT = 2


class ScannedVisit(msgspec.Struct, frozen=True):
    """One line of the output. `seconds` is how long the browser says the visit lasted, None where it does not say.

    `synced` is true for a visit that the browser marks as another device's; Firefox marks none.
    """

    name: str
    started: datetime
    seconds: float | None
    browser: str
    synced: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.description = "Print every http(s) visit in a browser history, changing nothing. Host names only."
    parser.add_argument("place", metavar="FILE_OR_PROFILE", type=Path, help="a history file or a profile folder")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of a table")


def run(args: argparse.Namespace) -> int:
    """Print the visits. Returns 0, or 2 with one line on stderr when the input can't be read as a history."""
    encoder = msgspec.json.Encoder()
    try:
        for file, browser in _histories(args.place.resolve()):
            for visit in scan(file, browser):
                sys.stdout.write(f"{encoder.encode(visit).decode() if args.json else _row(visit)}\n")
        sys.stdout.flush()
    except (SourceError, OSError, RuntimeError) as error:
        reason = str(error) if isinstance(error, SourceError) else f"It can't be read ({type(error).__name__})."
        sys.stdout.flush()
        sys.stderr.write(f"fairwatch-agent scan-history: {args.place}: {reason}\n")
        return EXIT_BAD_INPUT
    return EXIT_DONE


def scan(file: Path, browser: str | None = None) -> Iterator[ScannedVisit]:
    """Each http(s) visit of a history, by id. `browser` None is told from the path, else from the family.

    Raises a SourceError where the file can't be read as a history, after what could be read.
    """
    after: int | None = -(1 << 63)
    while after is not None:
        visits, family, after = read_steadily(file, _Rows(after).read)
        yield from (_scanned(visit, started, browser or family) for visit, started in visits)


class _Rows:
    """Reads the next rows after an id."""

    def __init__(self, after: int) -> None:
        self._after = after

    def read(self, history: History) -> tuple[list[tuple[Visit, datetime]], str, int | None]:
        """The visits with a host and a time, the family, and the id to go on from (None: that was all)."""
        rows = list(history.visits(after=self._after, until=self._after, limit=ROWS_AT_ONCE))
        visits = []
        for row in rows:
            started = history.dialect.moment(row.at)
            if row.host is not None and started is not None:
                visits.append((row, started))
        return visits, history.dialect.family, rows[-1].id if len(rows) == ROWS_AT_ONCE else None


def _scanned(visit: Visit, started: datetime, browser: str) -> ScannedVisit:
    return ScannedVisit(visit.host or "", started, visit.seconds, browser, visit.synced)


def _histories(place: Path) -> list[tuple[Path, str | None]]:
    """The history files meant by a path: itself, or those of the profile or profiles in the folder."""
    if not place.is_dir():
        return [(place, by_place(place.parent))]
    found = [(profile.history_file.resolve(), profile.browser) for profile in profiles_in([place])]
    if not found:
        raise HistoryAbsent("There is no browser history in this folder.")
    return list(found)


def _row(visit: ScannedVisit) -> str:
    lasted = "" if visit.seconds is None else f"{visit.seconds:.0f} s"
    where = "another device" if visit.synced else ""
    return f"{visit.started:%Y-%m-%d %H:%M:%S} UTC  {visit.browser:<9} {visit.name:<50} {lasted:>9}  {where}".rstrip()
