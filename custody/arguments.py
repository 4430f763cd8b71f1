"""What the command `fairwatch-custody` understands."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from custody.asking import Asking
from protocol.command_line import Parser
from protocol.limits import RELEASE_ALL_AFTER_DAYS, RELEASE_DAYS_MAX, RELEASE_FIRST_PERCENT

SIGNED = ("recipients", "policy", "packs", "releases", "renew")
Run = Callable[[argparse.Namespace, Asking], dict[str, Any]]


def understood(runs: Mapping[str, Run], words: Sequence[str] | None) -> argparse.Namespace:
    """Return what the words say; exits 2 with one line where they can't be understood.

    `sign` takes its files after options too, which the standard parser does not: people put them last.
    """
    whole = parser(runs)
    given, rest = whole.parse_known_args(words)
    if rest and given.command == "sign" and not any(word.startswith("-") for word in rest):
        if given.what is None and rest[0] in SIGNED:
            given.what = rest.pop(0)
        if given.what is not None:
            given.files, rest = [*given.files, *map(Path, rest)], []
    if rest:
        whole.error(f"unrecognized arguments: {' '.join(rest)}")
    return given


def _percent(text: str) -> int:
    return _whole(text, 100)


def _days(text: str) -> int:
    return _whole(text, RELEASE_DAYS_MAX)


def _whole(text: str, most: int) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > most:
        raise argparse.ArgumentTypeError(f"«{text}» is not a whole number from 0 to {most}")
    return int(text)


def parser(runs: Mapping[str, Run]) -> argparse.ArgumentParser:
    """Return the parser; each command sets `run` to the function of that name."""
    whole = Parser(prog="fairwatch-custody", description="Keys, signatures and sealed cases, off the collector.")
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)

    def command(name: str, sentence: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=sentence, description=sentence[0].upper() + sentence[1:] + ".")
        made.set_defaults(run=runs[name])
        made.add_argument("--json", action="store_true", help="print the result as one line of JSON")
        return made

    def secret(made: argparse.ArgumentParser) -> None:
        made.add_argument("--passphrase-file", type=Path, help="read the passphrase from this file, not the keyboard")
        made.add_argument("--yes", action="store_true", help="answer every question with yes, for unattended use")

    def shown(made: argparse.ArgumentParser) -> None:
        made.add_argument("--no-window", action="store_true", help="show the change here, not in a window")

    made = command("ceremony", "found an organisation's signing, offline, on the first custodian's computer")
    made.add_argument("--dir", type=Path, required=True, help="a new folder for everything that is made")
    made.add_argument("--online-keys", type=Path, required=True, help="online-keys.json of «fairwatch-server init»")
    made.add_argument("--name", default="custodian", help="whose key is made here, in words")
    made.add_argument("--custodian", type=Path, action="append", default=[], help="another custodian's public key")
    made.add_argument("--it-key", type=Path, help="IT's public key, made on IT's computer")
    made.add_argument("--pilot", action="store_true", help="one custodian is enough, and every page says so")
    made.add_argument("--it-passphrase-file", type=Path, help="the passphrase of IT's key, when it is made here too")
    secret(made)

    made = command("key", "make a custodian's or IT's signing key on that person's own computer")
    made.add_argument("--out", type=Path, required=True, help="the private key's file, such as me.pem")
    made.add_argument("--name", required=True, help="whose key it is, in words")
    secret(made)

    made = command("backup-key", "make the key that opens the collector's backups, off the collector")
    made.add_argument("--out", type=Path, required=True, help="the private key's file, such as backup.pem")
    secret(made)

    made = command("sign", "show what would change, and sign it")
    made.add_argument(
        "what",
        nargs="?",
        choices=SIGNED,
        help="without it: what another custodian prepared",
    )
    made.add_argument(
        "files", nargs="*", type=Path, help="policy, pack or release files; with renew: which parts, all by default"
    )
    made.add_argument("--dir", type=Path, required=True, help="the ceremony's or publication's folder")
    made.add_argument("--key", type=Path, required=True, help="your signing key")
    made.add_argument("--online-keys", type=Path, help="with renew: the new keys of a rebuilt collector")
    made.add_argument("--it-key", type=Path, help="with renew: IT's new public key, in place of the old")
    made.add_argument(
        "--lead-key", action="append", default=[], metavar="[LABEL=]FILE", help="let this lead open cases"
    )
    made.add_argument("--deputy-key", action="append", default=[], metavar="[LABEL=]FILE", help="and this deputy")
    made.add_argument("--groups", action="append", default=[], metavar="LABEL=GROUP,GROUP", help="only these groups")
    made.add_argument(
        "--never-about",
        action="append",
        default=[],
        metavar="LABEL=ACCOUNT,ACCOUNT",
        help="the person's own accounts: cases about them are not sealed to them",
    )
    made.add_argument(
        "--first-percent", type=_percent, default=RELEASE_FIRST_PERCENT, metavar="N",
        help="with releases: how many of 100 devices take it at once by themselves (default: %(default)s)",
    )  # fmt: skip
    made.add_argument(
        "--all-after-days", type=_days, default=RELEASE_ALL_AFTER_DAYS, metavar="N",
        help="with releases: after how many days all others take it (default: %(default)s)",
    )  # fmt: skip
    made.add_argument(
        "--remove", action="append", default=[], metavar="LABEL", help="take a lead, deputy or release off"
    )
    secret(made)
    shown(made)

    made = command("custodian", "list, add, remove or replace custodians; everything is signed again")
    made.add_argument("act", choices=("list", "add", "remove", "replace"))
    made.add_argument("who", nargs="?", help="with add: a public key file; else a name or fingerprint")
    made.add_argument("--by", type=Path, help="with replace: the public key file of who comes instead")
    made.add_argument("--dir", type=Path, required=True, help="the ceremony's or publication's folder")
    made.add_argument("--key", type=Path, help="your signing key")
    secret(made)
    shown(made)

    made = command("withdraw", "take back what still lacks a signature")
    made.add_argument("--dir", type=Path, required=True, help="the ceremony's or publication's folder")
    made.add_argument("--yes", action="store_true", help="don't ask")

    made = command("status", "say what is signed, until when, and what waits for whom")
    made.add_argument("--dir", type=Path, required=True, help="the ceremony's or publication's folder")

    made = command("verify", "check that a release file is the one that custodians signed")
    made.add_argument("file", type=Path, help="the release, under its own name")
    made.add_argument("--dir", type=Path, required=True, help="the publication's folder")

    made = command("token", "make an enrolment token for devices, on IT's computer")
    made.add_argument("--key", type=Path, required=True, help="IT's key")
    made.add_argument("--group", required=True, help="the group that the devices will be in")
    made.add_argument("--expires", default="30d", help="how long it can be used: 30d, 12h")
    made.add_argument("--uses", type=int, default=50, help="how many devices may use it")
    made.add_argument("--collector", required=True, help="the collector's address")
    made.add_argument("--certificate", default="", help="SHA-256 (hex) of the collector's TLS key")
    made.add_argument("--publication", type=Path, required=True, help="the signed publication's folder")
    made.add_argument("--out", type=Path, default=Path(), help="the folder for token.txt and token-registration.json")
    secret(made)

    made = command("open", "open exported cases offline")
    made.add_argument("export", type=Path, help="the file that the collector exported")
    made.add_argument("--key", type=Path, help="the lead's key file")
    made.add_argument("--recovery-share", type=Path, action="append", default=[], help="a recovery share; give two")
    made.add_argument("--publication", type=Path, help="compare with the list of recipients there")
    made.add_argument("--pdf", type=Path, metavar="FILE", help="write the case file as a PDF as well")
    secret(made)

    made = command("audit", "check an exported audit log away from the collector")
    made.add_argument("export", type=Path, help="the file that the collector exported, JSON or CSV")
    made.add_argument(
        "--head", action="append", default=[], metavar="SEQ:HASH", help="a head that was kept, as it came by mail"
    )

    made = command("recover", "open older cases to a lead's key with two recovery shares, offline")
    made.add_argument("file", type=Path, help="the file that the lead saved at the desk")
    made.add_argument("--recovery-share", type=Path, action="append", required=True, help="a recovery share; give two")
    made.add_argument("--publication", type=Path, required=True, help="the signed publication's folder")
    made.add_argument("--out", type=Path, required=True, help="the file to hand back to the lead")
    made.add_argument("--yes", action="store_true", help="don't ask")

    command("passphrase", "make a passphrase of six words")
    return whole
