"""What is published and who must sign it: TUF roles, target paths, thresholds, expiry, and the list of recipients.

Root, targets, `recipients`, `policy` and `releases` belong to the custodians: two signatures, one in a *pilot*. `packs`
belongs to IT. The collector has the keys of snapshot and timestamp alone. The top-level targets lists no file and only
delegates, so that no single signer can hand somebody else's role to itself. Metadata follows TUF 1.0 with consistent
snapshots (https://theupdateframework.github.io/specification/latest/).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Key,
    Metadata,
    Root,
    Signed,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from protocol.errors import Expired, NotTrusted
from protocol.limits import ENVELOPE_MAX_RECIPIENTS, MESSAGE_VERSION
from protocol.messages import Group, KeyId, LeadPublicKey, Message, Positive, ShortText, place_of, reader
from protocol.sealing import key_id

# --- names -------------------------------------------------------------------------------------------------------

CUSTODIANS_DELEGATED: Final = ("recipients", "policy", "releases")
"""Roles under targets that need the custodians' threshold."""
DELEGATED: Final = (*CUSTODIANS_DELEGATED, "packs")
"""All roles under targets; each may publish only under a folder of its own name."""
OFFLINE: Final = ("root", "targets", *DELEGATED)
"""Roles signed off the collector: what an upload holds."""
ONLINE: Final = ("snapshot", "timestamp")
"""Roles that the collector signs."""

RECIPIENTS_TARGET: Final = "recipients/recipients.json"
POLICY_TARGET: Final = "policy/policy.toml"
CATEGORIES_TARGET: Final = "policy/categories.toml"
PROTECTED_TARGET: Final = "policy/protected.pack"
NAMEABLE_TARGET: Final = "policy/nameable.pack"
POLICY_TARGETS: Final = (POLICY_TARGET, CATEGORIES_TARGET, PROTECTED_TARGET, NAMEABLE_TARGET)
_PACK_TARGET = re.compile(r"packs/[a-z][a-z0-9_]{0,63}\.pack")
_DELTA_TARGET = re.compile(r"(packs/[a-z][a-z0-9_]{0,63})\.([0-9a-f]{12})-([0-9a-f]{12})\.delta")
_RELEASE_TARGET = re.compile(r"releases/[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")

THRESHOLD: Final = 2
"""Custodians that must sign: with one, its holder could add itself as a recipient or widen what is collected."""
PILOT_THRESHOLD: Final = 1
"""A pilot may run with one custodian, and says so on every page."""

EXPIRES_AFTER: Final[Mapping[str, timedelta]] = {
    # A year and a month: the advisory board's yearly review is when custodians sign again, with room for holidays.
    **dict.fromkeys(OFFLINE, timedelta(days=395)),
    # How long a hostile collector or network can hold back news: a week, and two days for the newest.
    "snapshot": timedelta(days=7),
    "timestamp": timedelta(days=2),
}

EXPIRY_WARNING: Final = timedelta(days=60)
"""How long before it expires everybody is told: two custodians have to meet, and one may be on holiday."""

METADATA_MAX_BYTES: Final = 256 * 1024
"""Our largest piece of metadata is about 6 KiB; an endless one must not fill a disk."""
TARGET_MAX_BYTES: Final = 256 * 1024 * 1024
"""A pack of twenty million entries fits; more is a mistake of the signer."""
ROOTS_MAX: Final = 64
"""Roots that a device follows in one check: one a year is usual."""
SIGNED_AT: Final = "x-fairwatch-signed-at"
"""The field in each piece of metadata that says when it was made, so that time can't be turned back past it."""
KEY_NAME: Final = "x-fairwatch-name"
"""The field in a public key that says in words whose it is."""


# --- recipients --------------------------------------------------------------------------------------------------

Role = Literal["lead", "deputy", "recovery"]


class Recipient(Message, frozen=True):
    """One key that evidence is sealed to.

    `groups` empty means all. `never_about` are the OS accounts of the key's holder: a case about them is not sealed to
    this key, so that nobody judges a case about themselves.
    """

    key_id: KeyId
    public_key: LeadPublicKey
    role: Role
    label: ShortText
    groups: tuple[Group, ...] = ()
    never_about: tuple[ShortText, ...] = ()

    def may_open(self, group: str, person: str) -> bool:
        """Whether a case in this group about this OS account is sealed to this key."""
        if self.role == "recovery":
            return True
        in_scope = not self.groups or group in self.groups
        return in_scope and not any(same_account(person, own) for own in self.never_about)


class RecipientList(Message, frozen=True):
    """The signed list of who may open evidence. `version` is that of the `recipients` metadata that lists it."""

    version: Positive
    pilot: bool
    recipients: Annotated[tuple[Recipient, ...], msgspec.Meta(max_length=ENVELOPE_MAX_RECIPIENTS)]

    def for_case(self, group: str, person: str) -> tuple[Recipient, ...]:
        """Return whom a case is sealed to: leads and deputies in scope that it is not about, and always recovery."""
        return tuple(one for one in self.recipients if one.may_open(group, person))


def decode_recipients(data: bytes) -> RecipientList:
    """Return the list of recipients from its published JSON.

    Raises NotTrusted when it is malformed, names a key twice or by a wrong id, or has no recovery key or no lead.
    """
    try:
        listed = reader(RecipientList).decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise NotTrusted(f"the list of recipients can't be read: {place_of(fault)}") from None
    for one in listed.recipients:
        if key_id(one.public_key) != one.key_id:
            raise NotTrusted(f"the list of recipients gives the key of «{one.label}» a wrong id")
    if len({one.key_id for one in listed.recipients}) != len(listed.recipients):
        raise NotTrusted("the list of recipients names a key twice")
    roles = {one.role for one in listed.recipients}
    if "recovery" not in roles or not roles & {"lead", "deputy"}:
        raise NotTrusted("the list of recipients needs a lead's or deputy's key and the recovery key")
    return listed


def same_account(one: str, other: str) -> bool:
    r"""Whether two OS account names may be the same person's.

    Case does not count, and a bare name equals the same name in any domain (`DOMAIN\name`, `name@domain`): where in
    doubt, a case stays closed to the person it may be about.
    """
    first, second = _account(one), _account(other)
    return first[0] == second[0] and (first[1] == second[1] or not (first[1] and second[1]))


def _account(text: str) -> tuple[str, str]:
    # `AzureAD\name@domain`, as some systems write a cloud account, is `name@domain`.
    folded = text.strip().casefold()
    domain, slash, name = folded.partition("\\")
    if slash and "@" not in name:
        return name, domain
    name, _, domain = (name if slash else folded).partition("@")
    return name, domain


# --- verifying ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trusted:
    """Metadata whose signatures, versions and shape were checked from a trusted root on."""

    root: Root
    targets: Targets
    delegated: Mapping[str, Targets]
    pilot: bool
    signed_at: datetime
    versions: Mapping[str, int] = field(default_factory=dict)

    @property
    def packs_keys(self) -> tuple[bytes, ...]:
        """IT's public keys (32 raw Ed25519 bytes each): they sign packs and enrolment tokens."""
        assert self.targets.delegations is not None
        assert self.targets.delegations.roles is not None
        role = self.targets.delegations.roles["packs"]
        return tuple(raw_key(self.targets.delegations.keys[keyid]) for keyid in role.keyids)

    def expires(self) -> datetime:
        """Return when the first piece of the offline metadata expires (aware UTC)."""
        return min(self.expiries().values())

    def expiries(self) -> dict[str, datetime]:
        """Return when each piece of the offline metadata expires (aware UTC)."""
        pieces: dict[str, Signed] = {"root": self.root, "targets": self.targets, **self.delegated}
        return {name: one.expires for name, one in pieces.items()}


def verify(roots: Sequence[bytes], metadata: Mapping[str, bytes], *, now: datetime | None) -> Trusted:
    """Return the metadata, checked from the first of `roots`, which the caller trusts, to the last.

    `metadata` maps role names to exact bytes: targets and every delegated role, and, where the caller has them,
    snapshot and timestamp. `now` None leaves expiry unchecked: for what is in force already. Raises NotTrusted.
    """
    root = _root(roots)
    threshold = root.roles["root"].threshold
    pieces: dict[str, Signed] = {"root": root}
    targets = _piece(metadata, "targets", Targets, root)
    pieces["targets"] = targets
    _check_root(root)
    _check_delegations(targets, root)
    delegated = {name: _piece(metadata, name, Targets, targets) for name in DELEGATED}
    pieces.update(delegated)
    for name, piece in delegated.items():
        _check_delegated(name, piece)
    if "snapshot" in metadata:
        snapshot = _piece(metadata, "snapshot", Snapshot, root)
        pieces["snapshot"] = snapshot
        _check_snapshot(snapshot, pieces, metadata)
        if "timestamp" in metadata:
            timestamp = _piece(metadata, "timestamp", Timestamp, root)
            pieces["timestamp"] = timestamp
            if timestamp.snapshot_meta.version != snapshot.version:
                raise NotTrusted("timestamp and snapshot are of different versions")
    if now is not None:
        for name, each in pieces.items():
            if each.is_expired(now):
                raise Expired(f"the {name} metadata expired on {each.expires:%Y-%m-%d}")
    return Trusted(
        root=root,
        targets=targets,
        delegated=delegated,
        pilot=threshold == PILOT_THRESHOLD,
        signed_at=max(signed_at(pieces[name]) for name in OFFLINE),
        versions={name: piece.version for name, piece in pieces.items()},
    )


def check_shape(name: str, piece: Root | Targets, root: Root) -> None:
    """Check what one piece of metadata may say at all, before anybody signs it; raises NotTrusted."""
    if isinstance(piece, Root):
        _check_root(piece)
    elif name == "targets":
        _check_delegations(piece, root)
    else:
        _check_delegated(name, piece)


def check_recipients(listed: RecipientList, trusted: Trusted) -> None:
    """Check that a list of recipients belongs to this metadata: its version, and the pilot said openly."""
    check_list(listed, trusted.versions["recipients"], pilot=trusted.pilot)


def check_list(listed: RecipientList, version: int, *, pilot: bool) -> None:
    """Check that a list of recipients is of that version and says openly whether this is a pilot."""
    if listed.version != version:
        raise NotTrusted("the list of recipients is of another version than its metadata")
    if listed.pilot != pilot:
        raise NotTrusted("the list of recipients hides or invents that this is a pilot with one custodian")


def dated(name: str, now: datetime) -> tuple[datetime, dict[str, object]]:
    """Return when a piece of metadata made now expires, and the field that says when it was made."""
    second = now.astimezone(UTC).replace(microsecond=0)
    return second + EXPIRES_AFTER[name], {SIGNED_AT: second.isoformat()}


def signed_at(piece: Signed) -> datetime:
    """Return when a piece of metadata says it was made (aware UTC); raises NotTrusted when it doesn't say."""
    try:
        when = datetime.fromisoformat(str(piece.unrecognized_fields[SIGNED_AT]))
        return when.astimezone(UTC)
    except (KeyError, ValueError):
        raise NotTrusted("a piece of metadata doesn't say when it was made") from None


def file_version(target: TargetFile) -> int:
    """Return a published file's version: that of the metadata that changed it last; raises NotTrusted."""
    custom = target.custom
    version = custom.get("version") if isinstance(custom, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise NotTrusted(f"«{target.path[:80]}» has no version")
    return version


def raw_key(key: Key) -> bytes:
    """Return an Ed25519 public key's 32 raw bytes; raises NotTrusted when it is no such key."""
    value = key.keyval.get("public", "") if isinstance(key.keyval, dict) else ""
    if key.keytype != "ed25519" or key.scheme != "ed25519" or not re.fullmatch("[0-9a-f]{64}", str(value)):
        raise NotTrusted("a signing key is not a plain Ed25519 key")
    return bytes.fromhex(value)


def key_name(key: Key) -> str:
    """Return in words whose key it is, as the custodians signed it."""
    return str(key.unrecognized_fields.get(KEY_NAME, "no name"))


def delegations(custodians: Mapping[str, Key], it: Mapping[str, Key], threshold: int) -> Delegations:
    """Return what top-level targets delegates: each role its folder, its keys and its threshold, and no way back."""
    roles = {
        name: DelegatedRole(
            name,
            sorted(it if name == "packs" else custodians),
            1 if name == "packs" else threshold,
            terminating=True,
            paths=[f"{name}/*"],
        )
        for name in DELEGATED
    }
    return Delegations({**custodians, **it}, roles)


T = TypeVar("T", Root, Targets, Snapshot, Timestamp)


def parse(data: bytes, kind: type[T], name: str) -> Metadata[T]:
    """Return a piece of metadata of that kind, unverified; raises NotTrusted when it can't be read as one."""
    if len(data) > METADATA_MAX_BYTES:
        raise NotTrusted(f"the {name} metadata is larger than {METADATA_MAX_BYTES} bytes")
    try:
        piece: Metadata[T] = Metadata[T].from_bytes(data)
    except (RepositoryError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise NotTrusted(f"the {name} metadata can't be read") from None
    if not isinstance(piece.signed, kind):
        raise NotTrusted(f"the {name} metadata is of another kind")
    return piece


def _root(roots: Sequence[bytes]) -> Root:
    if not 1 <= len(roots) <= ROOTS_MAX:
        raise NotTrusted("there is no root to trust, or too many follow it")
    trusted: Root | None = None
    for data in roots:
        piece = parse(data, Root, "root")
        newer = piece.signed
        if trusted is not None and newer.version != trusted.version + 1:
            raise NotTrusted(f"root version {newer.version} doesn't follow version {trusted.version}")
        for by in (trusted, newer):
            if by is not None:
                _check_signed(by, "root", piece)
        trusted = newer
    assert trusted is not None
    return trusted


def _piece(metadata: Mapping[str, bytes], name: str, kind: type[T], by: Root | Targets) -> T:
    if name not in metadata:
        raise NotTrusted(f"the {name} metadata is missing")
    piece = parse(metadata[name], kind, name)
    _check_signed(by, name, piece)
    return piece.signed


def _check_signed(by: Root | Targets, name: str, piece: Metadata[T]) -> None:
    try:
        by.verify_delegate(name, piece.signed_bytes, piece.signatures)
    except (RepositoryError, ValueError):
        raise NotTrusted(f"the {name} metadata isn't signed by as many of the right keys as it must be") from None


def _check_root(root: Root) -> None:
    custodians, threshold = set(root.roles["root"].keyids), root.roles["root"].threshold
    if not root.consistent_snapshot:
        raise NotTrusted("the root metadata turns consistent snapshots off")
    if threshold < 1 or set(root.roles["targets"].keyids) != custodians or root.roles["targets"].threshold != threshold:
        raise NotTrusted("root and targets must have the same custodians and the same threshold")
    values = {raw_key(root.keys[keyid]) for keyid in custodians}
    online = {raw_key(root.keys[keyid]) for name in ONLINE for keyid in root.roles[name].keyids}
    if len(values) != len(custodians) or len(values) < threshold:
        raise NotTrusted("two custodians share one key, or fewer custodians than must sign")
    if values & online:
        raise NotTrusted("a custodian's key is also the collector's")


def _check_delegations(targets: Targets, root: Root) -> None:
    given = targets.delegations
    if targets.targets:
        raise NotTrusted("the top-level targets lists a file; it may only delegate")
    if given is None or given.roles is None or set(given.roles) != set(DELEGATED):
        raise NotTrusted(f"the top-level targets must delegate {', '.join(DELEGATED)} and nothing else")
    custodians = {raw_key(root.keys[keyid]) for keyid in root.roles["root"].keyids}
    online = {raw_key(root.keys[keyid]) for name in ONLINE for keyid in root.roles[name].keyids}
    for name, role in given.roles.items():
        values = [raw_key(given.keys[keyid]) for keyid in role.keyids if keyid in given.keys]
        if role.paths != [f"{name}/*"] or not role.terminating or len(values) != len(role.keyids):
            raise NotTrusted(f"the delegation of {name} is wider than its folder")
        if name == "packs":
            sound = bool(values) and role.threshold >= 1 and not set(values) & (custodians | online)
        else:
            sound = set(values) <= custodians and len(set(values)) == len(values)
            sound = sound and role.threshold == root.roles["root"].threshold
        if not sound:
            raise NotTrusted(f"the delegation of {name} is to other keys or fewer signatures than it must be")


def _check_delegated(name: str, piece: Targets) -> None:
    if piece.delegations is not None:
        raise NotTrusted(f"the {name} metadata delegates further, which nobody may")
    for path, target in piece.targets.items():
        known = {
            "recipients": path == RECIPIENTS_TARGET,
            "policy": path in POLICY_TARGETS,
            "packs": _PACK_TARGET.fullmatch(path) is not None or is_delta(path),
            "releases": _RELEASE_TARGET.fullmatch(path) is not None,
        }[name]
        if not known or path != target.path:
            raise NotTrusted(f"the {name} metadata lists «{path[:80]}», which is not its to publish")
        if target.length > TARGET_MAX_BYTES or "sha256" not in target.hashes:
            raise NotTrusted(f"the {name} metadata lists a file that is too large or without a SHA-256")
        file_version(target)
    for path, target in piece.targets.items():
        if name == "packs" and is_delta(path):
            _check_delta(target, piece)


def _check_delta(delta: TargetFile, piece: Targets) -> None:
    pack, old, new = delta_between(delta.path)
    whole = piece.targets.get(pack)
    if whole is None or old == new or not whole.hashes["sha256"].startswith(new):
        raise NotTrusted(f"«{delta.path[:120]}» leads to no pack that is listed with it")
    if delta.length >= whole.length:
        raise NotTrusted(f"«{delta.path[:120]}» is no smaller than the pack it leads to")


def _check_snapshot(snapshot: Snapshot, pieces: Mapping[str, Signed], metadata: Mapping[str, bytes]) -> None:
    for name in ("targets", *DELEGATED):
        meta = snapshot.meta.get(f"{name}.json")
        if meta is None or meta.version != pieces[name].version:
            raise NotTrusted(f"the snapshot names another version of {name}")
        try:
            meta.verify_length_and_hashes(metadata[name])
        except RepositoryError:
            raise NotTrusted(f"the snapshot names other bytes of {name}") from None


def file_name(name: str, version: int) -> str:
    """Return the file name of a piece of metadata in a consistent snapshot; the timestamp alone has no version."""
    return "timestamp.json" if name == "timestamp" else f"{version}.{name}.json"


def is_delta(path: str) -> bool:
    """Whether a published file is a delta: a shorter way from an older pack to the one listed beside it."""
    return _DELTA_TARGET.fullmatch(path) is not None


def delta_path(pack: str, old_sha256: str, new_sha256: str) -> str:
    """Return the path of the delta that makes of one version of a pack the next (`packs/ID.OLD-NEW.delta`)."""
    return f"{pack.removesuffix('.pack')}.{old_sha256[:12]}-{new_sha256[:12]}.delta"


def delta_between(delta: str) -> tuple[str, str, str]:
    """Return from which file a delta leads to which: the pack's path, and how both SHA-256 begin."""
    match = _DELTA_TARGET.fullmatch(delta)
    if match is None:
        raise NotTrusted(f"«{delta[:120]}» is not the name of a delta")
    return f"{match[1]}.pack", match[2], match[3]


def target_file_name(path: str, sha256: str) -> str:
    """Return where a target lies in a consistent snapshot: its hash before its name."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{sha256}.{name}"


assert MESSAGE_VERSION == 1  # a newer RecipientList comes with a reader for the older one
