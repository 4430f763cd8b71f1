"""A lead's key as a file: one half opens (X25519), one signs (Ed25519), both wrapped by a passphrase of six words.

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
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from protocol.errors import OpenError
from protocol.messages import KeyId, LeadPublicKey, Message
from protocol.sealing import KEY_BYTES, halves, key_id, public_of

PASSPHRASE_WORDS = 6
"""Six words of 2,048 are 66 bits; with the iterations below a stolen file costs some 2^86 hashes to guess."""

ITERATIONS = 600_000
"""PBKDF2-HMAC-SHA256, the count that OWASP's password storage guidance gives; about half a second in a browser."""

ITERATIONS_MAX = 10_000_000
"""A hostile file must not be able to keep a browser or the offline command busy for minutes."""

Half = Literal["opening", "signing"]
_SALT_BYTES = 16
_NONCE_BYTES = 12
_WRAPPED_BYTES = 48 + 16  # PKCS #8 of an X25519 or Ed25519 key, and the tag


class Wrapped(Message, frozen=True):
    """One private half in PKCS #8 under AES-256-GCM."""

    nonce: Annotated[bytes, msgspec.Meta(min_length=_NONCE_BYTES, max_length=_NONCE_BYTES)]
    wrapped: Annotated[bytes, msgspec.Meta(min_length=_WRAPPED_BYTES, max_length=_WRAPPED_BYTES)]


class LeadKey(Message, frozen=True):
    """The key file. `public_key` is X25519, then Ed25519; `opening` and `signing` are their wrapped private halves."""

    version: Literal[1]
    key_id: KeyId
    public_key: LeadPublicKey
    salt: Annotated[bytes, msgspec.Meta(min_length=_SALT_BYTES, max_length=_SALT_BYTES)]
    iterations: Annotated[int, msgspec.Meta(ge=ITERATIONS, le=ITERATIONS_MAX)]
    opening: Wrapped
    signing: Wrapped


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
    """Return a new key, its private halves wrapped by the passphrase."""
    private, salt = randomness(KEY_BYTES), randomness(_SALT_BYTES)
    public = public_of(private)
    wrapping = AESGCM(_wrapping_key(passphrase, salt, ITERATIONS))

    def wrap(half: Half, secret: X25519PrivateKey | Ed25519PrivateKey) -> Wrapped:
        nonce = randomness(_NONCE_BYTES)
        inside = secret.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return Wrapped(nonce, wrapping.encrypt(nonce, inside, _place(half, public)))

    opens, signs = halves(private)
    opening = wrap("opening", X25519PrivateKey.from_private_bytes(opens))
    signing = wrap("signing", Ed25519PrivateKey.from_private_bytes(signs))
    return LeadKey(1, key_id(public), public, salt, ITERATIONS, opening, signing)


def unlock(key: LeadKey, passphrase: str) -> bytes:
    """Return the private key: 64 bytes, X25519, then Ed25519.

    Raises OpenError when the passphrase is wrong or the file was altered, its public key included.
    """
    wrapping = AESGCM(_wrapping_key(passphrase, key.salt, key.iterations))

    def unwrap(half: Half, kept: Wrapped) -> bytes:
        try:
            inside = wrapping.decrypt(kept.nonce, kept.wrapped, _place(half, key.public_key))
            secret = load_der_private_key(inside, None)
        except (InvalidTag, ValueError) as fault:
            raise OpenError("the passphrase does not open this key, or the key file was altered") from fault
        if not isinstance(secret, X25519PrivateKey if half == "opening" else Ed25519PrivateKey):
            raise OpenError("the file holds a key of another kind")
        return secret.private_bytes_raw()

    private = unwrap("opening", key.opening) + unwrap("signing", key.signing)
    public = public_of(private)
    if public != key.public_key or key_id(public) != key.key_id:
        raise OpenError("the file's public key is not that of its private key")
    return private


def fingerprint(public_key: bytes) -> str:
    """Return what people compare of a public key, aloud or on paper: its id in eight groups of four."""
    digits = key_id(public_key)
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def _wrapping_key(passphrase: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", tidy(passphrase).encode(), salt, iterations, 32)


def _place(half: Half, public_key: bytes) -> bytes:
    # Stops a collector from pairing a lead's wrapped private key with a public key of its own, half by half too.
    return b"fairwatch/v1/leadkey\0" + half.encode() + b"\0" + public_key
