"""`fairwatch-server training`: take in training dates, or say who is due."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from server.errors import SetUpError
from server.start import require

if TYPE_CHECKING:
    from server.training import Register, Standing
    from server.training_import import Preview


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `training` takes."""
    parser.add_argument("action", choices=("due", "import"), help="say who is due, or take in a file of dates")
    parser.add_argument("file", type=Path, nargs="?", help="with import: CSV of sign-in name, course and date done")
    parser.add_argument("--dry-run", action="store_true", help="with import: only say what would change")
    parser.add_argument("--whole", action="store_true", help="with import: take out dates that the file doesn't have")
    parser.add_argument("--group", help="with due: one group alone")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Import, or list who is due; 0 once it is done, also where somebody is due."""
    if args.action == "import" and (args.file is None or args.group is not None):
        raise SetUpError("--group goes with due" if args.file is not None else "import needs a file")
    if args.action == "due" and (args.file is not None or args.dry_run or args.whole):
        raise SetUpError("a file, --dry-run and --whole go with import")
    require(args.data_dir)
    now = datetime.now(UTC)
    from server.working_hours import organisation_zone

    today = now.astimezone(organisation_zone()).date()
    return _import(args, today, now) if args.action == "import" else _due(args, today)


def _import(args: argparse.Namespace, today: date, now: datetime) -> int:
    from server import csv_file, training_file, training_import

    with args.file.open("rb") as file:
        given = training_file.read(file.read(csv_file.FILE_MAX_BYTES + 1), today)
    if args.dry_run:
        done = training_import.preview(given, whole=args.whole)
    else:
        done = training_import.apply(given, "command", now, whole=args.whole)
    if args.json:
        told = {
            **done.counts,
            "courses": {course.name: course.lines for course in done.courses},
            "not_in_the_list_of_people": done.strangers,
            "done": not args.dry_run,
        }
        print(json.dumps(told))  # noqa: T201
    else:
        print(_told(done, dry=args.dry_run))  # noqa: T201
    return 0


def _told(done: Preview, *, dry: bool) -> str:
    counts = done.counts
    said = f"{counts['new']} new, {counts['changed']} changed, {counts['gone']} taken out, "
    said += f"{counts['unchanged']} as before"
    lines = [f"Nothing was changed. It would be: {said}" if dry else f"Imported: {said}"]
    lines += [
        f"  {one.name}: {one.lines} line{'' if one.lines == 1 else 's'}{' (a new course)' if one.new else ''}"
        for one in done.courses
    ]
    if done.strangers:
        lines.append(f"{len(done.strangers)} sign-in names are not in the list of people: {_some(done.strangers)}")
    if done.most_gone:
        lines.append("Most dates would be taken out: is this the whole register?" if dry else "Most dates are gone.")
    return "\n".join(lines)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _due(args: argparse.Namespace, today: date) -> int:
    from server import training

    found = training.register(today, lambda group: args.group in (None, group))
    if args.group is not None and not found.standings:
        raise SetUpError(f"nobody is known in the group {args.group!r}")
    if args.json:
        told = {
            "today": today.isoformat(),
            "due": [_as_json(one) for one in found.due],
            "groups": [asdict(one) for one in found.counts],
            "not_placed": found.unplaced,
        }
        print(json.dumps(told))  # noqa: T201
        return 0
    sys.stdout.write(_listed(found))
    return 0


def _as_json(one: Standing) -> dict[str, object]:
    said = asdict(one)
    return said | {name: day.isoformat() for name in ("done_on", "due_on") if (day := said[name]) is not None}


def _listed(found: Register) -> str:
    lines = []
    for one in found.due:
        who = f"{one.name} ({one.account})" if one.name else one.account
        when = f"due {one.due_on}, last done {one.done_on}" if one.done_on is not None else "no date is known"
        lines.append(f"{one.state:<8} {who}, {one.group or 'no group'}: {one.course}, {when}")
    count = Counter(one.state for one in found.standings)
    lines.append(
        f"{count['overdue']} overdue, {count['missing']} without a date, {count['soon']} due within 30 days, "
        f"{count['in_date']} in date"
    )
    if found.unplaced:
        lines.append(
            f"Of {found.unplaced} people it can't be told whether they are staff: their group is in no policy."
        )
    return "\n".join([*lines, ""])
