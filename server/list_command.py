"""`fairwatch-server lists`: say how the fetched lists stand, fetch one now, release one, or copy one out to sign."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from server.errors import SetUpError
from server.start import require

if TYPE_CHECKING:
    from server.lists import ListRow

ACTIONS = ("refresh", "release", "export")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `lists` takes."""
    parser.add_argument("action", nargs="?", choices=ACTIONS, help="what to do; without it, every list is told")
    parser.add_argument("id", nargs="?", help="the list, as collector.toml calls it")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="where `export` copies pack and report")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Do it; 1 when a list could not be fetched."""
    if (args.action is None) != (args.id is None):
        raise SetUpError(f"say which list: fairwatch-server lists {args.action} ID")
    if (args.action == "export") != (args.output is not None):
        raise SetUpError("-o FOLDER goes with export: fairwatch-server lists export ID -o FOLDER")
    require(args.data_dir)
    from server import lists

    now = datetime.now(UTC)
    failed = False
    if args.action == "refresh":
        failed = lists.refresh(args.id, now) == "failed"
    elif args.action == "release":
        lists.release(args.id, "command", now)
    elif args.action == "export":
        written = lists.export(args.id, args.output)
        _print({"written": [str(path) for path in written]} if args.json else "\n".join(map(str, written)))
        return 0
    rows = [row for row in lists.overview() if args.id in (None, row.id)]
    if args.json:
        _print({"lists": msgspec.to_builtins(rows)})
    else:
        _print("\n".join(map(_told, rows)) or "No list is in collector.toml; add [[lists]] to have one fetched.")
    return int(failed)


def _told(row: ListRow) -> str:
    lines = [f"{row.id}: {row.state} ({row.licence})"]
    if row.problem:
        lines.append(f"  the last try failed: {row.problem}")
    if row.held:
        lines.append(f"  held back: {row.held_why}; release it with: fairwatch-server lists release {row.id}")
    if row.offered is not None:
        change = row.offered
        lines.append(f"  offered: {change.after:,} entries, {change.added:,} added, {change.removed:,} removed")
    return "\n".join(lines)


def _print(what: Any) -> None:
    print(what if isinstance(what, str) else json.dumps(what))  # noqa: T201
