"""`fairwatch-server subject-access`: write what is held about one person, for a request that the officer started."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

from server.start import require


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `subject-access` takes."""
    parser.add_argument("account", help="the account of an open request; the data protection officer starts one")
    parser.add_argument("--format", choices=("pdf", "json"), default="pdf", help="default: %(default)s")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")
    parser.add_argument("--json", action="store_true", help="print what was written, as one line of JSON")


def run(args: argparse.Namespace) -> int:
    """Write the file, whole or not at all, once the audit log says that it was made at the console."""
    require(args.data_dir)
    from server import subject_access, subject_export
    from server.files import save

    request = subject_access.open_one(args.account)
    made = subject_export.export(request, args.format, "command", datetime.now(UTC))
    save(args.output, made)
    told = {"ok": True, "file": str(args.output), "format": args.format, "due": f"{request.due_on}"}
    print(json.dumps(told) if args.json else f"{args.output}: to be answered by {request.due_on:%-d %B %Y}")  # noqa: T201
    return 0
