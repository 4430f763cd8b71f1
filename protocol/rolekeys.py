"""Keys that sign what is published: Ed25519, in PEM files (PKCS 8), encrypted with a passphrase for people.

The collector's two online keys stand unencrypted in its data folder: a passphrase beside them would stop nobody.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, TypeVar

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import Key, Metadata, Root, Snapshot, Targets, Timestamp

from protocol.errors import UnlockError
from protocol.leadkeys import tidy
from protocol.messages import Message, ShortText, place_of
from protocol.publication import KEY_NAME


class PublicKey(Message, frozen=True):
    """A signing key's public half as it is handed over, with whose it is in words."""

    name: ShortText
    ed25519: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]

    def key(self) -> Key:
        """Return the key as metadata names it."""
        return SSlibKey(self.key_id, "ed25519", "ed25519", {"public": self.ed25519}, {KEY_NAME: self.name})

    @property
    def key_id(self) -> str:
        """The key's id: the SHA-256 of its 32 raw bytes, 64 hex digits."""
        return hashlib.sha256(bytes.fromhex(self.ed25519)).hexdigest()


class OnlineKeys(Message, frozen=True):
    """The public halves of the collector's keys, as `fairwatch-server init` hands them to the ceremony."""

    snapshot: PublicKey
    timestamp: PublicKey


M = TypeVar("M", bound=Message)
SigningKey = Ed25519PrivateKey
"""A private signing key, under a name that the collector may use without importing cryptography."""


def new_key() -> Ed25519PrivateKey:
    """Return a new signing key from the operating system's randomness."""
    return Ed25519PrivateKey.generate()


def public_half(key: Ed25519PrivateKey, name: str) -> PublicKey:
    """Return what of a key may be shown."""
    return PublicKey(name=name, ed25519=key.public_key().public_bytes_raw().hex())


def to_pem(key: Ed25519PrivateKey, passphrase: str | None) -> bytes:
    """Return the key as a PEM file, encrypted unless there is no passphrase."""
    how: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        how = BestAvailableEncryption(tidy(passphrase).encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


def from_pem(data: bytes, passphrase: str | None) -> Ed25519PrivateKey:
    """Return the key in a PEM file; raises UnlockError when it is not one or the passphrase is not its own."""
    secret = tidy(passphrase).encode() if passphrase is not None else None
    try:
        key = load_pem_private_key(data, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnlockError("the key file can't be unlocked: the passphrase is not its own, or it is no key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UnlockError("the key file holds another kind of key than the signing keys used here")
    return key


Piece = Metadata[Root] | Metadata[Targets] | Metadata[Snapshot] | Metadata[Timestamp]


def sign(piece: Piece, key: Ed25519PrivateKey) -> None:
    """Add the key's signature to a piece of metadata, replacing its own older one and nobody else's."""
    public = public_half(key, "").key()
    assert isinstance(public, SSlibKey)
    piece.sign(CryptoSigner(key, public), append=True)


def decode_public_key(data: bytes) -> PublicKey:
    """Return a public key file's content; raises UnlockError naming what is wrong."""
    return _decode(data, PublicKey)


def decode_online_keys(data: bytes) -> OnlineKeys:
    """Return the content of the collector's file of public keys; raises UnlockError naming what is wrong."""
    return _decode(data, OnlineKeys)


def _decode(data: bytes, kind: type[M]) -> M:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise UnlockError(f"this is no file of public keys: {place_of(fault)}") from None
