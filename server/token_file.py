"""`fairwatch-server token FILE`: let the collector know an enrolment token that IT made on its own computer."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

from protocol.errors import Refused
from protocol.limits import ENROLMENT_TOKEN_MAX_CHARS
from server.errors import SetUpError
from server.start import require


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `token` takes."""
    parser.add_argument("file", type=Path, help="the registration that fairwatch-custody token wrote")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Register the token; the same file again is harmless."""
    require(args.data_dir)
    try:
        with args.file.open("rb") as file:
            data = file.read(ENROLMENT_TOKEN_MAX_CHARS + 1)
    except OSError as fault:
        raise SetUpError(f"{args.file} can't be read: {fault.strerror}") from None
    from server import devices
    from server.device_api import it_keys

    try:
        made = devices.register_token(data, it_keys(), datetime.now(UTC))
    except Refused as refused:
        raise SetUpError(f"{args.file} was refused: {refused.code.sentence}") from None
    if args.json:
        print(json.dumps({"token": str(made.token), "group": made.group, "uses": made.uses}))  # noqa: T201
    else:
        print(  # noqa: T201
            f"Token {made.token} may enrol {made.uses} devices of {made.group} until {made.expires:%Y-%m-%d %H:%M} UTC"
        )
    return 0
