"""Proposes new keys and new dates: a custodian more, one less, another in their place, IT's or the collector's keys.

Whatever changes, everything that the custodians sign is signed again under a new root: then a key that was taken away
signs nothing that a device takes any more, whatever it had signed before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from tuf.api.metadata import Delegations, Key, Metadata, Role, Root, Targets

from custody.difference import grouped, key_in_words
from custody.draft import UNDER, Draft
from custody.errors import CustodyError
from custody.proposal import Piece, Proposal, next_version, recipients_file, targets_piece, unchanged
from protocol.publication import (
    CUSTODIANS_DELEGATED,
    ONLINE,
    PILOT_THRESHOLD,
    RECIPIENTS_TARGET,
    THRESHOLD,
    dated,
    delegations,
    raw_key,
)
from protocol.rolekeys import OnlineKeys, PublicKey

CUSTODIANS_SIGN = ("root", "targets", *CUSTODIANS_DELEGATED)
_FINGERPRINT_LEAST_DIGITS = 8


@dataclass(frozen=True)
class NewKeys:
    """Which keys change. `remove` are names or fingerprints of custodians; `it` replaces all of IT's keys."""

    add: Sequence[PublicKey] = ()
    remove: Sequence[str] = ()
    it: PublicKey | None = None
    online: OnlineKeys | None = None


def renew(draft: Draft, roles: Sequence[str], now: datetime) -> Proposal:
    """Propose these parts of what custodians sign (all, when none is named) again, with new dates and nothing else."""
    wrong = [name for name in roles if name not in CUSTODIANS_SIGN]
    if wrong:
        raise CustodyError(f"custodians can't renew «{wrong[0]}»; they renew {', '.join(CUSTODIANS_SIGN)}")
    chosen = tuple(name for name in CUSTODIANS_SIGN if name in roles) if roles else CUSTODIANS_SIGN
    if not ("root" in chosen or "targets" in chosen) and (draft.pending("root") or draft.pending("targets")):
        raise CustodyError("a change of keys waits for its signatures: finish it first, or «withdraw»")
    return _proposal(draft, NewKeys(), chosen, "Renew what was signed before?", now)


def change_keys(draft: Draft, change: NewKeys, title: str, now: datetime) -> Proposal:
    """Propose other keys; raises CustodyError when fewer than two custodians would be left, or a key is not known."""
    return _proposal(draft, change, CUSTODIANS_SIGN, title, now)


def custodians(root: Root) -> dict[str, Key]:
    """Return the custodians' keys of a root by key id."""
    return {keyid: root.keys[keyid] for keyid in root.roles["root"].keyids}


def _proposal(draft: Draft, change: NewKeys, roles: Sequence[str], title: str, now: datetime) -> Proposal:
    in_force, targets = draft.root_in_force(), draft.in_force("targets")
    if in_force is None or targets is None or targets.signed.delegations is None:
        raise CustodyError(
            "the ceremony is not finished: every custodian signs it first, with «fairwatch-custody sign»"
        )
    old = in_force.signed
    people = _people(old, change)
    threshold = THRESHOLD if len(people) > 1 else PILOT_THRESHOLD
    if threshold < old.roles["root"].threshold:
        raise CustodyError("two custodians must be left: add another first, or put one in the other's place")
    pieces: dict[str, Piece] = {}
    contents: dict[str, bytes] = {}
    for name in roles:
        if name == "root":
            pieces[name] = Metadata(_root(old, people, threshold, change.online, now))
        elif name == "targets":
            it = _it_keys(targets.signed.delegations, change.it)
            expires, extra = dated(name, now)
            extra[UNDER] = pieces["root"].signed.version if "root" in pieces else old.version
            given = delegations(people, it, threshold)
            pieces[name] = Metadata(Targets(next_version(draft, name), None, expires, {}, given, extra))
        else:
            files = _files(draft, name, pilot=threshold == PILOT_THRESHOLD)
            under = pieces.get("targets", targets).signed.version
            pieces[name], by_hash = targets_piece(draft, name, files, now, under)
            contents |= by_hash
    return Proposal(title, f"Sign {', '.join(pieces)}?", pieces, contents)


def _people(root: Root, change: NewKeys) -> dict[str, Key]:
    people = custodians(root)
    for text in change.remove:
        del people[_found(people, text)]
    for one in change.add:
        names = {key_in_words(key) for key in people.values()}
        if one.ed25519 in {raw_key(key).hex() for key in people.values()}:
            raise CustodyError(f"the key of «{one.name}» is a custodian's already")
        if one.name in names:
            raise CustodyError(f"there is a custodian «{one.name}» already; give the new key another name")
        people[one.key_id] = one.key()
    return people


def _found(people: Mapping[str, Key], text: str) -> str:
    digits = text.replace(" ", "").lower()
    found = [
        keyid
        for keyid, key in people.items()
        if key_in_words(key) == text
        or (len(digits) >= _FINGERPRINT_LEAST_DIGITS and raw_key(key).hex().startswith(digits))
    ]
    if len(found) != 1:
        known = "; ".join(f"{key_in_words(key)}, {grouped(raw_key(key).hex())}" for key in people.values())
        how = "no custodian is" if not found else "more than one custodian is"
        raise CustodyError(f"{how} called «{text}»; give the fingerprint's first digits. There are: {known}")
    return found[0]


def _root(old: Root, people: Mapping[str, Key], threshold: int, online: OnlineKeys | None, now: datetime) -> Root:
    roles = {name: Role(sorted(people), threshold) for name in ("root", "targets")}
    keys = dict(people)
    for name in ONLINE:
        if online is None:
            roles[name] = old.roles[name]
            keys |= {keyid: old.keys[keyid] for keyid in old.roles[name].keyids}
        else:
            fresh: PublicKey = getattr(online, name)
            roles[name] = Role([fresh.key_id], 1)
            keys[fresh.key_id] = fresh.key()
    expires, extra = dated("root", now)
    return Root(old.version + 1, None, expires, keys, roles, consistent_snapshot=True, unrecognized_fields=extra)


def _it_keys(given: Delegations, new: PublicKey | None) -> dict[str, Key]:
    if new is not None:
        return {new.key_id: new.key()}
    assert given.roles is not None
    return {keyid: given.keys[keyid] for keyid in given.roles["packs"].keyids}


def _files(draft: Draft, name: str, *, pilot: bool) -> dict[str, bytes]:
    """Return the files that a role lists now; a list of recipients says its new version and whether it's a pilot."""
    contents = unchanged(draft, name)
    listed = draft.recipients(draft.in_force(name)) if name == "recipients" else None
    if listed is not None:
        fresh = msgspec.structs.replace(listed, version=next_version(draft, name), pilot=pilot)
        contents[RECIPIENTS_TARGET] = recipients_file(fresh)
    return contents
