"""Keep a short secret in a database so that a copy of the database alone does not tell it."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol.errors import NotTrusted

_PREFIX = "1."
_NONCE_BYTES = 12


def hide(text: str, key: bytes, place: bytes, randomness: Callable[[int], bytes] = os.urandom) -> str:
    """Return `text` encrypted under a key that is derived for this `place` (AES-256-GCM).

    `place` says what it is for, so that what was kept for one thing can't be put in for another.
    """
    nonce = randomness(_NONCE_BYTES)
    sealed = AESGCM(_derived(key, place)).encrypt(nonce, text.encode(), place)
    return _PREFIX + urlsafe_b64encode(nonce + sealed).decode()


def reveal(hidden: str, key: bytes, place: bytes) -> str:
    """Return what `hide` was given; raises NotTrusted when the key, the place or the text is another."""
    try:
        data = urlsafe_b64decode(hidden.removeprefix(_PREFIX))
        return AESGCM(_derived(key, place)).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], place).decode()
    except (InvalidTag, ValueError):
        raise NotTrusted("a kept secret can't be read with this key") from None


def _derived(key: bytes, place: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, b"fairwatch/v1/at-rest\0" + place).derive(key)
