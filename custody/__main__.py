"""The command `fairwatch-custody`: what custodians, IT and leads do on their own computers, away from the collector."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from custody.asking import Asking, plain
from custody.errors import CustodyError
from protocol.command_line import Parser
from protocol.errors import OpenError, UnlockError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 when done, 2 with one clear line on stderr when what was given can't be used."""
    given = _parser().parse_args(arguments)
    shown = sys.stderr if getattr(given, "json", False) else sys.stdout
    asking = Asking(show=lambda line: print(line, file=shown), yes=getattr(given, "yes", False))
    try:
        result: dict[str, Any] = given.run(given, asking)
    except (CustodyError, UnlockError, OpenError) as fault:
        print(f"fairwatch-custody: {fault}", file=sys.stderr)
        return 2
    except OSError as fault:
        print(f"fairwatch-custody: {fault.filename or 'a file'}: {fault.strerror or fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nfairwatch-custody: stopped", file=sys.stderr)
        return 130
    code = int(result.pop("exit", 0))
    if getattr(given, "json", False):
        print(json.dumps(result, default=str))
    else:
        for line in result.get("say", []):
            print(line)
    return code


def _ceremony(given: argparse.Namespace, asking: Asking) -> dict[str, Any]:
    from custody.ceremony import Plan, hold

    plan = Plan(
        folder=given.dir,
        online_keys=given.online_keys,
        name=given.name,
        custodians=given.custodian,
        it_key=given.it_key,
        pilot=given.pilot,
        passphrase_file=given.passphrase_file,
        it_passphrase_file=given.it_passphrase_file,
    )
    made = hold(plan, asking, datetime.now(UTC))
    say = [f"{what}: {where}" for what, where in made.items()]
    say.append("Print each recovery share for another person and delete its file: two of them open every case.")
    if given.pilot:
        say.append("This is a pilot: one custodian can change everything, and every page will say so.")
    else:
        say.append(f"Next: another custodian signs with «fairwatch-custody sign --dir {given.dir} --key THEIR_KEY».")
    return {"made": made, "pilot": given.pilot, "say": say}


def _key(given: argparse.Namespace, asking: Asking) -> dict[str, Any]:
    from custody.ceremony import make_key
    from custody.difference import grouped

    public = make_key(given.out, given.name, given.passphrase_file, asking)
    path = given.out.with_suffix(".public.json")
    say = [f"Hand over {path} and compare this aloud: {grouped(public.ed25519)}", f"Keep {given.out} to yourself."]
    return {"private": str(given.out), "public": str(path), "say": say}


def _sign(given: argparse.Namespace, asking: Asking) -> dict[str, Any]:
    from custody import signing
    from custody.draft import Draft

    draft = Draft(given.dir)
    draft.root()
    key, now = _unlock(given, asking), datetime.now(UTC)
    if given.what is None:
        done = signing.add_signatures(draft, key, asking, now)
        say = [f"{name}: all signatures are there" for name in done] or ["Signed; another custodian must sign too."]
        return {"complete": done, "say": say}
    if given.what == "renew":
        from custody.ceremony import read_public
        from protocol.rolekeys import decode_online_keys

        online = read_public(given.online_keys, decode_online_keys) if given.online_keys is not None else None
        done = signing.renew(draft, key, online, asking, now)
        return {"complete": done, "say": [f"complete: {', '.join(done) or 'nothing yet, another custodian must sign'}"]}
    if given.what == "recipients":
        changes = signing.Changes(
            leads=given.lead_key,
            deputies=given.deputy_key,
            groups=_pairs(given.groups),
            never_about=_pairs(given.never_about),
            remove=given.remove,
        )
        whole = signing.sign_recipients(draft, key, changes, asking, now)
    elif given.what == "policy":
        whole = signing.sign_policy(draft, key, given.files, asking, now)
    else:
        whole = signing.sign_packs(draft, key, given.files, asking, now)
    after = (
        f"all signatures are there: take {draft.folder} to the collector, «fairwatch-server publish»"
        if whole
        else f"one signature more is needed: «fairwatch-custody sign --dir {given.dir} --key THEIR_KEY»"
    )
    return {"complete": [given.what] if whole else [], "say": [f"{given.what}: signed; {after}"]}


def _token(given: argparse.Namespace, asking: Asking) -> dict[str, Any]:
    from custody import files, tokens
    from custody.draft import Draft

    expires = (datetime.now(UTC) + tokens.span(given.expires)).replace(microsecond=0)
    wish = tokens.Wish(given.group, expires, given.uses, given.collector, given.certificate)
    key = _unlock(given, asking)
    text, registration = tokens.make(Draft(given.publication), key, wish, os.urandom)
    token_file, registration_file = given.out / "token.txt", given.out / "token-registration.json"
    files.write_private(token_file, text.encode() + b"\n")
    files.write(registration_file, msgspec.json.encode(registration))
    say = [
        f"{token_file}: for {given.uses} devices of group {given.group}, until {expires:%Y-%m-%d %H:%M} UTC",
        f"{registration_file}: for the collector; it holds no secret",
    ]
    return {"token": str(token_file), "registration": str(registration_file), "say": say}


def _open(given: argparse.Namespace, asking: Asking) -> dict[str, Any]:
    from custody import files, opening
    from custody.draft import Draft

    secret = _recovered(given.recovery_share) if given.recovery_share else _lead_key(given, asking)
    export = opening.read_export(files.read(given.export))
    current = None
    if given.publication is not None:
        draft = Draft(given.publication)
        listed = draft.recipients(draft.in_force("recipients"))
        current = listed.version if listed is not None else None
    opened, refused = opening.open_all(export, secret)
    warnings = opening.outdated(opened, current)
    for line in (*warnings, *refused):
        print(f"fairwatch-custody: {plain(line)}", file=sys.stderr)
    say = []
    for one in opened:
        say.append(f"{plain(one.reference) or one.header.alert}: {one.evidence.category}, {plain(one.evidence.person)}")
        say += [f"  {plain(each.name)}, {each.count} times, {each.first} to {each.last}" for each in one.evidence.seen]
        say += [
            f"  because of {plain(each.entry)} in {', '.join(map(plain, each.lists))}" for each in one.evidence.matched
        ]
    alerts = [one.as_json() for one in opened]
    return {"alerts": alerts, "warnings": warnings, "refused": refused, "say": say, "exit": 2 if refused else 0}


def _passphrase(_given: argparse.Namespace, _asking: Asking) -> dict[str, Any]:
    from protocol.leadkeys import make_passphrase

    made = make_passphrase()
    return {"passphrase": made, "say": [made]}


def _unlock(given: argparse.Namespace, asking: Asking) -> Any:
    from custody import files
    from protocol.rolekeys import from_pem

    data = files.read(given.key)
    return from_pem(data, asking.passphrase(given.passphrase_file, given.key.name))


def _lead_key(given: argparse.Namespace, asking: Asking) -> bytes:
    from custody import files
    from protocol.leadkeys import LeadKey, unlock

    if given.key is None:
        raise CustodyError("give the lead's key with --key, or two recovery shares with --recovery-share twice")
    try:
        key = msgspec.json.decode(files.read(given.key), type=LeadKey)
    except msgspec.MsgspecError:
        raise CustodyError(f"{given.key}: this is not a lead's key file as the browser saves it") from None
    return unlock(key, asking.passphrase(given.passphrase_file, given.key.name))


def _recovered(paths: Sequence[Path]) -> bytes:
    from custody import files, recovery

    return recovery.combine([files.read(path).decode("utf-8", "replace") for path in paths])


def _pairs(texts: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    pairs = {}
    for text in texts:
        label, found, names = text.rpartition("=")
        if not found:
            raise CustodyError(f"«{text}» must be LABEL=NAME,NAME")
        pairs[label] = tuple(name for name in names.split(",") if name)
    return pairs


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="fairwatch-custody", description="Keys, signatures and sealed cases, off the collector.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)

    def command(name: str, sentence: str, run: Callable[..., dict[str, Any]]) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=sentence, description=sentence[0].upper() + sentence[1:] + ".")
        made.set_defaults(run=run)
        made.add_argument("--json", action="store_true", help="print the result as one line of JSON")
        return made

    def secret(made: argparse.ArgumentParser) -> None:
        made.add_argument("--passphrase-file", type=Path, help="read the passphrase from this file, not the keyboard")
        made.add_argument("--yes", action="store_true", help="answer every question with yes, for unattended use")

    made = command("ceremony", "found an organisation's signing, offline, on the first custodian's computer", _ceremony)
    made.add_argument("--dir", type=Path, required=True, help="a new folder for everything that is made")
    made.add_argument("--online-keys", type=Path, required=True, help="online-keys.json of «fairwatch-server init»")
    made.add_argument("--name", default="custodian", help="whose key is made here, in words")
    made.add_argument("--custodian", type=Path, action="append", default=[], help="another custodian's public key")
    made.add_argument("--it-key", type=Path, help="IT's public key, made on IT's computer")
    made.add_argument("--pilot", action="store_true", help="one custodian is enough, and every page says so")
    made.add_argument("--it-passphrase-file", type=Path, help="the passphrase of IT's key, when it is made here too")
    secret(made)

    made = command("key", "make a custodian's or IT's signing key on that person's own computer", _key)
    made.add_argument("--out", type=Path, required=True, help="the private key's file, such as me.pem")
    made.add_argument("--name", required=True, help="whose key it is, in words")
    secret(made)

    made = command("sign", "show what would change, and sign it", _sign)
    made.add_argument(
        "what",
        nargs="?",
        choices=("recipients", "policy", "packs", "renew"),
        help="without it: what another custodian prepared",
    )
    made.add_argument("files", nargs="*", type=Path, help="policy or pack files")
    made.add_argument("--dir", type=Path, required=True, help="the ceremony's or publication's folder")
    made.add_argument("--key", type=Path, required=True, help="your signing key")
    made.add_argument("--online-keys", type=Path, help="with renew: the new keys of a rebuilt collector")
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
    made.add_argument("--remove", action="append", default=[], metavar="LABEL", help="take a lead or deputy off")
    secret(made)

    made = command("token", "make an enrolment token for devices, on IT's computer", _token)
    made.add_argument("--key", type=Path, required=True, help="IT's key")
    made.add_argument("--group", required=True, help="the group that the devices will be in")
    made.add_argument("--expires", default="30d", help="how long it can be used: 30d, 12h")
    made.add_argument("--uses", type=int, default=50, help="how many devices may use it")
    made.add_argument("--collector", required=True, help="the collector's address")
    made.add_argument("--certificate", default="", help="SHA-256 (hex) of the collector's TLS key")
    made.add_argument("--publication", type=Path, required=True, help="the signed publication's folder")
    made.add_argument("--out", type=Path, default=Path(), help="the folder for token.txt and token-registration.json")
    secret(made)

    made = command("open", "open exported cases offline", _open)
    made.add_argument("export", type=Path, help="the file that the collector exported")
    made.add_argument("--key", type=Path, help="the lead's key file")
    made.add_argument("--recovery-share", type=Path, action="append", default=[], help="a recovery share; give two")
    made.add_argument("--publication", type=Path, help="compare with the list of recipients there")
    secret(made)

    command("passphrase", "make a passphrase of six words", _passphrase)
    return parser


if __name__ == "__main__":
    sys.exit(main())
