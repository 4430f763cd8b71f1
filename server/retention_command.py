"""`fairwatch-server retention`: say what is kept for how long and why, or delete now what is over.

It counts nothing: what goes next, and how many, is for the data protection officer's page.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime
from textwrap import fill

from server.start import require

_WIDTH = 96


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `retention` takes."""
    parser.add_argument("--now", action="store_true", help="delete what is over now, as is done each night")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the table, after deleting with `--now`."""
    require(args.data_dir)
    from django.conf import settings

    from server import retention
    from server.retention_kinds import KEPT, KINDS, period

    if args.now:
        now = datetime.now(UTC)
        retention.nightly(now)
        retention.delete_files(now)
    chosen = settings.CONFIG.retention
    if args.json:
        kinds = [{**asdict(kind), "default": kind.days, "days": period(kind, chosen).days} for kind in KINDS]
        kept = [asdict(one) for one in KEPT]
        print(json.dumps({"deleted": args.now, "kinds": kinds, "kept": kept}))  # noqa: T201
        return 0
    for kind in KINDS:
        bounds = f"{kind.id} = {kind.least} to {kind.most}" if kind.settable else "fixed"
        print(f"{kind.name}: {period(kind, chosen).days} days after {kind.since}  ({bounds})")  # noqa: T201
        print(_indented(f"{kind.reason} {kind.source}."))  # noqa: T201
    print("Not deleted by age:")  # noqa: T201
    for one in KEPT:
        print(_indented(f"{one.name}. {one.reason}"))  # noqa: T201
    if args.now:
        print("Deleted what was over. The data protection officer's page says what and how many.")  # noqa: T201
    return 0


def _indented(text: str) -> str:
    return fill(text, _WIDTH, initial_indent="    ", subsequent_indent="    ")
