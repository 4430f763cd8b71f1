"""Says in plain words what a signature would change, and who could then do what."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from tuf.api.metadata import Key, Metadata, Root, TargetFile, Targets

from custody.asking import plain
from protocol.publication import ONLINE, Recipient, RecipientList, key_name, raw_key, signed_at

CLOCKS_APART = timedelta(days=1)
"""A date further off than this means that one of two computers has a wrong clock."""
Read = Callable[[TargetFile], bytes]


def grouped(digits: str) -> str:
    """Return hex digits as people compare them: eight groups of four."""
    return " ".join(digits[at : at + 4] for at in range(0, 32, 4))


def of_root(old: Root | None, new: Root) -> Iterator[str]:
    """Say who the custodians are, how many must sign, which keys the collector has, and what of it is new."""
    role = new.roles["root"]
    yield f"Root {new.version}: who may sign for this organisation, until {new.expires:%d %B %Y}."
    if old is not None:
        before, after = _people(old), _people(new)
        yield from (f"  NEW: {line}" for line in after if line not in before)
        yield from (f"  GONE: {line}" for line in before if line not in after)
        if old.roles["root"].threshold != role.threshold:
            yield f"  CHANGED: {old.roles['root'].threshold} had to sign until now"
    yield from (f"  {line}" for line in _people(new))
    many = "one of them is enough: this is a pilot" if role.threshold == 1 else f"{role.threshold} of them must sign"
    yield f"  {many}."


def of_targets(new: Targets) -> Iterator[str]:
    """Say whose job each part of the publication is."""
    yield f"Targets {new.version}: what is signed by whom, until {new.expires:%d %B %Y}."
    assert new.delegations is not None
    for name, role in (new.delegations.roles or {}).items():
        names = ", ".join(_key(new.delegations.keys[keyid]) for keyid in role.keyids)
        yield f"  {name}: {role.threshold} of {names}"


def of_recipients(old: RecipientList | None, new: RecipientList | None) -> Iterator[str]:
    """Say who can open evidence after this, and who is new, gone or changed."""
    if new is None:
        yield "No list of recipients yet: devices observe nothing until there is one."
        return
    before = {one.key_id: one for one in old.recipients} if old is not None else {}
    after = {one.key_id: one for one in new.recipients}
    for key, one in after.items():
        if key not in before:
            yield f"NEW, can open evidence from now on: {_recipient(one)}"
        elif before[key] != one:
            yield f"CHANGED from: {_recipient(before[key])}"
            yield f"          to: {_recipient(one)}"
    for key, one in before.items():
        if key not in after:
            yield f"GONE, can't open anything sealed from now on: {_recipient(one)}"
    yield f"Who can open evidence after this (list {new.version}):"
    for one in new.recipients:
        yield f"  {_recipient(one)}"
    if new.pilot:
        yield "This is a pilot: one custodian alone can change this list, and every page says so."


def of_files(old: Mapping[str, TargetFile], new: Mapping[str, TargetFile], read: Read) -> Iterator[str]:
    """Say which files are new, gone or changed; of texts, every line."""
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path), new.get(path)
        if after is None:
            yield f"GONE: {plain(path)}"
        elif before is None or before.hashes != after.hashes:
            what = "NEW" if before is None else "CHANGED"
            digest = after.hashes["sha256"][:16]
            yield f"{what}: {plain(path)} ({after.length:,} bytes, SHA-256 begins {digest})"
            if path.endswith(".toml"):
                yield from _lines(read(before) if before is not None else b"", read(after))
    if all(path in old and old[path].hashes == each.hashes for path, each in new.items()) and len(old) == len(new):
        yield "No file changes; the signature is renewed."


def of_clock(piece: Metadata[Root] | Metadata[Targets], now: datetime) -> Iterator[str]:
    """Warn when the piece says it was made at another time than this computer's clock says."""
    made = signed_at(piece.signed)
    if abs(made - now) > CLOCKS_APART:
        yield f"WARNING: it says it was made on {made:%d %B %Y}, but this computer's clock says {now:%d %B %Y}."


def _lines(old: bytes, new: bytes) -> Iterator[str]:
    before, after = (text.decode("utf-8", "replace").splitlines() for text in (old, new))
    for line in difflib.unified_diff(before, after, lineterm="", n=0):
        if line.startswith(("---", "+++", "@@")):
            continue
        yield f"    {'added:  ' if line[0] == '+' else 'removed:'} {plain(line[1:])}"


def _recipient(one: Recipient) -> str:
    scope = "all groups" if not one.groups else "only " + ", ".join(one.groups)
    about = f"; never cases about {', '.join(map(plain, one.never_about))}" if one.never_about else ""
    return f"{plain(one.label)} ({one.role}; {scope}{about}), key {grouped(one.key_id)}"


def _people(root: Root) -> list[str]:
    people = [f"custodian: {_key(root.keys[keyid])}" for keyid in root.roles["root"].keyids]
    online = [(name, root.keys[keyid]) for name in ONLINE for keyid in root.roles[name].keyids]
    return [*people, *(f"the collector's {name} key, for freshness alone: {_key(key)}" for name, key in online)]


def _key(key: Key) -> str:
    return f"{plain(key_name(key))}, key {grouped(raw_key(key).hex())}"
