"""The ceremony: makes root, the delegations, the keys that belong to this computer, and the recovery shares.

Held offline on the first custodian's computer. With two custodians, the second brings only a public key and signs on
another computer afterwards; IT's key is made on IT's computer. A pilot may make all of them here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tuf.api.metadata import Delegations, Key, Metadata, Role, Root, Targets

from custody import difference, files, recovery
from custody.asking import Asking
from custody.draft import Draft
from custody.errors import CustodyError
from protocol.errors import UnlockError
from protocol.publication import (
    CUSTODIANS_DELEGATED,
    ONLINE,
    PILOT_THRESHOLD,
    THRESHOLD,
    Recipient,
    dated,
    delegations,
)
from protocol.rolekeys import PublicKey, decode_online_keys, decode_public_key, new_key, public_half, sign, to_pem

K = TypeVar("K")
RECOVERY_FILE = "recovery-key.json"
CUSTODIAN_FILE = "custodian.pem"
IT_FILE = "it.pem"


@dataclass(frozen=True)
class Plan:
    """What was asked for. `custodians` and `it_key` are files with public keys made on other computers."""

    folder: Path
    online_keys: Path
    name: str
    custodians: Sequence[Path]
    it_key: Path | None
    pilot: bool
    passphrase_file: Path | None
    it_passphrase_file: Path | None


def hold(plan: Plan, asking: Asking, now: datetime) -> dict[str, str]:
    """Hold the ceremony and return the files it made, by what they are.

    Raises CustodyError before anything is written when too few custodians take part, or there was a ceremony here.
    """
    draft = Draft(plan.folder / "publication")
    if draft.exists:
        raise CustodyError(f"{plan.folder}: a ceremony was held here already; a second one would orphan every device")
    online = read_public(plan.online_keys, decode_online_keys)
    others = [read_public(path, decode_public_key) for path in plan.custodians]
    it_public = read_public(plan.it_key, decode_public_key) if plan.it_key is not None else None
    _check_people(plan, others)
    threshold = PILOT_THRESHOLD if plan.pilot else THRESHOLD

    mine, its = new_key(), new_key()
    mine_public = public_half(mine, plan.name)
    custodians = [mine_public, *others]
    it = it_public if it_public is not None else public_half(its, "IT")
    if len({one.ed25519 for one in (*custodians, it, online.snapshot, online.timestamp)}) != len(custodians) + 3:
        raise CustodyError("two of the keys given are the same; each person and the collector needs an own one")
    people = {one.key_id: one.key() for one in custodians}
    root = _root(people, {"snapshot": online.snapshot, "timestamp": online.timestamp}, threshold, now)
    targets = _targets(delegations(people, {it.key_id: it.key()}, threshold), now)
    for line in (*difference.of_root(None, root), *difference.of_targets(None, targets)):
        asking.show(str(line))
    asking.confirm("Found this organisation's signing on these keys?")

    made: dict[str, str] = {}
    passphrase = asking.new_passphrase(plan.passphrase_file, f"the custodian's key «{plan.name}»")
    _keep_key(plan.folder, CUSTODIAN_FILE, to_pem(mine, passphrase), mine_public, made)
    if it_public is None:
        passphrase = asking.new_passphrase(plan.it_passphrase_file, "IT's key")
        _keep_key(plan.folder, IT_FILE, to_pem(its, passphrase), it, made)
    rescue, shares = recovery.make()
    for number, words in enumerate(shares, start=1):
        path = plan.folder / "recovery" / f"share-{number}.txt"
        files.write_private(path, recovery.share_text(number, words).encode())
        made[f"recovery_share_{number}"] = str(path)
    files.write(plan.folder / RECOVERY_FILE, msgspec.json.encode(rescue))
    _publish(draft, root, targets, mine, now)
    made["publication"] = str(draft.folder)
    return made


def make_key(out: Path, name: str, passphrase_file: Path | None, asking: Asking) -> PublicKey:
    """Make a signing key for a person on this computer: `out` (private, encrypted) and, beside it, the public half."""
    key = new_key()
    public = public_half(key, name)
    passphrase = asking.new_passphrase(passphrase_file, f"the key «{name}»")
    files.write_private(out, to_pem(key, passphrase))
    files.write(out.with_suffix(".public.json"), msgspec.json.encode(public))
    return public


def recovery_recipient(folder: Path) -> Recipient:
    """Return the recovery key's entry that the ceremony left beside the publication."""
    for path in (folder / RECOVERY_FILE, folder.parent / RECOVERY_FILE):
        if path.is_file():
            try:
                return msgspec.json.decode(files.read(path), type=Recipient)
            except msgspec.MsgspecError:
                raise CustodyError(f"{path}: this is not the recovery key that the ceremony wrote") from None
    raise CustodyError(f"{folder}: {RECOVERY_FILE} of the ceremony is missing, so nothing could ever be recovered")


def read_public(path: Path, decode: Callable[[bytes], K]) -> K:
    """Return what a file of public keys holds; raises CustodyError naming the file."""
    try:
        return decode(files.read(path))
    except UnlockError as fault:
        raise CustodyError(f"{path}: {fault}") from None


def _check_people(plan: Plan, others: Sequence[PublicKey]) -> None:
    if plan.pilot:
        return
    if not others:
        raise CustodyError(
            "two custodians must sign: give the other's public key with --custodian FILE "
            "(made there by «fairwatch-custody key»), or say --pilot for a trial with one"
        )
    if plan.it_key is None:
        raise CustodyError("IT's key is made on IT's computer: give its public half with --it-key FILE (or --pilot)")


def _root(people: dict[str, Key], online: dict[str, PublicKey], threshold: int, now: datetime) -> Root:
    expires, extra = dated("root", now)
    roles = {name: Role(sorted(people), threshold) for name in ("root", "targets")}
    roles |= {name: Role([online[name].key_id], 1) for name in ONLINE}
    keys = people | {one.key_id: one.key() for one in online.values()}
    return Root(1, None, expires, keys, roles, consistent_snapshot=True, unrecognized_fields=extra)


def _targets(given: Delegations, now: datetime) -> Targets:
    expires, extra = dated("targets", now)
    return Targets(1, None, expires, {}, given, extra)


def _publish(draft: Draft, root: Root, targets: Targets, key: Ed25519PrivateKey, now: datetime) -> None:
    pieces: dict[str, Metadata[Root] | Metadata[Targets]] = {"root": Metadata(root), "targets": Metadata(targets)}
    for name in CUSTODIANS_DELEGATED:
        expires, extra = dated(name, now)
        pieces[name] = Metadata(Targets(1, None, expires, {}, None, extra))
    for name, piece in pieces.items():
        sign(piece, key)
        draft.put(name, piece)


def _keep_key(folder: Path, name: str, pem: bytes, public: PublicKey, made: dict[str, str]) -> None:
    path = folder / "private" / name
    files.write_private(path, pem)
    files.write(path.with_suffix(".public.json"), msgspec.json.encode(public))
    made[path.stem] = str(path)
