"""The device's keys: made here, kept in files that only their owner reads, and never sent.

The Ed25519 key signs requests and alerts; the spool key seals what waits on disk (AES-256-GCM). Files are written
whole or not at all, and a key that others could read is refused rather than used: it may have been copied.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from agent.errors import SealedTextError

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
