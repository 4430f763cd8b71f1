"""The command `fairwatch-custody`: what custodians, IT and leads do on their own computers, away from the collector."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from custody.arguments import understood
from custody.asking import Asking, plain
from custody.errors import CustodyError
from protocol.errors import OpenError, UnlockError

if TYPE_CHECKING:
    from custody.draft import Draft
    from custody.proposal import Proposal
    from custody.renewal import NewKeys


def main(arguments: Sequence[str] | None = None, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> int:
    """Run one command; returns 0 when done, 2 with one clear line on stderr when what was given can't be used."""
    given = understood(_RUNS, arguments)
    given.clock = clock
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
    made = hold(plan, asking, given.clock())
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


def _backup_key(given: argparse.Namespace, asking: Asking) -> dict[str, Any]:
    from custody import files
    from protocol import backup_sealing

    pem, public = backup_sealing.new_key(asking.new_passphrase(given.passphrase_file, "the backup key"))
    files.write_private(given.out, pem)
    say = [
        f"Keep {given.out} and its words away from the collector: without them no backup opens, to anybody.",
        f'In collector.toml, under [backup]: key = "{public}"',
    ]
    return {"private": str(given.out), "key": public, "say": say}


def _sign(given: argparse.Namespace, asking: Asking) -> dict[str, Any]:
    from custody import proposal, renewal
    from custody.draft import Draft

    draft = Draft(given.dir)
    draft.root()
    now: datetime = given.clock()
    if given.what is None:
        return _signed(given, asking, draft, proposal.waiting(draft), second=True)
    if given.what == "renew":
        change = _new_keys(given)
        if change.online is None and change.it is None:
            made = renewal.renew(draft, [str(path) for path in given.files], now)
        else:
            made = renewal.change_keys(draft, change, "New keys for the collector or IT?", now)
    elif given.what == "recipients":
        changes = proposal.Changes(
            leads=given.lead_key,
            deputies=given.deputy_key,
            groups=_pairs(given.groups),
            never_about=_pairs(given.never_about),
            remove=given.remove,
        )
        made = proposal.recipients(draft, changes, now)
    elif given.what == "policy":
        made = proposal.policy(draft, given.files, now)
    elif given.what == "releases":
        made = proposal.releases(
            draft,
            given.files,
            given.remove,
            now,
            first_percent=given.first_percent,
            all_after_days=given.all_after_days,
        )
    else:
        made = proposal.packs(draft, given.files, now)
    return _signed(given, asking, draft, made)


def _signed(
    given: argparse.Namespace, asking: Asking, draft: Draft, made: Proposal, *, second: bool = False
) -> dict[str, Any]:
    from custody import consent

    signer = consent.Signer(asking, given.key, given.passphrase_file, window=not given.no_window)
    done = consent.sign(draft, made, signer, given.clock(), second=second)
    say = [f"{name}: all signatures are there" for name in done.complete]
    say += [f"signed; {line}" for line in done.waiting]
    if done.waiting:
        say.append(f"Next, on another computer: «fairwatch-custody sign --dir {given.dir} --key THEIR_KEY»")
    else:
        say.append(f"Take {draft.folder} to the collector: «fairwatch-server publish»")
    say += [f"WARNING: {line}" for line in done.warnings]
    return {"complete": list(done.complete), "waiting": list(done.waiting), "warnings": list(done.warnings), "say": say}


def _new_keys(given: argparse.Namespace) -> NewKeys:
    from custody.ceremony import read_public
    from custody.renewal import NewKeys
    from protocol.rolekeys import decode_online_keys, decode_public_key

    return NewKeys(
        online=read_public(given.online_keys, decode_online_keys) if given.online_keys is not None else None,
        it=read_public(given.it_key, decode_public_key) if given.it_key is not None else None,
    )


def _custodian(given: argparse.Namespace, asking: Asking) -> dict[str, Any]:
    from custody import renewal
    from custody.ceremony import read_public
    from custody.difference import grouped, key_in_words
    from custody.draft import Draft
    from protocol.publication import raw_key
    from protocol.rolekeys import decode_public_key

    draft = Draft(given.dir)
    if given.act == "list":
        root = (draft.root_in_force() or draft.root()).signed
        people = [
            {"name": key_in_words(key), "fingerprint": grouped(raw_key(key).hex())}
            for key in renewal.custodians(root).values()
        ]
        threshold = root.roles["root"].threshold
        say = [*(f"{one['name']}: {one['fingerprint']}" for one in people), f"{threshold} of them must sign"]
        return {"custodians": people, "threshold": threshold, "say": say}
    if given.key is None:
        raise CustodyError("give your signing key with --key")
    add = [read_public(path, decode_public_key) for path in ([given.by] if given.by is not None else [])]
    remove: list[str] = []
    if given.act == "add":
        add.append(read_public(Path(_who(given)), decode_public_key))
    else:
        remove.append(_who(given))
    if (given.act == "replace") != (given.by is not None):
        raise CustodyError("«replace» needs --by with the new custodian's public key, and only «replace» takes it")
    title = {"add": "A custodian more?", "remove": "A custodian less?", "replace": "Another custodian instead?"}
    change = renewal.NewKeys(add=add, remove=remove)
    return _signed(given, asking, draft, renewal.change_keys(draft, change, title[given.act], given.clock()))


def _who(given: argparse.Namespace) -> str:
    if given.who is None:
        what = "the new custodian's public key file" if given.act == "add" else "the custodian's name or fingerprint"
        raise CustodyError(f"«custodian {given.act}» needs {what}")
    return str(given.who)


def _withdraw(given: argparse.Namespace, asking: Asking) -> dict[str, Any]:
    from custody.draft import Draft
    from custody.proposal import waiting

    draft = Draft(given.dir)
    draft.root()
    if draft.root_in_force() is None:
        raise CustodyError("the ceremony is not finished; what waits is its own and can't be taken back")
    asking.confirm(f"Delete what waits for a signature: {', '.join(waiting(draft).pieces)}?")
    gone = draft.withdraw()
    return {"withdrawn": gone, "say": [f"Taken back: {', '.join(gone)}. What all have signed stays in force."]}


def _status(given: argparse.Namespace, _asking: Asking) -> dict[str, Any]:
    from custody.difference import day
    from custody.draft import Draft
    from custody.expiry import standings, warnings

    draft, now = Draft(given.dir), given.clock()
    stands, warned = standings(draft), warnings(draft, now)
    say = []
    for one in stands:
        until = (
            f"version {one.version}, valid until {day(one.expires)}" if one.expires is not None else "not signed yet"
        )
        waits = f"; version {one.pending} waits for {' and '.join(one.waits_for)}" if one.pending is not None else ""
        say.append(f"{one.name}: {until}{waits}")
    say += [f"WARNING: {line}" for line in warned] or ["Nothing expires within 60 days."]
    parts = [
        {
            "name": one.name,
            "version": one.version,
            "signed_at": one.signed_at and one.signed_at.isoformat(),
            "expires": one.expires and one.expires.isoformat(),
            "pending": one.pending,
            "waits_for": one.waits_for,
        }
        for one in stands
    ]
    return {"parts": parts, "pilot": draft.pilot, "warnings": warned, "say": say}


def _verify(given: argparse.Namespace, _asking: Asking) -> dict[str, Any]:
    from custody.draft import Draft
    from custody.releases import verify

    version = verify(Draft(given.dir), given.file, given.clock())
    return {
        "release": given.file.name,
        "version": version,
        "say": [f"{given.file.name}: signed by the custodians, in releases version {version}"],
    }


def _token(given: argparse.Namespace, asking: Asking) -> dict[str, Any]:
    from custody import files, tokens
    from custody.draft import Draft

    expires = (given.clock() + tokens.span(given.expires)).replace(microsecond=0)
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
    from custody import casefile, files, opening
    from custody.draft import Draft

    secret = _recovered(given.recovery_share) if given.recovery_share else _lead_key(given, asking)
    export = opening.read_export(files.read(given.export))
    listed = None
    if given.publication is not None:
        draft = Draft(given.publication)
        listed = draft.recipients(draft.in_force("recipients"))
    opened, refused = opening.open_all(export, secret, listed)
    warnings = opening.outdated(opened, listed.version if listed is not None else None)
    for line in (*warnings, *refused):
        print(f"fairwatch-custody: {plain(line)}", file=sys.stderr)
    say = []
    for one in opened:
        say += [plain(line) for line in one.words()]
        say += [f"  {plain(line)}" for note in one.notes for line in casefile.note_lines(note)]
    if given.pdf is not None:
        files.write_private(given.pdf, casefile.pdf(export, opened, [*warnings, *refused], given.clock()))
        say.append(f"{given.pdf}: the case file; whoever has it reads the case, so keep it as you keep paper files")
    alerts = [one.as_json() for one in opened]
    return {"alerts": alerts, "warnings": warnings, "refused": refused, "say": say, "exit": 2 if refused else 0}


def _audit(given: argparse.Namespace, _asking: Asking) -> dict[str, Any]:
    from custody.chain import check

    found = check(given.export, given.head)
    say = [f"The chain holds for {found.last.seq} lines; the last is {found.last}"]
    if found.broken is not None:
        say = [f"BROKEN at line {found.broken.seq}: {plain(found.broken.reason)}", f"Good up to {found.last}"]
    say += [f"NOT IN THE LOG: {head}; lines up to there were altered, or cut off the end" for head in found.lost]
    if given.head and not found.lost:
        say.append("Every kept head is in it.")
    elif not given.head:
        say.append("A log computed anew from end to end holds too: compare a head that you were sent, with --head.")
    return {
        "ok": found.good,
        "last": str(found.last),
        "broken": found.broken.seq if found.broken is not None else None,
        "reason": found.broken.reason if found.broken is not None else "",
        "kept_heads_lost": [str(head) for head in found.lost],
        "say": say,
        "exit": 0 if found.good else 1,
    }


def _recover(given: argparse.Namespace, asking: Asking) -> dict[str, Any]:
    from custody import files, recovering
    from custody.draft import Draft
    from protocol.leadkeys import fingerprint

    secret = _recovered(given.recovery_share)
    draft = Draft(given.publication)
    listed = draft.recipients(draft.in_force("recipients"))
    if listed is None:
        raise CustodyError(f"{given.publication}: no list of recipients is signed there")
    file = recovering.read_file(files.read(given.file))
    newcomer = recovering.recipient_of(file, listed, secret)
    asking.show(f"{len(file.cases)} cases, for {plain(newcomer.label)}, key {fingerprint(newcomer.public_key)}")
    asking.confirm(f"Open them to {plain(newcomer.label)}?")
    made = recovering.recover(file, newcomer, secret)
    files.write(given.out, msgspec.json.encode(made.file))
    for line in made.refused:
        print(f"fairwatch-custody: {plain(line)}", file=sys.stderr)
    opened = len(made.file.parcels)
    say = [f"{given.out}: {opened} cases opened to {plain(newcomer.label)}; they take it in on their page «Share»"]
    if made.kept_back:
        say.append(f"{made.kept_back} cases stay closed to them: about them, or of a group that they are not for")
    result = {"opened": opened, "kept_back": made.kept_back, "refused": list(made.refused), "out": str(given.out)}
    return {**result, "say": say, "exit": 2 if made.refused else 0}


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


_RUNS: Mapping[str, Callable[[argparse.Namespace, Asking], dict[str, Any]]] = {
    "ceremony": _ceremony,
    "key": _key,
    "backup-key": _backup_key,
    "sign": _sign,
    "custodian": _custodian,
    "withdraw": _withdraw,
    "status": _status,
    "verify": _verify,
    "token": _token,
    "open": _open,
    "audit": _audit,
    "recover": _recover,
    "passphrase": _passphrase,
}


if __name__ == "__main__":
    sys.exit(main())
