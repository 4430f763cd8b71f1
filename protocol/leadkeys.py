"""A lead's key as a file: an X25519 key pair, its private half wrapped by a passphrase of six words.

The browser (`server/web/static/web/leadkey.js`) makes and unlocks the same file with WebCrypto, and
`fairwatch-custody open` unlocks it without any browser. The passphrase never leaves the computer where it is typed.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from protocol.errors import OpenError
from protocol.messages import KeyId, Message
from protocol.sealing import key_id

PASSPHRASE_WORDS = 6
"""Six words of 2,048 are 66 bits; with the iterations below a stolen file costs some 2^86 hashes to guess."""

ITERATIONS = 600_000
"""PBKDF2-HMAC-SHA256, the count that OWASP's password storage guidance gives; about half a second in a browser."""

ITERATIONS_MAX = 10_000_000
"""A hostile file must not be able to keep a browser or the offline command busy for minutes."""

_SALT_BYTES = 16
_NONCE_BYTES = 12
_WRAPPED_BYTES = 48 + 16  # PKCS #8 of an X25519 key, and the tag


class LeadKey(Message, frozen=True):
    """The key file. `public_key` is 32 raw bytes; `wrapped` is AES-256-GCM over the private key in PKCS #8."""

    version: Literal[1]
    key_id: KeyId
    public_key: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    salt: Annotated[bytes, msgspec.Meta(min_length=_SALT_BYTES, max_length=_SALT_BYTES)]
    iterations: Annotated[int, msgspec.Meta(ge=ITERATIONS, le=ITERATIONS_MAX)]
    nonce: Annotated[bytes, msgspec.Meta(min_length=_NONCE_BYTES, max_length=_NONCE_BYTES)]
    wrapped: Annotated[bytes, msgspec.Meta(min_length=_WRAPPED_BYTES, max_length=_WRAPPED_BYTES)]


@cache
def words() -> tuple[str, ...]:
    """Return the words that passphrases are made of: short, common, easily told apart."""
    return tuple(Path(__file__).with_name("words.txt").read_text("utf-8").split())


def make_passphrase(choose: Callable[[Sequence[str]], str] = secrets.choice) -> str:
    """Return six words chosen at random, joined by single spaces."""
    return " ".join(choose(words()) for _ in range(PASSPHRASE_WORDS))


def tidy(passphrase: str) -> str:
    """Return a passphrase as it is meant: NFKC, lower case, single spaces (people type it from paper)."""
    return " ".join(unicodedata.normalize("NFKC", passphrase).lower().split())


def make(passphrase: str, *, randomness: Callable[[int], bytes] = os.urandom) -> LeadKey:
    """Return a new key pair, its private half wrapped by the passphrase."""
    secret = X25519PrivateKey.from_private_bytes(randomness(32))
    public = secret.public_key().public_bytes_raw()
    salt, nonce = randomness(_SALT_BYTES), randomness(_NONCE_BYTES)
    inside = secret.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    wrapped = AESGCM(_wrapping_key(passphrase, salt, ITERATIONS)).encrypt(nonce, inside, _place(public))
    return LeadKey(1, key_id(public), public, salt, ITERATIONS, nonce, wrapped)


def unlock(key: LeadKey, passphrase: str) -> bytes:
    """Return the raw X25519 private key (32 bytes).

    Raises OpenError when the passphrase is wrong or the file was altered, its public key included.
    """
    try:
        wrapping = AESGCM(_wrapping_key(passphrase, key.salt, key.iterations))
        secret = load_der_private_key(wrapping.decrypt(key.nonce, key.wrapped, _place(key.public_key)), None)
    except (InvalidTag, ValueError) as fault:
        raise OpenError("the passphrase does not open this key, or the key file was altered") from fault
    if not isinstance(secret, X25519PrivateKey):
        raise OpenError("the file holds a key of another kind")
    public = secret.public_key().public_bytes_raw()
    if public != key.public_key or key_id(public) != key.key_id:
        raise OpenError("the file's public key is not that of its private key")
    return secret.private_bytes_raw()


def fingerprint(public_key: bytes) -> str:
    """Return what people compare of a public key, aloud or on paper: its id in eight groups of four."""
    digits = key_id(public_key)
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def _wrapping_key(passphrase: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", tidy(passphrase).encode(), salt, iterations, 32)


def _place(public_key: bytes) -> bytes:
    # Stops a collector from pairing a lead's wrapped private key with a public key of its own.
    return b"fairwatch/v1/leadkey\0" + public_key
