"""Envelopes: a text sealed to several keys, so that only their holders can open it, and only in its own place.

One content key an envelope (AES-256-GCM), wrapped for each recipient by HPKE base mode (RFC 9180: DHKEM(X25519,
HKDF-SHA256), HKDF-SHA256, AES-256-GCM). The layout is in FORMAT.md, section 4; the version byte comes first, so that a
post-quantum suite can follow.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from typing import Literal
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from protocol.errors import OpenError, SealError
from protocol.limits import ENVELOPE_MAX_RECIPIENTS, ENVELOPE_SIZES_BYTES

ENVELOPE_VERSION = 1
LeadPurpose = Literal["note", "mute", "exception", "concern", "rewrap", "month"]
"""What leads seal, or only sign, themselves (`documents.py`, `rewraps.py`, `month_totals.py`)."""
Purpose = Literal["heading", "evidence", "trial", "trip", "note", "mute", "exception", "concern", "rewrap", "month"]
KEY_BYTES = 64
"""A key's length, public or private: an X25519 half (32 bytes), which opens, then an Ed25519 half, which signs."""
_HALF = 32
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_KEY_ID_BYTES = 16
WRAP_BYTES = 32 + 32 + 16
"""A wrapped content key: HPKE enc, the key, a tag."""
_SLOT_BYTES = _KEY_ID_BYTES + WRAP_BYTES
_TAG_BYTES = 16
_ALTERED = "the envelope was altered or belongs to another record"
_NONCE = bytes(12)  # safe: each content key seals exactly one text


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an envelope belongs. Sealed in, so that a hostile collector can't move one to another record.

    `subject` is the device (for what a lead writes: the incident), `record` the record (there: its own id), `header`
    the exact header bytes (there: empty).
    """

    purpose: Purpose
    subject: UUID
    record: UUID
    header: bytes

    def info(self) -> bytes:
        """Return the bytes that bind an envelope to this place (HPKE `info`, AES-GCM associated data)."""
        return b"\0".join((b"fairwatch/v1", self.purpose.encode(), b"")) + (
            self.subject.bytes + self.record.bytes + hashlib.sha256(self.header).digest()
        )


class Layout(msgspec.Struct, frozen=True):
    """What anybody can read of an envelope: whom it is for and how large it is."""

    version: int
    key_ids: tuple[str, ...]
    padded_bytes: int


def key_id(public_key: bytes) -> str:
    """Return the id of a public key (64 bytes): 32 hex digits of its SHA-256.

    Both halves count, so that a device's signature over whom it sealed to also says whose signatures to believe.
    """
    return hashlib.sha256(public_key).digest()[:_KEY_ID_BYTES].hex()


def public_of(private_key: bytes) -> bytes:
    """Return the public key (64 bytes) of a private one (64 bytes); raises OpenError when it is of another length."""
    opening, signing = halves(private_key)
    return (
        X25519PrivateKey.from_private_bytes(opening).public_key().public_bytes_raw()
        + Ed25519PrivateKey.from_private_bytes(signing).public_key().public_bytes_raw()
    )


def halves(key: bytes) -> tuple[bytes, bytes]:
    """Return the half that seals or opens, and the half that signs; raises OpenError for another length."""
    if len(key) != KEY_BYTES:
        raise OpenError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    return key[:_HALF], key[_HALF:]


def seal(
    text: bytes,
    recipients: Sequence[bytes],
    place: Place,
    *,
    largest: bool = False,
    randomness: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Return an envelope with `text`, for the holders of `recipients` (public keys of 64 bytes).

    `largest` pads to the larger size whatever the text's length, where small or large would tell something already.

    Raises SealError when there is nobody to seal to, too many, a key is not one, or the text is over 16 KiB less 4.
    """
    if not 1 <= len(recipients) <= ENVELOPE_MAX_RECIPIENTS:
        raise SealError(f"an envelope takes 1 to {ENVELOPE_MAX_RECIPIENTS} recipients, not {len(recipients)}")
    info, content_key = place.info(), randomness(32)
    slots = []
    for public in recipients:
        wrapped = wrap_for(content_key, public, place)
        slots.append(bytes.fromhex(key_id(public)) + wrapped)
    sizes = ENVELOPE_SIZES_BYTES[-1:] if largest else ENVELOPE_SIZES_BYTES
    sealed = AESGCM(content_key).encrypt(_NONCE, _pad(text, sizes), info)
    return bytes((ENVELOPE_VERSION, len(slots))) + b"".join(slots) + sealed


def layout(envelope: bytes) -> Layout:
    """Return what is readable of an envelope; raises OpenError when it is of another version or shape."""
    if len(envelope) < 2 or envelope[0] != ENVELOPE_VERSION:
        raise OpenError(f"the envelope's version is not {ENVELOPE_VERSION}")
    count = envelope[1]
    padded = len(envelope) - 2 - count * _SLOT_BYTES - _TAG_BYTES
    if not 1 <= count <= ENVELOPE_MAX_RECIPIENTS or padded not in ENVELOPE_SIZES_BYTES:
        raise OpenError("the envelope's length does not fit its table of recipients")
    ids = tuple(envelope[at : at + _KEY_ID_BYTES].hex() for at in range(2, 2 + count * _SLOT_BYTES, _SLOT_BYTES))
    if len(set(ids)) != count:
        raise OpenError("the envelope names a recipient twice")
    return Layout(ENVELOPE_VERSION, ids, padded)


def open_envelope(envelope: bytes, private_key: bytes, place: Place, *, wrap: bytes | None = None) -> bytes:
    """Return the text of an envelope, with a recipient's private key (64 bytes).

    `wrap` is its content key where it was re-wrapped for this key later (`rewraps.py`). Raises OpenError when it is not
    for this key, was altered, or belongs to another place.
    """
    shape, content_key = layout(envelope), content_key_of(envelope, private_key, place, wrap=wrap)
    try:
        sealed = envelope[2 + len(shape.key_ids) * _SLOT_BYTES :]
        return _unpad(AESGCM(content_key).decrypt(_NONCE, sealed, place.info()))
    except InvalidTag as fault:
        raise OpenError(_ALTERED) from fault


def content_key_of(envelope: bytes, private_key: bytes, place: Place, *, wrap: bytes | None = None) -> bytes:
    """Return the content key (32 bytes) of an envelope from its table, or from a re-wrap; raises OpenError."""
    if wrap is not None:
        return unwrap(wrap, private_key, place, rewrapped=True)
    shape, mine = layout(envelope), key_id(public_of(private_key))
    if mine not in shape.key_ids:
        raise OpenError("the envelope is not sealed to this key")
    start = 2 + shape.key_ids.index(mine) * _SLOT_BYTES + _KEY_ID_BYTES
    return unwrap(envelope[start : start + WRAP_BYTES], private_key, place)


def slot_of(envelope: bytes, number: str) -> bytes | None:
    """Return what an envelope's table holds for a key id (80 bytes), without any of the text; None when nothing."""
    shape = layout(envelope)
    if number not in shape.key_ids:
        return None
    start = 2 + shape.key_ids.index(number) * _SLOT_BYTES + _KEY_ID_BYTES
    return envelope[start : start + WRAP_BYTES]


def wrap_for(content_key: bytes, public_key: bytes, place: Place, *, rewrapped: bool = False) -> bytes:
    """Return a content key sealed to one public key (64 bytes), for one place; raises SealError.

    A re-wrap says so in its info: it can't be passed off as a slot that the device made.
    """
    try:
        opening = X25519PublicKey.from_public_bytes(halves(public_key)[0])
        return _SUITE.encrypt(content_key, opening, _label(rewrapped=rewrapped) + place.info())
    except (ValueError, OpenError) as fault:
        raise SealError("a recipient's key is not a usable key") from fault


def unwrap(wrap: bytes, private_key: bytes, place: Place, *, rewrapped: bool = False) -> bytes:
    """Return the content key in a wrap (80 bytes); raises OpenError."""
    secret = X25519PrivateKey.from_private_bytes(halves(private_key)[0])
    try:
        return _SUITE.decrypt(wrap, secret, _label(rewrapped=rewrapped) + place.info())
    except (InvalidTag, ValueError) as fault:
        raise OpenError(_ALTERED) from fault


def _label(*, rewrapped: bool) -> bytes:
    return b"rewrap\0" if rewrapped else b"wrap\0"


def _pad(text: bytes, sizes: Sequence[int]) -> bytes:
    for size in sizes:
        if len(text) <= size - 4:
            return len(text).to_bytes(4, "big") + text + bytes(size - 4 - len(text))
    raise SealError(f"a sealed text holds at most {ENVELOPE_SIZES_BYTES[-1] - 4} bytes, not {len(text)}")


def _unpad(padded: bytes) -> bytes:
    length = int.from_bytes(padded[:4], "big")
    if length > len(padded) - 4 or any(padded[4 + length :]):
        raise OpenError("the sealed text is padded wrongly")
    return padded[4 : 4 + length]
