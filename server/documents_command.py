"""`fairwatch-server documents`: say who has still to acknowledge which document of the signed policy."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime

from server.errors import SetUpError
from server.start import require


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `documents` takes."""
    parser.add_argument("--group", help="one group alone")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """List who has still to acknowledge what, and the numbers; 0 also where somebody has."""
    require(args.data_dir)
    from server import acknowledgements
    from server.working_hours import organisation_zone

    today = datetime.now(UTC).astimezone(organisation_zone()).date()
    found = acknowledgements.register(today, lambda group: args.group in (None, group))
    if args.group is not None and found.documents and not found.standings:
        raise SetUpError(f"nobody is known in the group {args.group!r} who is asked to acknowledge anything")
    if args.json:
        due = [{name: value for name, value in asdict(one).items() if name != "at"} for one in found.due]
        print(json.dumps({"due": due, "groups": [asdict(one) for one in found.counts]}))  # noqa: T201
        return 0
    lines = [f"{one.name} ({one.account}), {one.group or 'no group'}: {one.title}" for one in found.due]
    lines += [
        f"{one.title}, version {one.version}, {one.group or 'no group'}: {one.acknowledged} of {one.people}"
        for one in found.counts
    ]
    sys.stdout.write("\n".join([*(lines or ["the signed policy asks nobody to acknowledge anything"]), ""]))
    return 0
