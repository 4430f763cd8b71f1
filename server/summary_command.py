"""`fairwatch-server summary`: make a month's summary if it is not there yet, and write it as a file."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from server import report_file
from server.errors import SetUpError
from server.start import require


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `summary` takes."""
    parser.add_argument("--month", required=True, metavar="YYYY-MM", help="the month, as in 2026-10")
    parser.add_argument("--group", help="one group alone (the same figures, fewer)")
    parser.add_argument("--format", choices=("html", "pdf", "csv", "json"), default="html", help="default: %(default)s")
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="where to write it (default: standard output)"
    )


def run(args: argparse.Namespace) -> int:
    """Make what is missing, render, and write; 0 once it is written."""
    require(args.data_dir)
    from server import summary, summary_formats
    from server.errors import NotThere

    try:
        made = summary.newest_or_made(args.month, datetime.now(UTC))
        data = summary_formats.render(made, args.format, args.group)
    except NotThere as fault:
        raise SetUpError(str(fault)) from None
    report_file.write(args.output, data)
    return 0
