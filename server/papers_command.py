"""`fairwatch-server papers`: write the papers for the data protection officer, made from the configuration in force."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

from server.start import require, set_up


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `papers` takes."""
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="the folder to write them into")
    parser.add_argument("--format", choices=("html", "pdf", "both"), default="both", help="default: %(default)s")
    parser.add_argument(
        "--defaults", action="store_true", help="for the settings that Fairwatch comes with, of no organisation"
    )
    parser.add_argument("--json", action="store_true", help="print which files were written, as one line of JSON")


def run(args: argparse.Namespace) -> int:
    """Write every paper and a README; 0 once all are written."""
    (set_up if args.defaults else require)(args.data_dir)
    from django.conf import settings

    from server import papers, papers_formats

    facts = (
        papers.of_defaults()
        if args.defaults
        else papers.of_collector(args.data_dir, settings.CONFIG, datetime.now(UTC))
    )
    forms: tuple[papers_formats.Form, ...] = ("html", "pdf") if args.format == "both" else (args.format,)
    written = papers_formats.write_all(facts, args.output, forms)
    names = [str(path) for path in written]
    print(json.dumps({"ok": True, "files": names}) if args.json else "\n".join(names))  # noqa: T201
    return 0
