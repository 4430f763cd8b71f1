"""`make bench`: run every measurement, each beside its peer or limit in the same run, and print one table."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from datetime import UTC, datetime

from tests.bench.table import Row, render

MEASUREMENTS = {
    "journey": "visit to recorded incident",
    "footprint": "memory and processor time of the agent",
    "ingest": "signed batches a second, beside aw-server and raw SQLite",
    "outage": "records lost over an outage, beside aw-client",
    "lookup": "matching host names, beside a dict and marisa-trie",
}


def main() -> int:
    """Run the measurements named (all without names); returns 1 when one could not run."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(MEASUREMENTS)}")
    names = parser.parse_args().names or list(MEASUREMENTS)
    rows: list[Row] = []
    failed = False
    for name in names:
        print(f"measuring {MEASUREMENTS[name]} ...", file=sys.stderr, flush=True)
        try:
            rows += [Row(*row) for row in importlib.import_module(f"tests.bench.{name}").run()]
        except Exception as fault:  # noqa: BLE001 - one measurement that can't run must not hide the others
            failed = True
            print(f"  {name} could not be measured: {type(fault).__name__}: {fault}", file=sys.stderr)
    machine = f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, {machine}\n")
    print(render(rows))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
