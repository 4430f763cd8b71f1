"""`fairwatch-server phones`: list the phones behind the gateway, add one with its files, or change one."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from server.errors import SetUpError
from server.start import require

if TYPE_CHECKING:
    from server.phone_place import Place
    from server.store.models import Device

ACTIONS = ("list", "add", "new-id", "hand-on", "lost", "found", "withdraw", "gateway", "no-gateway")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `phones` takes."""
    parser.add_argument("action", choices=ACTIONS, nargs="?", default="list", help="default: %(default)s")
    parser.add_argument("name", nargs="?", help="the phone, or with gateway the device: its name or id")
    parser.add_argument("--group", help="with add: the group whose rules it has")
    parser.add_argument("--platform", choices=("ios", "android", "windows", "macos", "chromeos"), help="with add")
    parser.add_argument("--supervised", action="store_true", help="with add: a fleet tool supervises it")
    parser.add_argument("--account", help="with add and hand-on: the account of whoever has it; none for a shared one")
    parser.add_argument("--noticed", action="store_true", help="whoever uses it was given the notice")
    parser.add_argument("--host", help="the gateway's host name, else that of [phones]")
    parser.add_argument("--address", action="append", default=[], help="an address of the gateway; may be repeated")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="write the phone's files into this new folder")
    parser.add_argument("--json", action="store_true", help="print JSON; with add it holds the phone's id, its secret")


def run(args: argparse.Namespace) -> int:
    """List, or change; 0 once it is done."""
    if args.action == "list" and (args.name or args.group or args.platform or args.account or args.output):
        raise SetUpError("a name and details go with add")
    if args.action != "list" and not args.name:
        raise SetUpError(f"{args.action} needs a name")
    if args.action == "add" and not (args.group and args.platform):
        raise SetUpError("a new phone needs --group and --platform")
    require(args.data_dir)
    return _list(as_json=args.json) if args.action == "list" else _change(args)


def _list(*, as_json: bool) -> int:
    from server import phones

    rows = phones.listing(None, datetime.now(UTC))
    if as_json:
        print(json.dumps([_plain(asdict(one)) for one in rows]))  # noqa: T201
        return 0
    for one in rows:
        asked = f"last asked {one.last_asked:%Y-%m-%d %H}:00 UTC" if one.last_asked else "never asked"
        silent = "; silent: its profile may be gone" if one.silent else ""
        status = "lost" if one.lost_since else one.status
        sys.stdout.write(f"{status:<8} {one.name} ({one.platform}, {one.group}), {asked}{silent}\n")
    if not rows:
        sys.stdout.write("no phones yet\n")
    return 0


def _change(args: argparse.Namespace) -> int:
    from server import device_names, phones

    now = datetime.now(UTC)
    if args.action == "add":
        given = phones.NewPhone(
            args.name, args.group, args.platform, args.supervised, args.account or "", noticed=args.noticed
        )
        _check_place(args)
        device, ident = phones.add(None, given, now)
        return _hand_out(args, device, ident, now)
    device = device_names.find(args.name, phone=args.action not in ("gateway", "no-gateway"))
    if args.action in ("gateway", "no-gateway"):
        phones.set_gateway(None, device.pk, now, gateway=args.action == "gateway")
        more = (
            "speaks for phones now"
            if args.action == "gateway"
            else "speaks for phones no more; what it has not sent yet is refused"
        )
        sys.stdout.write(f"{device.name}: {more}\n")
        return 0
    if args.action in ("lost", "found"):
        from server import lost

        (lost.report if args.action == "lost" else lost.found)(None, device.pk, now)
        told = "reported lost; what is seen on it from now on is kept apart" if args.action == "lost" else "found"
        sys.stdout.write(f"{device.name}: {told}\n")
        return 0
    if args.action == "withdraw":
        phones.withdraw(None, device.pk, now)
        print(f"{device.name}: withdrawn; gateways refuse it within a minute")  # noqa: T201
        return 0
    _check_place(args)
    if args.action == "new-id":
        ident = phones.new_id(None, device.pk, now)
    else:
        ident = phones.hand_on(None, device.pk, args.account or "", now, noticed=args.noticed)
    return _hand_out(args, device, ident, now)


def _check_place(args: argparse.Namespace) -> None:
    """Refuse a host or folder that can't be used before an id is made that nobody would see."""
    _place(args)
    if args.output is not None and args.output.exists():
        raise SetUpError(f"{args.output} is there already: name a new folder")


def _place(args: argparse.Namespace) -> Place:
    from django.conf import settings

    from server import phone_handout

    if not (args.host or settings.CONFIG.phones.gateway):
        raise SetUpError("say by --host, or as gateway under [phones] in collector.toml, how phones reach the gateway")
    return phone_handout.place(args.host or "", args.address)


def _hand_out(args: argparse.Namespace, device: Device, ident: str, now: datetime) -> int:
    from server import phone_handout

    at = _place(args)
    if args.output is not None:
        args.output.mkdir(mode=0o700, parents=True)
        for one in phone_handout.files(at, device, ident, now):
            (args.output / one.name).write_bytes(one.body)
    told = {
        "device": str(device.pk),
        "id": ident,
        "https": f"https://{at.host}/d/{ident}/dns-query",
        "tls": f"{ident}.{at.host}",
    }
    if args.json:
        print(json.dumps(told))  # noqa: T201
        return 0
    sys.stdout.write(
        f"{device.name}: its secret id is shown this once\n"
        f"DNS over HTTPS: {told['https']}\nDNS over TLS:   {told['tls']}\n"
        + (f"Its files are in {args.output}; delete them once the phone has them\n" if args.output else "")
    )
    return 0


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, UUID) else value
        for key, value in row.items()
    }
