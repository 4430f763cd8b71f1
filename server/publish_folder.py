"""`fairwatch-server publish FOLDER`: publish what custodians or IT signed on their own computers."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from protocol.publication import EXPIRY_WARNING
from server.errors import SetUpError
from server.start import require


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `publish` takes."""
    parser.add_argument("folder", type=Path, help="the folder that fairwatch-custody wrote")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Check everything that a device would check, then publish it, or nothing of it."""
    require(args.data_dir)
    if not args.folder.is_dir():
        raise SetUpError(f"{args.folder} is not a folder")
    from server import audit
    from server.device_formats import too_old
    from server.publish import Publication

    now = datetime.now(UTC)
    publication = Publication(args.data_dir)
    published = publication.accept(args.folder, now)
    behind = too_old(publication)
    expiring = {name: when for name, when in published.expiries.items() if when - now <= EXPIRY_WARNING}
    versions = dict(sorted(published.versions.items()))
    text = " ".join(f"{role}={version}" for role, version in versions.items())
    audit.write("command", "published", text[:128], now=now)
    if args.json:
        print(  # noqa: T201
            json.dumps(
                {
                    "versions": versions,
                    "pilot": published.pilot,
                    "expires": published.expires.isoformat(),
                    "too_old": {one.what: list(one.names) for one in behind},
                    "expiring": {name: when.isoformat() for name, when in expiring.items()},
                }
            )
        )
    else:
        pilot = ", as a pilot (one custodian)" if published.pilot else ""
        print(f"Published {text}{pilot}; valid until {published.expires:%Y-%m-%d}")  # noqa: T201
    for one in behind:
        sys.stderr.write(f"fairwatch-server publish: WARNING: {one.sentence()}\n")
    for name, when in expiring.items():
        who = "IT signs it again: «fairwatch-custody sign packs»" if name == "packs" else "custodians: «sign renew»"
        left = f"{name} expires on {when:%Y-%m-%d}, in {(when - now).days} days"
        sys.stderr.write(f"fairwatch-server publish: WARNING: {left}; {who}\n")
    return 0
