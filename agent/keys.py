"""The device's keys: made here, kept in files that only their owner reads, and never sent.

The Ed25519 key signs requests and alerts; the spool key seals what waits on disk (AES-256-GCM). Files are written
whole or not at all, and a key that others could read is refused rather than used: it may have been copied.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from agent.errors import IdentityDamagedError, KeysExposedError, NotEnrolledError, SealedTextError
from agent.files import write_whole
from agent.protection import Protector, of_this_system
from protocol.messages import Group, Message, Positive, UtcTime, place_of
from protocol.signing import sign_request

IDENTITY_FILE: Final = "identity.json"
KEYS_FOLDER: Final = "keys"
DEVICE_KEY_FILE: Final = "device.ed25519"
SPOOL_KEY_FILE: Final = "spool.aes256"
KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class Cipher:
    """Seals texts at rest under one 256-bit key, each bound to its place, so that rows can't be swapped unnoticed."""

    def __init__(self, key: bytes, random: Callable[[int], bytes] = os.urandom) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key has {KEY_BYTES} bytes")
        self._aead = AESGCM(key)
        self._label_key = hashlib.blake2b(key, person=b"fairwatch-label").digest()
        self._random = random

    def seal(self, text: bytes, place: bytes) -> bytes:
        """Return nonce and ciphertext of a text for that place."""
        nonce = self._random(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, text, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Return the text; raises SealedTextError when it was altered, moved, or sealed under another key."""
        try:
            return self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place)
        except (InvalidTag, ValueError):
            raise SealedTextError("a text at rest does not open") from None

    def label(self, text: str) -> bytes:
        """Return a keyed hash (16 bytes) to find a row by: names of people and folders never stand on disk in clear."""
        return hashlib.blake2b(text.encode(), key=self._label_key, digest_size=16).digest()


class _Stored(Message, frozen=True):
    """What `identity.json` holds; the keys are in files of their own."""

    version: Literal[1]
    device: UUID
    group: Group
    collector: str
    certificate: str
    root: str
    root_version: Positive
    minimum: dict[str, int]
    enrolled_at: UtcTime


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who this device is, to whom it speaks, and what it may not go back behind.

    `certificate` is the pin of the collector's key (hex, empty on loopback), `root` the SHA-256 (hex) of the first root
    metadata, `minimum` the least version of each piece of metadata. The keys never show in a log.
    """

    device: UUID
    group: str
    collector: str
    certificate: str
    root: str
    root_version: int
    minimum: Mapping[str, int]
    enrolled_at: datetime
    key: Ed25519PrivateKey = field(repr=False)
    spool_key: bytes = field(repr=False)

    def signer(self, clock: Callable[[], datetime]) -> Callable[[str, str, bytes], Mapping[str, str]]:
        """Return what signs a request as this device, at the time that `clock` says."""
        return request_signer(self.key, str(self.device), clock)


@dataclass(frozen=True)
class DeviceKeys:
    """The two keys of a device: one to sign with, one to seal the spool with."""

    key: Ed25519PrivateKey = field(repr=False)
    spool_key: bytes = field(repr=False)

    @property
    def public_key(self) -> bytes:
        """The public half of the device's key, 32 raw bytes."""
        return self.key.public_key().public_bytes_raw()


def request_signer(
    key: Ed25519PrivateKey, key_id: str, clock: Callable[[], datetime]
) -> Callable[[str, str, bytes], Mapping[str, str]]:
    """Return what signs a request (RFC 9421) with that key under that id, at the time that `clock` says."""

    def sign(method: str, url: str, body: bytes) -> Mapping[str, str]:
        return sign_request(method, url, body, key=key, key_id=key_id, at=clock())

    return sign


def make_keys(data_dir: Path, protector: Protector | None = None) -> DeviceKeys:
    """Return this device's keys, made now unless they are there already: a second try to enrol is the same device.

    Raises KeysExposedError, IdentityDamagedError and KeyStoreError like `load`, and OSError when they can't be written.
    """
    protector = protector or of_this_system()
    folder = data_dir / KEYS_FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_exposed(folder)
    makers: dict[str, Callable[[], bytes]] = {
        DEVICE_KEY_FILE: Ed25519PrivateKey.generate().private_bytes_raw,
        SPOOL_KEY_FILE: partial(AESGCM.generate_key, 8 * KEY_BYTES),
    }
    for name, make in makers.items():
        if not (folder / name).exists():
            write_whole(folder / name, make() if protector is None else protector.protect(make(), name))
    return _keys(folder, protector)


def save(identity: Identity, data_dir: Path) -> None:
    """Write `identity.json`; the keys are there already. Raises OSError."""
    stored = _Stored(
        version=1,
        device=identity.device,
        group=identity.group,
        collector=identity.collector,
        certificate=identity.certificate,
        root=identity.root,
        root_version=identity.root_version,
        minimum=dict(identity.minimum),
        enrolled_at=identity.enrolled_at,
    )
    write_whole(data_dir / IDENTITY_FILE, msgspec.json.format(msgspec.json.encode(stored), indent=2) + b"\n")


def load(data_dir: Path, protector: Protector | None = None) -> Identity:
    """Return the identity of this device; `protector` is the system's own where none is given.

    Raises NotEnrolledError when there is none, KeysExposedError when others could have read or changed it,
    IdentityDamagedError when it can't be read, and KeyStoreError when the system does not open what it guards.
    """
    file = data_dir / IDENTITY_FILE
    if not file.exists():
        raise NotEnrolledError(f"{data_dir} holds no identity: run fairwatch-agent enrol first")
    for path in (file, data_dir / KEYS_FOLDER):
        _refuse_exposed(path)
    try:
        stored = msgspec.json.decode(file.read_bytes(), type=_Stored)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise IdentityDamagedError(f"{file} can't be read ({place_of(fault)}): enrol this device again") from fault
    keys = _keys(data_dir / KEYS_FOLDER, protector or of_this_system())
    facts = {name: getattr(stored, name) for name in stored.__struct_fields__ if name != "version"}
    return Identity(**facts, key=keys.key, spool_key=keys.spool_key)


def _keys(folder: Path, protector: Protector | None) -> DeviceKeys:
    return DeviceKeys(
        Ed25519PrivateKey.from_private_bytes(_read(folder / DEVICE_KEY_FILE, protector)),
        _read(folder / SPOOL_KEY_FILE, protector),
    )


def _read(file: Path, protector: Protector | None) -> bytes:
    try:
        _refuse_exposed(file)
        kept = file.read_bytes()
    except OSError as fault:
        raise IdentityDamagedError(f"{file} can't be read ({type(fault).__name__}): enrol this device again") from fault
    try:
        key = kept if protector is None else protector.unprotect(kept, file.name)
    except SealedTextError as fault:
        raise IdentityDamagedError(f"{file} was altered: enrol this device again") from fault
    if len(key) != KEY_BYTES:
        raise IdentityDamagedError(f"{file} is not a key: enrol this device again")
    return key


def _refuse_exposed(path: Path) -> None:
    """Refuse what others may read or change: a copied key lets another machine speak as this one.

    On Windows the installer's access list protects the folder, and modes say nothing.
    """
    if os.name == "nt":
        return
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise KeysExposedError(f"{path} is a link: keys are kept where they are, not elsewhere")
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        wanted = "700" if stat.S_ISDIR(found.st_mode) else "600"
        raise KeysExposedError(f"{path} is open to others: chmod {wanted} it, or enrol this device again")
    if found.st_uid not in (os.geteuid(), 0):
        raise KeysExposedError(f"{path} belongs to another account")
