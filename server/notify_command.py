"""`fairwatch-server notify`: send a test message to an address, or say how messages get through."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from datetime import UTC, datetime

from server.errors import NotDelivered, SetUpError, WrongState
from server.start import require


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `notify` takes."""
    parser.add_argument("action", choices=("test", "status"), help="send a test message now, or ask the mail server")
    to = parser.add_mutually_exclusive_group()
    to.add_argument("--to", metavar="ADDRESS", help="test: an e-mail address")
    to.add_argument("--url-stdin", action="store_true", help="test: an apprise address, secret, from standard input")
    to.add_argument("--contacts", action="store_true", help="test: every out-of-hours contact of collector.toml")
    parser.add_argument("--json", action="store_true", help="status: print JSON")


def run(args: argparse.Namespace) -> int:
    """Do one of them: 1 when a message did not go, or something is wrong."""
    asked = bool(args.to or args.url_stdin or args.contacts)
    if asked != (args.action == "test") or (args.json and args.action == "test"):
        raise SetUpError("say: fairwatch-server notify test --to ADDRESS, or: fairwatch-server notify status --json")
    require(args.data_dir)
    return _status(as_json=args.json) if args.action == "status" else _test(args)


def _test(args: argparse.Namespace) -> int:
    from django.conf import settings

    if args.contacts:
        if not settings.CONFIG.contacts:
            raise SetUpError("there are no [[contacts]] in collector.toml")
        return max(_send(one.address, one.name) for one in settings.CONFIG.contacts)
    return _send(sys.stdin.readline().strip() if args.url_stdin else args.to, "")


def _send(address: str, name: str) -> int:
    from django.conf import settings

    from server import channels, faults
    from server.notify_config import is_email

    try:
        if not is_email(address):
            channels.check_url(address)
        now = datetime.now(UTC)
        words = f"This is a test from Fairwatch, sent at {now:%H:%M:%S} UTC. Nothing has happened.\n"
        channels.bring(address, channels.Letter("Fairwatch: a test", words, secrets.token_hex(8)))
    except WrongState as fault:
        raise SetUpError(f"{name or 'the address'}: {fault}") from None
    except NotDelivered as fault:
        print(f"{name or 'Not sent'}: {faults.SENTENCES[fault.fault]}", file=sys.stderr)  # noqa: T201
        return 1
    where = "" if settings.CONFIG.mail.host or not is_email(address) else " to a file in mails/: there is no [mail]"
    print(f"{name + ': sent' if name else 'Sent'}{where}")  # noqa: T201
    return 0


def _status(*, as_json: bool) -> int:
    from django.conf import settings

    from server import faults, mail_check, responders

    fault, refused = mail_check.ask_about_everybody()
    silent = [one.username for one in responders.unreachable()]
    if as_json:
        said = {"mail": bool(settings.CONFIG.mail.host), "fault": fault, "refused": refused, "no_address": silent}
        print(json.dumps(said))  # noqa: T201
    else:
        there = "takes our mails" if settings.CONFIG.mail.host else "is not set up: mails are files and reach nobody"
        print(f"The mail server {there}" if not fault else f"Mail: {faults.SENTENCES[fault]}")  # noqa: T201
        for one in refused:
            print(f"{one}: {faults.SENTENCES['address']}")  # noqa: T201
        for one in silent:
            print(f"{one}: has no address")  # noqa: T201
    return 1 if fault or refused or silent or not settings.CONFIG.mail.host else 0
