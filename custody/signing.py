"""Prepares what is to be signed, and signs it: recipients and policy (custodians), packs (IT), a second signature.

Nothing is signed before its difference was shown. A new version replaces an unfinished one and never a finished one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tuf.api.metadata import Metadata, Role, Root, TargetFile, Targets

from custody import difference, files
from custody.asking import Asking
from custody.ceremony import recovery_recipient
from custody.draft import Draft
from custody.errors import CustodyError
from protocol.errors import NotTrusted
from protocol.leadkeys import LeadKey
from protocol.publication import (
    OFFLINE,
    ONLINE,
    POLICY_TARGET,
    POLICY_TARGETS,
    RECIPIENTS_TARGET,
    Recipient,
    RecipientList,
    check_list,
    check_shape,
    dated,
    decode_recipients,
    file_version,
    parse,
    raw_key,
)
from protocol.rolekeys import OnlineKeys, public_half, sign


@dataclass(frozen=True)
class Changes:
    """What to change in the list of recipients. Leads and deputies are given as `LABEL=FILE` or `FILE`.

    `groups` and `never_about` map a label to group names and OS accounts; `remove` names labels or key ids.
    """

    leads: Sequence[str] = ()
    deputies: Sequence[str] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    never_about: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remove: Sequence[str] = ()


def sign_recipients(draft: Draft, key: Ed25519PrivateKey, changes: Changes, asking: Asking, now: datetime) -> bool:
    """Sign the next list of recipients; returns whether all signatures are now there."""
    version = _next(draft, "recipients")
    old = draft.recipients(draft.in_force("recipients"))
    listed = list(old.recipients) if old is not None else [recovery_recipient(draft.folder)]
    for name in changes.remove:
        gone = [one for one in listed if name in (one.label, one.key_id) and one.role != "recovery"]
        if not gone:
            raise CustodyError(f"there is no recipient «{name}» to remove (the recovery key always stays)")
        listed = [one for one in listed if one not in gone]
    for role, given in (("lead", changes.leads), ("deputy", changes.deputies)):
        for text in given:
            new = _recipient(text, "lead" if role == "lead" else "deputy")
            listed = [one for one in listed if one.key_id != new.key_id] + [new]
    listed = _scoped(listed, changes)
    data = msgspec.json.encode(RecipientList(version, draft.pilot, tuple(listed)))
    try:
        decode_recipients(data)
    except NotTrusted as fault:
        raise CustodyError(f"{fault}; nothing was signed") from None
    return _propose(draft, key, "recipients", {RECIPIENTS_TARGET: data}, asking, now)


def sign_policy(draft: Draft, key: Ed25519PrivateKey, given: Sequence[Path], asking: Asking, now: datetime) -> bool:
    """Sign the next policy: the policy and, where given, taxonomy, protected and nameable list, known by file name."""
    contents = _unchanged(draft, "policy")
    for path in given:
        target = f"policy/{path.name}" if f"policy/{path.name}" in POLICY_TARGETS else POLICY_TARGET
        if target == POLICY_TARGET and path.suffix != ".toml":
            names = ", ".join(each.partition("/")[2] for each in POLICY_TARGETS)
            raise CustodyError(f"{path}: not part of a policy; its files are {names}")
        contents[target] = files.read(path)
    missing = [target for target in POLICY_TARGETS if target not in contents]
    if missing:
        raise CustodyError(f"the first policy needs all its files; {', '.join(missing)} is missing")
    _check_policy(contents[POLICY_TARGET])
    return _propose(draft, key, "policy", contents, asking, now)


def sign_packs(draft: Draft, key: Ed25519PrivateKey, given: Sequence[Path], asking: Asking, now: datetime) -> bool:
    """Sign the next packs: those given are added or replaced by file name, the others stay."""
    contents = _unchanged(draft, "packs")
    contents |= {f"packs/{path.name}": files.read(path) for path in given}
    return _propose(draft, key, "packs", contents, asking, now)


def add_signatures(draft: Draft, key: Ed25519PrivateKey, asking: Asking, now: datetime) -> list[str]:
    """Sign what another custodian prepared, after showing it; returns the roles that are now complete."""
    mine = public_half(key, "").ed25519
    waiting: dict[str, Metadata[Root] | Metadata[Targets]] = {}
    for name in OFFLINE:
        piece = draft.pending(name)
        if piece is None:
            continue
        mine_here = _my_id(draft, name, mine)
        if mine_here is not None and mine_here not in piece.signatures:
            waiting[name] = piece
    if not waiting:
        raise CustodyError("nothing here waits for this key's signature")
    for name, piece in waiting.items():
        _check(draft, name, piece)
        for line in _difference(draft, name, piece, now):
            asking.show(line)
    asking.confirm(f"Sign {', '.join(waiting)}?")
    for name, piece in waiting.items():
        _put_signature(draft, name, piece, key)
    return [name for name in waiting if draft.pending(name) is None]


def renew(draft: Draft, key: Ed25519PrivateKey, online: OnlineKeys | None, asking: Asking, now: datetime) -> list[str]:
    """Sign root and targets once more, with new dates; returns what is complete.

    With `online` the collector's keys are replaced: after it was rebuilt, or to recover devices to which a hostile one
    signed version numbers far ahead. The other roles are renewed by signing them again without changes.
    """
    _, newest = draft.root_bytes()
    root, targets = parse(newest, Root, "root").signed, draft.targets().signed
    in_force = draft.in_force("targets")
    version = in_force.signed.version if in_force is not None else 0
    pieces: dict[str, Metadata[Root] | Metadata[Targets]] = {}
    expires, extra = dated("root", now)
    keys, roles = dict(root.keys), dict(root.roles)
    if online is not None:
        gone = {keyid for name in ONLINE for keyid in roles[name].keyids}
        fresh = {"snapshot": online.snapshot, "timestamp": online.timestamp}
        keys = {keyid: one for keyid, one in keys.items() if keyid not in gone}
        keys |= {one.key_id: one.key() for one in fresh.values()}
        roles |= {name: Role([one.key_id], 1) for name, one in fresh.items()}
    pieces["root"] = Metadata(Root(root.version + 1, None, expires, keys, roles, True, extra))
    expires, extra = dated("targets", now)
    pieces["targets"] = Metadata(Targets(version + 1, None, expires, {}, targets.delegations, extra))
    for name, piece in pieces.items():
        if _my_id(draft, name, public_half(key, "").ed25519) is None:
            raise CustodyError(f"this key may not sign {name}")
        _check(draft, name, piece)
        for line in _difference(draft, name, piece, now):
            asking.show(line)
    asking.confirm("Renew root and targets?")
    for name, piece in pieces.items():
        _put_signature(draft, name, piece, key)
    return [name for name in pieces if draft.pending(name) is None]


def _propose(
    draft: Draft, key: Ed25519PrivateKey, name: str, contents: Mapping[str, bytes], asking: Asking, now: datetime
) -> bool:
    if _my_id(draft, name, public_half(key, "").ed25519) is None:
        raise CustodyError(f"this key may not sign {name}")
    old = draft.in_force(name)
    before = old.signed.targets if old is not None else {}
    version = _next(draft, name)
    targets = {
        path: draft.put_target(path, data, _version(before.get(path), data, version)) for path, data in contents.items()
    }
    expires, extra = dated(name, now)
    piece = Metadata(Targets(version, None, expires, targets, None, extra))
    _check(draft, name, piece)
    for line in _difference(draft, name, piece, now):
        asking.show(line)
    asking.confirm(f"Sign {name}?")
    _put_signature(draft, name, piece, key)
    return draft.pending(name) is None


def _check(draft: Draft, name: str, piece: Metadata[Root] | Metadata[Targets]) -> None:
    """Refuse to sign what no device would take, whoever prepared it: a person may overlook it among many lines."""
    try:
        check_shape(name, piece.signed, draft.root().signed)
        if name == "recipients" and isinstance(piece.signed, Targets):
            listed = draft.recipients(Metadata(piece.signed))
            if listed is not None:
                check_list(listed, piece.signed.version, pilot=draft.pilot)
    except NotTrusted as fault:
        raise CustodyError(f"{fault}; nothing was signed") from None


def _difference(draft: Draft, name: str, piece: Metadata[Root] | Metadata[Targets], now: datetime) -> list[str]:
    lines = [f"--- {name}, version {piece.signed.version} ---", *difference.of_clock(piece, now)]
    if isinstance(piece.signed, Root):
        return [*lines, *difference.of_root(draft.root_before(piece.signed.version), piece.signed)]
    if name == "targets":
        return [*lines, *difference.of_targets(piece.signed)]
    old = draft.in_force(name)
    if name == "recipients":
        targets: Metadata[Targets] = Metadata(piece.signed)
        return [*lines, *difference.of_recipients(draft.recipients(old), draft.recipients(targets))]
    before = old.signed.targets if old is not None else {}
    return [*lines, *difference.of_files(before, piece.signed.targets, draft.target)]


def _put_signature(draft: Draft, name: str, piece: Metadata[Root] | Metadata[Targets], key: Ed25519PrivateKey) -> None:
    sign(piece, key)
    draft.put(name, piece)


def _my_id(draft: Draft, name: str, mine: str) -> str | None:
    _, keyids = draft.threshold(name)
    keys = dict(draft.root().signed.keys)
    given = draft.targets().signed.delegations
    keys |= given.keys if given is not None else {}
    return next((keyid for keyid in keyids if keyid in keys and raw_key(keys[keyid]).hex() == mine), None)


def _next(draft: Draft, name: str) -> int:
    old = draft.in_force(name)
    return old.signed.version + 1 if old is not None else 1


def _unchanged(draft: Draft, name: str) -> dict[str, bytes]:
    old = draft.in_force(name)
    return {} if old is None else {path: draft.target(target) for path, target in old.signed.targets.items()}


def _version(old: TargetFile | None, data: bytes, now_version: int) -> int:
    # A file's version is that of the metadata that changed it last, so it never falls, even if the file was away.
    if old is None or TargetFile.from_data(old.path, data, ["sha256"]).hashes != old.hashes:
        return now_version
    return file_version(old)


def _recipient(text: str, role: Literal["lead", "deputy"]) -> Recipient:
    label, _, name = text.rpartition("=")
    path = Path(name)
    try:
        key = msgspec.json.decode(files.read(path), type=LeadKey)
    except msgspec.MsgspecError:
        raise CustodyError(f"{path}: this is not a lead's key file as the browser saves it") from None
    return Recipient(key.key_id, key.public_key, role, label or path.stem)


def _scoped(listed: Sequence[Recipient], changes: Changes) -> list[Recipient]:
    labels = {one.label for one in listed if one.role != "recovery"}
    for named in (*changes.groups, *changes.never_about):
        if named not in labels:
            raise CustodyError(f"there is no lead or deputy «{named}»; known are {', '.join(sorted(labels))}")
    return [
        msgspec.structs.replace(
            one,
            groups=changes.groups.get(one.label, one.groups),
            never_about=changes.never_about.get(one.label, one.never_about),
        )
        for one in listed
    ]


def _check_policy(data: bytes) -> None:
    from rules.errors import RulesError
    from rules.policy import Policy

    try:
        Policy.parse(data.decode("utf-8"), "policy.toml")
    except (RulesError, UnicodeDecodeError) as fault:
        raise CustodyError(f"{fault}; nothing was signed") from None
