"""`fairwatch-server review`: write the yearly review for the advisory board, from what is kept."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from server import report_file
from server.errors import SetUpError
from server.start import require


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `review` takes."""
    parser.add_argument(
        "--until",
        default="",
        metavar="YYYY-MM",
        help="the last of the twelve months (default: the newest that is over)",
    )
    parser.add_argument("--format", choices=("html", "pdf", "json"), default="html", help="default: %(default)s")
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="where to write it (default: standard output)"
    )


def run(args: argparse.Namespace) -> int:
    """Gather, render and write; 0 once it is written."""
    require(args.data_dir)
    from server import year_formats, yearly_review
    from server.errors import NotThere

    try:
        made = yearly_review.of(args.until, datetime.now(UTC))
    except NotThere as fault:
        raise SetUpError(str(fault)) from None
    report_file.write(args.output, year_formats.review_as(made, args.format))
    return 0
