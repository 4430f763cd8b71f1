"""`fairwatch-server people import FILE`: take in who uses the devices, for leads to see names beside accounts."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from server.start import require

if TYPE_CHECKING:
    from server.people_import import Preview


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `people` takes."""
    parser.add_argument("action", choices=("import",), help="what to do")
    parser.add_argument("file", type=Path, help="CSV with headings, or a user export of Entra ID")
    parser.add_argument("--dry-run", action="store_true", help="only say what would change")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Import, or say what would change; 1 when lines were left out, each named on standard error."""
    require(args.data_dir)
    from server import people_file, people_import

    with args.file.open("rb") as file:
        given = people_file.read(file.read(people_file.FILE_MAX_BYTES + 1))
    done = people_import.preview(given) if args.dry_run else people_import.apply(given, "command", datetime.now(UTC))
    if args.json:
        problems = [{"line": one.line, "problem": one.problem} for one in done.problems]
        print(json.dumps({**done.counts, "problems": problems, "done": not args.dry_run}))  # noqa: T201
    else:
        print(_told(done, dry=args.dry_run))  # noqa: T201
        for one in done.problems:
            print(f"{args.file} line {one.line}: {one.problem}", file=sys.stderr)  # noqa: T201
    return int(bool(done.problems))


def _told(done: Preview, *, dry: bool) -> str:
    counts, left_out = done.counts, done.counts["left_out"]
    said = f"{counts['new']} new, {counts['changed']} changed, {counts['gone']} no longer listed, "
    said += f"{counts['unchanged']} as before, {left_out} line{'' if left_out == 1 else 's'} left out"
    if done.most_gone:
        said += "\nMost people would be gone: is this the whole list?" if dry else "\nMost people are no longer listed."
    return f"Nothing was changed. It would be: {said}" if dry else f"Imported: {said}"
