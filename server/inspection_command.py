"""`fairwatch-server inspection`: write one PDF for a visit tomorrow, from what is in force and what is kept."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from server import report_file
from server.start import require


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `inspection` takes."""
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="where to write the PDF")


def run(args: argparse.Namespace) -> int:
    """Gather, render and write; 0 once it is written."""
    require(args.data_dir)
    from server import year_formats

    report_file.write(args.output, year_formats.inspection(datetime.now(UTC)))
    return 0
