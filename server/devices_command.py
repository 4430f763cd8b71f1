"""`fairwatch-server devices`: list those that report by themselves, or note that one is lost, found or retired."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime

from server.errors import SetUpError
from server.start import require

ACTIONS = ("list", "lost", "found", "retire")
_SAID = {
    "lost": "reported lost; what is seen on it from now on is kept apart",
    "found": "found; from now on it is its person's again",
    "retire": "retired; it is refused from now on",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `devices` takes."""
    parser.add_argument("action", choices=ACTIONS, nargs="?", default="list", help="default: %(default)s")
    parser.add_argument("name", nargs="?", help="the device: its name or id")
    parser.add_argument("--json", action="store_true", help="with list: print JSON")


def run(args: argparse.Namespace) -> int:
    """List, or change one; 0 once it is done."""
    if (args.action == "list") != (args.name is None):
        raise SetUpError("list takes no name" if args.name else f"{args.action} needs a name")
    require(args.data_dir)
    return _list(as_json=args.json) if args.action == "list" else _change(args.action, args.name)


def _list(*, as_json: bool) -> int:
    from server import devices

    rows = devices.listing(None)
    if as_json:
        shown = [
            {
                "id": str(one.id), "name": one.name, "group": one.group, "platform": one.platform, "status": one.status,
                "lost": one.lost_since is not None, "agent": one.agent_version, "notices": list(one.notices),
                "last_seen": one.last_seen.isoformat() if one.last_seen is not None else None,
            }
            for one in rows
        ]  # fmt: skip
        print(json.dumps(shown))  # noqa: T201
        return 0
    for one in rows:
        heard = f"last heard of {one.last_seen:%Y-%m-%d %H:%M} UTC" if one.last_seen is not None else "never heard of"
        noticed = f"; noticed: {', '.join(one.notices)}" if one.notices else ""
        status = "lost" if one.lost_since is not None else one.status
        sys.stdout.write(f"{status:<12} {one.name} ({one.platform}, {one.group}), {heard}{noticed}\n")
    if not rows:
        sys.stdout.write("no devices yet\n")
    return 0


def _change(action: str, name: str) -> int:
    from server import device_names, devices, lost

    device, now = device_names.find(name, phone=False), datetime.now(UTC)
    {"lost": lost.report, "found": lost.found, "retire": devices.revoke}[action](None, device.pk, now)
    sys.stdout.write(f"{device.name}: {_SAID[action]}\n")
    return 0
