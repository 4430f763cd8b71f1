"""A long file sealed to one key, in pieces, so that a copy that is stolen opens nothing and none is held in memory.

A content key (AES-256-GCM) is wrapped by HPKE base mode as in `sealing`; the pieces are numbered in their nonces and
the last one is marked (the STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizár 2015), so that none can be left
out, moved or cut off the end. The layout is in FORMAT.md.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Protocol

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from protocol.errors import OpenError, UnlockError
from protocol.leadkeys import tidy

MAGIC = b"fairwatch backup 1\n"
PIECE_BYTES = 64 * 1024
_TAG_BYTES = 16
_WRAP_BYTES = 32 + 32 + _TAG_BYTES
_KEY_BYTES = 32
_CHECK_BYTES = 4
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO = b"fairwatch/v1\0backup"
_DAMAGED = "the sealed file is damaged or was altered"


BackupKey = X25519PrivateKey
"""A private backup key, under a name that the collector may use without importing cryptography."""


class Writable(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> object:
        """Take bytes."""


class Readable(Protocol):
    """Where bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Give at most so many bytes; none at the end."""


def new_key(passphrase: str) -> tuple[bytes, str]:
    """Return a new key's private half as an encrypted PEM file (PKCS 8), and its public half as text."""
    key = X25519PrivateKey.generate()
    how = BestAvailableEncryption(tidy(passphrase).encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how), to_text(key.public_key().public_bytes_raw())


def to_text(public_key: bytes) -> str:
    """Return a public key as 72 hex digits; the last eight find a slip of the hand, while it can be mended."""
    return (public_key + hashlib.sha256(public_key).digest()[:_CHECK_BYTES]).hex()


def from_text(text: str) -> bytes:
    """Return the public key (32 bytes) in a text; raises UnlockError for any other text."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if len(data) != _KEY_BYTES + _CHECK_BYTES or to_text(data[:_KEY_BYTES]) != data.hex():
        raise UnlockError("this is no backup key as «fairwatch-custody backup-key» prints it")
    return data[:_KEY_BYTES]


def unlock(pem: bytes, passphrase: str) -> X25519PrivateKey:
    """Return the private key in a PEM file; raises UnlockError when it is not one or the passphrase is not its own."""
    try:
        key = load_pem_private_key(pem, tidy(passphrase).encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnlockError("the backup key can't be unlocked: the passphrase is not its own, or it is no key") from None
    if not isinstance(key, X25519PrivateKey):
        raise UnlockError("this is a signing key and no backup key")
    return key


class Sealer:
    """Seals what is written to it, a piece at a time. Without `close` the file stays one that does not open."""

    def __init__(self, target: Writable, public_key: bytes, *, randomness: Callable[[int], bytes] = os.urandom) -> None:
        """Write the beginning of the file."""
        content_key = randomness(32)
        wrapped = _SUITE.encrypt(content_key, X25519PublicKey.from_public_bytes(public_key), _INFO)
        self._cipher, self._target, self._held, self._number = AESGCM(content_key), target, bytearray(), 0
        target.write(MAGIC + wrapped)

    def write(self, data: bytes) -> int:
        """Take bytes and pass on whole pieces; the last piece is held, since it must be marked."""
        self._held += data
        while len(self._held) > PIECE_BYTES:
            self._pass_on(bytes(self._held[:PIECE_BYTES]), last=False)
            del self._held[:PIECE_BYTES]
        return len(data)

    def flush(self) -> None:
        """Do nothing: a piece goes when it is full."""

    def close(self) -> None:
        """Write the last piece."""
        self._pass_on(bytes(self._held), last=True)

    def _pass_on(self, piece: bytes, *, last: bool) -> None:
        self._target.write(self._cipher.encrypt(_nonce(self._number, last=last), piece, _INFO))
        self._number += 1


class Opener:
    """Gives what was sealed, never a byte of a piece that was altered."""

    def __init__(self, source: Readable, private_key: X25519PrivateKey) -> None:
        """Read the beginning; raises OpenError when it is no such file, or sealed to another key."""
        if source.read(len(MAGIC)) != MAGIC:
            raise OpenError("this is no sealed backup")
        try:
            content_key = _SUITE.decrypt(source.read(_WRAP_BYTES), private_key, _INFO)
        except (InvalidTag, ValueError):
            raise OpenError("this backup was sealed to another key") from None
        self._cipher, self._source, self._number = AESGCM(content_key), source, 0
        self._ahead, self._given, self._ended = self._source.read(PIECE_BYTES + _TAG_BYTES), b"", False

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, none only at the end; raises OpenError when the file was altered or cut off."""
        while not self._given and not self._ended:
            self._given = self._next()
        given, self._given = self._given[:size], self._given[size:]
        return given

    def _next(self) -> bytes:
        sealed, self._ahead = self._ahead, self._source.read(PIECE_BYTES + _TAG_BYTES)
        self._ended = not self._ahead
        try:
            piece = self._cipher.decrypt(_nonce(self._number, last=self._ended), sealed, _INFO)
        except (InvalidTag, ValueError):
            raise OpenError(_DAMAGED) from None
        self._number += 1
        return piece


def is_sealed(beginning: bytes) -> bool:
    """Whether a file that begins so is one of these."""
    return beginning.startswith(MAGIC)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes((last,))
