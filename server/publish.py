"""Publishes what custodians and IT signed elsewhere: takes it in after every check a device makes, and keeps it fresh.

The collector holds two keys, for snapshot and timestamp. They say which versions are newest and that this was so
lately; they can't make a recipient, a policy or a pack. Files are only ever added, under names that hold their version
or hash (consistent snapshots), and the timestamp is replaced last, so a device never sees a half-taken upload.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Snapshot, TargetFile, Timestamp

from protocol.errors import NotTrusted, UnlockError
from protocol.publication import (
    CATEGORIES_TARGET,
    DELEGATED,
    OFFLINE,
    ONLINE,
    POLICY_TARGET,
    POLICY_TARGETS,
    RECIPIENTS_TARGET,
    TARGET_MAX_BYTES,
    RecipientList,
    Trusted,
    check_recipients,
    dated,
    decode_recipients,
    delta_between,
    file_name,
    is_delta,
    parse,
    raw_key,
    target_file_name,
    verify,
)
from protocol.rolekeys import OnlineKeys, SigningKey, from_pem, new_key, public_half, sign, to_pem
from rules import delta
from rules.engine import Rules
from rules.errors import RulesError
from rules.layout import HEADER_BYTES
from rules.model import Taxonomy
from rules.policy import Policy
from rules.versions import pack_format, policy_format
from server.errors import PublishRefused, SetUpError

ONLINE_KEYS_FILE = "online-keys.json"
_ACCEPTED_FILE = "accepted.json"
SNAPSHOT_RENEWED_BEFORE = timedelta(days=4)
"""A snapshot lives a week; renewed with four days left, a long weekend without the job does not stop devices."""


@dataclass(frozen=True)
class Published:
    """What is published now: versions by role, whether one custodian is enough, and the list of recipients.

    `expiries` says of each part that is signed off the collector when it expires (aware UTC).
    """

    versions: Mapping[str, int]
    pilot: bool
    expires: datetime
    recipients: RecipientList | None
    expiries: Mapping[str, datetime]


class _Accepted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which versions were taken in. Written last, so that half an upload is never published."""

    versions: dict[str, int]
    snapshot: int = 0
    timestamp: int = 0


def init_online_keys(data_dir: Path) -> bytes:
    """Make the collector's two keys, unless they are there, and return their public halves as JSON.

    The same JSON lies in `<data_dir>/keys/online-keys.json`, for the ceremony.
    """
    folder = data_dir / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    public = folder / ONLINE_KEYS_FILE
    if public.exists():
        return public.read_bytes()
    halves = {}
    for name in ONLINE:
        key = new_key()
        _write(folder / f"{name}.pem", to_pem(key, None), 0o600)
        halves[name] = public_half(key, f"collector, {name}")
    text = msgspec.json.encode(OnlineKeys(halves["snapshot"], halves["timestamp"]))
    _write(public, text)
    return text


class Publication:
    """The published folder of one collector: `<data_dir>/rules/metadata` and `.../targets`."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "rules"
        self._keys = data_dir / "keys"

    def accept(self, upload: Path, now: datetime) -> Published:
        """Take in a folder that custodians or IT signed, and publish it.

        Everything that a device would check is checked first. Raises PublishRefused, with nothing kept, when anything
        in it is not properly signed, older than what is here, expired, wider than it may be, or can't be read.
        """
        upload = upload / "publication" if (upload / "publication").is_dir() else upload
        with self._locked():
            accepted = self._accepted()
            newest = _newest(upload / "metadata", accepted.versions)
            roots = self._roots(upload, newest)
            metadata = {name: self._either(upload, name, newest[name]) for name in OFFLINE if name != "root"}
            self._refuse_replaced(upload, accepted)
            try:
                trusted = verify(roots, metadata, now=now)
                self._check_online_keys(trusted)
                contents = {target.path: self._target(upload, target) for target in _targets(trusted)}
                _check_contents(contents, trusted)
                _check_deltas(contents, [upload / "targets", self._folder / "targets"])
            except NotTrusted as fault:
                raise PublishRefused(f"not published: {fault}") from None
            for target in _targets(trusted):
                name = target_file_name(target.path, target.hashes["sha256"])
                _write(self._folder / "targets" / name, contents[target.path])
            first = accepted.versions.get("root", 0) + 1
            for version, data in enumerate(roots[first - 1 :], start=first):
                _write(self._folder / "metadata" / file_name("root", version), data)
            for name, data in metadata.items():
                _write(self._folder / "metadata" / file_name(name, newest[name]), data)
            self._refresh(msgspec.structs.replace(accepted, versions=newest), now)
        return self._published(trusted, contents.get(RECIPIENTS_TARGET))

    def refresh(self, now: datetime) -> bool:
        """Sign anew that what is published is still the newest; returns False where nothing is published yet."""
        with self._locked():
            accepted = self._accepted()
            if not accepted.versions:
                return False
            self._refresh(accepted, now)
            return True

    def read(self, path: str) -> bytes | None:
        """Return a published file by its path below `/publication/`, or None."""
        if re.fullmatch(r"(metadata|targets(/[a-z]+)?)/[A-Za-z0-9][A-Za-z0-9._+-]*", path) is None:
            return None
        try:
            return (self._folder / path).read_bytes()
        except OSError:
            return None

    def packs_keys(self) -> tuple[bytes, ...]:
        """Return IT's public keys (raw Ed25519), which sign enrolment tokens; none before the first publication."""
        trusted = self._trusted()
        return trusted.packs_keys if trusted is not None else ()

    def formats(self) -> dict[str, frozenset[int]]:
        """Return the formats of what is published now that a device must read: of `packs`, and of the `policy`."""
        found: dict[str, set[int | None]] = {"packs": set(), "policy": set()}
        trusted = self._trusted()
        for target in _targets(trusted) if trusted is not None else ():
            path = self._folder / "targets" / target_file_name(target.path, target.hashes["sha256"])
            if target.path == POLICY_TARGET:
                found["policy"].add(policy_format(path.read_text("utf-8")))
            elif target.path.endswith(".pack"):
                with path.open("rb") as file:
                    found["packs"].add(pack_format(file.read(HEADER_BYTES)))
        return {what: frozenset(one for one in numbers if one is not None) for what, numbers in found.items()}

    def published(self) -> Published | None:
        """Return what is published now; None before the first time."""
        trusted = self._trusted()
        if trusted is None:
            return None
        listed = trusted.delegated["recipients"].targets.get(RECIPIENTS_TARGET)
        return self._published(trusted, self._target(self._folder, listed) if listed is not None else None)

    def stamped_until(self) -> datetime | None:
        """Return until when devices take what is published, by the collector's own key; None before the first time."""
        try:
            data = (self._folder / "metadata" / "timestamp.json").read_bytes()
        except FileNotFoundError:
            return None
        return parse(data, Timestamp, "timestamp").signed.expires

    def _published(self, trusted: Trusted, listed: bytes | None) -> Published:
        return Published(
            versions=trusted.versions,
            pilot=trusted.pilot,
            expires=trusted.expires(),
            expiries=trusted.expiries(),
            recipients=decode_recipients(listed) if listed is not None else None,
        )

    def _trusted(self) -> Trusted | None:
        versions = self._accepted().versions
        if not versions:
            return None
        try:
            return verify(self._own_roots(versions["root"]), self._own(versions), now=None)
        except (OSError, NotTrusted) as fault:
            raise SetUpError(
                f"{self._folder} was changed by hand ({fault}); publish the signed folder again"
            ) from fault

    def _refresh(self, accepted: _Accepted, now: datetime) -> None:
        versions, metadata = accepted.versions, self._own(accepted.versions)
        snapshot = self._snapshot(accepted, metadata, now)
        data = snapshot.to_bytes()
        expires, extra = dated("timestamp", now)
        meta = MetaFile.from_data(snapshot.signed.version, data, ["sha256"])
        timestamp: Metadata[Timestamp] = Metadata(Timestamp(accepted.timestamp + 1, None, expires, meta, extra))
        sign(timestamp, self._online_key("timestamp"))
        whole = metadata | {"snapshot": data, "timestamp": timestamp.to_bytes()}
        try:
            verify(self._own_roots(versions["root"]), whole, now=now)
        except NotTrusted as fault:
            raise PublishRefused(f"devices would not take what is published: {fault}") from None
        if snapshot.signed.version != accepted.snapshot:
            _write(self._folder / "metadata" / file_name("snapshot", snapshot.signed.version), data)
        state = _Accepted(dict(versions), snapshot.signed.version, timestamp.signed.version)
        _write(self._folder / _ACCEPTED_FILE, msgspec.json.encode(state))
        _write(self._folder / "metadata" / "timestamp.json", whole["timestamp"])

    def _snapshot(self, accepted: _Accepted, metadata: Mapping[str, bytes], now: datetime) -> Metadata[Snapshot]:
        names = ("targets", *DELEGATED)
        meta = {f"{n}.json": MetaFile.from_data(accepted.versions[n], metadata[n], ["sha256"]) for n in names}
        if accepted.snapshot:
            old = parse(self._metadata_file("snapshot", accepted.snapshot), Snapshot, "snapshot")
            if old.signed.meta == meta and old.signed.expires - now > SNAPSHOT_RENEWED_BEFORE:
                return old
        expires, extra = dated("snapshot", now)
        fresh: Metadata[Snapshot] = Metadata(Snapshot(accepted.snapshot + 1, None, expires, meta, extra))
        sign(fresh, self._online_key("snapshot"))
        return fresh

    def _online_key(self, name: str) -> SigningKey:
        try:
            return from_pem((self._keys / f"{name}.pem").read_bytes(), None)
        except (OSError, UnlockError):
            raise SetUpError(f"the collector's {name} key is missing: run fairwatch-server init") from None

    def _check_online_keys(self, trusted: Trusted) -> None:
        for name in ONLINE:
            mine = public_half(self._online_key(name), "").ed25519
            role = trusted.root.roles[name]
            if [raw_key(trusted.root.keys[keyid]).hex() for keyid in role.keyids] != [mine] or role.threshold != 1:
                raise NotTrusted(f"its root names another {name} key than this collector's; it was made for another")

    def _roots(self, upload: Path, newest: Mapping[str, int]) -> list[bytes]:
        return [self._either(upload, "root", version) for version in range(1, newest["root"] + 1)]

    def _own_roots(self, last: int) -> list[bytes]:
        return [self._metadata_file("root", version) for version in range(1, last + 1)]

    def _own(self, versions: Mapping[str, int]) -> dict[str, bytes]:
        return {name: self._metadata_file(name, versions[name]) for name in OFFLINE if name != "root"}

    def _metadata_file(self, name: str, version: int) -> bytes:
        return (self._folder / "metadata" / file_name(name, version)).read_bytes()

    def _either(self, upload: Path, name: str, version: int) -> bytes:
        # What is here was checked before and wins: an upload can't put another text under a version already taken.
        for folder in (self._folder, upload):
            path = folder / "metadata" / file_name(name, version)
            if path.is_file():
                return path.read_bytes()
        raise PublishRefused(f"not published: {file_name(name, version)} is missing from the folder")

    def _refuse_replaced(self, upload: Path, accepted: _Accepted) -> None:
        for name, version in accepted.versions.items():
            given = upload / "metadata" / file_name(name, version)
            if given.is_file() and given.read_bytes() != self._metadata_file(name, version):
                raise PublishRefused(f"not published: version {version} of {name} is here already with another text")

    def _target(self, upload: Path, target: TargetFile) -> bytes:
        name = target_file_name(target.path, target.hashes["sha256"])
        for folder in (upload, self._folder):
            path = folder / "targets" / name
            if path.is_file() and path.stat().st_size <= TARGET_MAX_BYTES:
                data = path.read_bytes()
                try:
                    target.verify_length_and_hashes(data)
                except RepositoryError:
                    raise NotTrusted(f"the file {target.path} is not the one that was signed") from None
                return data
        raise NotTrusted(f"the file {target.path} is signed for, but missing from the folder")

    def _accepted(self) -> _Accepted:
        try:
            return msgspec.json.decode((self._folder / _ACCEPTED_FILE).read_bytes(), type=_Accepted)
        except FileNotFoundError:
            return _Accepted({})
        except msgspec.MsgspecError as fault:
            raise SetUpError(
                f"{self._folder / _ACCEPTED_FILE} was changed by hand; publish the folder again"
            ) from fault

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _newest(folder: Path, here: Mapping[str, int]) -> dict[str, int]:
    newest = dict(here)
    for name in OFFLINE:
        pattern = re.compile(rf"([1-9][0-9]{{0,8}})\.{name}\.json")
        found = [int(match[1]) for path in folder.glob("*.json") if (match := pattern.fullmatch(path.name))]
        if not found and name not in here:
            raise PublishRefused(f"not published: there is no {name} metadata in {folder}")
        if found and max(found) < here.get(name, 0):
            raise PublishRefused(
                f"not published: {name} version {max(found)} is older than version {here[name]}, published already"
            )
        newest[name] = max([*found, here.get(name, 0)])
    return newest


def _targets(trusted: Trusted) -> list[TargetFile]:
    return [target for role in trusted.delegated.values() for target in role.targets.values()]


def _check_contents(contents: Mapping[str, bytes], trusted: Trusted) -> None:
    """Read every file as a device would; raises NotTrusted for what it could not use."""
    if RECIPIENTS_TARGET in contents:
        check_recipients(decode_recipients(contents[RECIPIENTS_TARGET]), trusted)
    given = [path for path in POLICY_TARGETS if path in contents]
    if not given:
        return
    if len(given) != len(POLICY_TARGETS):
        raise NotTrusted("a policy needs all its files: " + ", ".join(POLICY_TARGETS))
    with tempfile.TemporaryDirectory(prefix="fairwatch-") as name:
        folder = Path(name)
        for path, data in contents.items():
            place = path.removeprefix("policy/")
            if path.startswith(("policy/", "packs/")):
                _write(folder / place, data)
        try:
            taxonomy = Taxonomy.load(folder / CATEGORIES_TARGET.removeprefix("policy/"))
            Policy.parse(contents[POLICY_TARGET].decode("utf-8"), "policy.toml", taxonomy)
            rules = Rules.open(folder)
            try:
                rules.verify()
            finally:
                rules.close()
        except (RulesError, UnicodeDecodeError) as fault:
            raise NotTrusted(f"devices could not use it: {fault}") from None


def _check_deltas(contents: Mapping[str, bytes], folders: Sequence[Path]) -> None:
    """Apply every delta whose older pack is here; raises NotTrusted where another file comes of it than was signed.

    One that can't be tried is published all the same: a device checks what comes of it, and has the whole pack.
    """
    for path, data in contents.items():
        if not is_delta(path):
            continue
        pack, old, _ = delta_between(path)
        folder, _, name = pack.rpartition("/")
        bases = [found for where in folders for found in (where / folder).glob(f"{old}*.{name}")]
        if not bases:
            continue
        made = hashlib.sha256()
        try:
            for piece in delta.apply(bases[0].read_bytes(), data):
                made.update(piece)
        except (RulesError, OSError):
            raise NotTrusted(f"{path} can't be applied to the pack it is for") from None
        if made.digest() != hashlib.sha256(contents[pack]).digest():
            raise NotTrusted(f"{path} doesn't lead to the pack that is signed beside it")


def _write(path: Path, data: bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
