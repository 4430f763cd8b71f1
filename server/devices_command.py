"""`fairwatch-server devices`: list laptops, or say what became of one: lost, found, handed on, set up anew, retired."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, date, datetime

from server.errors import SetUpError
from server.start import require

ACTIONS = ("list", "look", "lost", "found", "hand-on", "re-image", "retire", "mute", "unmute")
_LISTS = ("list", "look")
_SAID = {
    "hand-on": "handed on; what was before stays with whoever had it",
    "re-image": "goes on under its new identity; what the old one made before is taken for thirty days",
    "lost": "reported lost; what is seen on it from now on is kept apart",
    "found": "found; from now on it is its person's again",
    "retire": "retired; it is refused from now on, but for what it made before, for thirty days",
    "mute": "muted; what is noticed later is told all the same",
    "unmute": "is told of again",
    "at once": "retired; nothing of it is taken any more",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `devices` takes."""
    parser.add_argument("action", choices=ACTIONS, nargs="?", default="list", help="default: %(default)s")
    parser.add_argument("name", nargs="?", help="the device: its name or id")
    parser.add_argument("--as", dest="new", metavar="DEVICE", help="with re-image: the device that it was enrolled as")
    parser.add_argument(
        "--own-account", action="store_true", help="with hand-on: the next person signs in with an account of their own"
    )
    parser.add_argument(
        "--at-once", action="store_true", help="with retire: take nothing of it any more (it was stolen)"
    )
    parser.add_argument("--reason", default="", help="why, for the audit log")
    parser.add_argument("--until", type=date.fromisoformat, metavar="DAY", help="with mute: the day on which it ends")
    parser.add_argument("--json", action="store_true", help="with list and look: print JSON")


def run(args: argparse.Namespace) -> int:
    """List, or change one; 0 once it is done."""
    if (args.action in _LISTS) != (args.name is None):
        raise SetUpError(f"{args.action} takes no name" if args.name else f"{args.action} needs a name")
    if (args.action == "mute") != (args.until is not None):
        raise SetUpError("mute needs --until, a day such as 2027-01-31; nothing else takes it")
    if (args.action == "re-image") != (args.new is not None):
        raise SetUpError("re-image needs --as, the device that it was enrolled as; nothing else takes it")
    require(args.data_dir)
    if args.action in _LISTS:
        return (_list if args.action == "list" else _looks)(as_json=args.json)
    return _change(args)


def _list(*, as_json: bool) -> int:
    from server import devices

    rows = devices.listing(None)
    if as_json:
        shown = [
            {
                "id": str(one.id), "name": one.name, "group": one.group, "platform": one.platform, "status": one.status,
                "lost": one.lost_since is not None,
                "handed_on": one.handed_on_at.isoformat() if one.handed_on_at is not None else None,
                "agent": one.agent_version, "notices": list(one.notices),
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


def _looks(*, as_json: bool) -> int:
    from server import device_looks

    found = device_looks.sections(None, datetime.now(UTC), most=None)
    if as_json:
        shown = [
            {
                "kind": one.kind,
                "id": str(row.device),
                "name": row.name,
                "since": row.since.isoformat(),
                "about": row.about,
            }
            for one in found
            for row in one.rows
        ]
        print(json.dumps(shown))  # noqa: T201
        return 0
    for one in found:
        sys.stdout.write(f"{one.what}. {one.todo}\n")
        for row in one.rows:
            about = f" ({row.about})" if row.about else ""
            sys.stdout.write(f"  {row.name}, {row.group}, since {row.since:%Y-%m-%d %H:%M} UTC{about}\n")
    if not found:
        sys.stdout.write("nothing needs a look\n")
    return 0


def _change(args: argparse.Namespace) -> int:
    from server import device_life, device_mutes, device_names, lost

    device, now = device_names.find(args.name, phone=False), datetime.now(UTC)
    action, reason = args.action, args.reason
    if action == "hand-on":
        device_life.hand_on(None, device.pk, now, ready=args.own_account, reason=reason)
    elif action == "re-image":
        new = device_names.find(args.new, phone=False)
        device_life.re_imaged(None, device.pk, new.pk, now, reason=reason)
    elif action == "retire":
        device_life.retire(None, device.pk, now, at_once=args.at_once, reason=reason)
    elif action == "mute":
        device_mutes.mute(None, device.pk, args.until, now)
    else:
        {"lost": lost.report, "found": lost.found, "unmute": device_mutes.end}[action](None, device.pk, now)
    said = "at once" if action == "retire" and args.at_once else action
    sys.stdout.write(f"{device.name}: {_SAID[said]}\n")
    return 0
