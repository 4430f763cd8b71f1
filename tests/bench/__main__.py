"""`make bench`: run every measurement, each beside its peer or limit in the same run, and print one table."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime

from tests.bench.table import FULL, Row, render

MEASUREMENTS = {
    "updates": "bringing signed rules to a device",
    "journey": "visit to recorded incident",
    "extension": "visit to recorded incident through the extension",
    "gateway": "the gateway for phones, beside unbound and dnsdist",
    "notify": "urgent alert to its mail",
    "installation": "the agent's package on a clean system",
    "footprint": "memory and processor time of the agent",
    "unlock": "unlocking a queue of 500 and of 5,000 headings in Chromium",
    "queue": "the lead's queue with a million incidents stored",
    "month": "the monthly summary of 1,000 people with months of totals stored",
    "ingest": "signed batches a second, beside aw-server and raw SQLite",
    "outage": "records lost over an outage, beside aw-client",
    "lookup": "matching host names, beside a dict and six other engines",
}
LONGEST_SECONDS, LONGEST_FULL_SECONDS = 900, 2700


def main() -> int:
    """Run the measurements named (all without names); returns 1 when one could not run."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(MEASUREMENTS)}")
    parser.add_argument("--full", action="store_true", help="at full size, also what takes long")
    parser.add_argument("--raw", action="store_true", help="run here and print the rows as JSON")
    given = parser.parse_args()
    names = given.names or list(MEASUREMENTS)
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"{unknown[0]!r} is not a measurement; known are {', '.join(MEASUREMENTS)}")
    if given.raw:
        print(json.dumps([row for name in names for row in importlib.import_module(f"tests.bench.{name}").run()]))
        return 0
    if given.full:
        os.environ[FULL] = "1"
    rows: list[Row] = []
    failed = False
    longest = LONGEST_FULL_SECONDS if given.full else LONGEST_SECONDS
    for name in names:
        print(f"measuring {MEASUREMENTS[name]} ...", file=sys.stderr, flush=True)
        # Each in a process of its own: memory and settings of one must not weigh on the next.
        command = [sys.executable, "-m", "tests.bench", "--raw", name]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=longest, check=False)
        if done.returncode != 0:
            failed = True
            print(f"  {name} could not be measured", file=sys.stderr)
            continue
        rows += [Row(*row) for row in json.loads(done.stdout.splitlines()[-1])]
    machine = f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, {machine}\n")
    print(render(rows))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
