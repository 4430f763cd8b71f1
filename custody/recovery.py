"""The recovery key: its private half exists only as three shares in words, any two of which make it again.

The shares hold one secret of 32 bytes, from which both halves of the key are made (HKDF, RFC 5869, a label each):
one opens, one signs re-wraps for a new lead. Shares follow SLIP-0039. The library says of itself that it does not guard
against listening to its timing; it runs here on a custodian's own computer, for a second, with nobody else on it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics

from custody.errors import CustodyError
from protocol.publication import Recipient
from protocol.sealing import key_id, public_of

SHARES = 3
NEEDED = 2
"""Two of three: one lost share loses nothing, one stolen share opens nothing."""


_SECRET_BYTES = 32


def make(randomness: Callable[[int], bytes] = os.urandom) -> tuple[Recipient, tuple[str, ...]]:
    """Return the recovery key as a recipient, and its shares of 33 words each; the private key is then forgotten."""
    secret = randomness(_SECRET_BYTES)
    (shares,) = generate_mnemonics(1, [(NEEDED, SHARES)], secret)
    public = public_of(_private(secret))
    return Recipient(key_id(public), public, "recovery", "recovery key"), tuple(shares)


def share_text(number: int, words: str) -> str:
    """Return a share as it is printed and kept."""
    return (
        f"# Fairwatch recovery share {number} of {SHARES}. Any {NEEDED} of them together open every case.\n"
        "# Print it, give it to one person, and delete this file. Nobody may hold two.\n"
        f"{words}\n"
    )


def combine(texts: Sequence[str]) -> bytes:
    """Return the recovery key (private, 64 bytes) from two shares; raises CustodyError when they don't fit."""
    words = [" ".join(line for line in text.splitlines() if not line.startswith("#")).split() for text in texts]
    try:
        secret: bytes = combine_mnemonics([" ".join(share).lower() for share in words])
    except (MnemonicError, ValueError):
        raise CustodyError(
            f"these shares don't make the recovery key: give {NEEDED} different ones of one ceremony, whole"
        ) from None
    if len(secret) != _SECRET_BYTES:
        raise CustodyError("these shares are of another kind of secret")
    return _private(secret)


def _private(secret: bytes) -> bytes:
    return b"".join(
        HKDF(SHA256(), 32, salt=None, info=b"fairwatch/v1/recovery\0" + half).derive(secret)
        for half in (b"opening", b"signing")
    )
