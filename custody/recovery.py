"""The recovery key: its private half exists only as three shares in words, any two of which make it again.

Shares follow SLIP-0039. The library says of itself that it does not guard against listening to its timing; it runs
here on a custodian's own computer, for a second, with nobody else on it.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics

from custody.errors import CustodyError
from protocol.publication import Recipient
from protocol.sealing import key_id

SHARES = 3
NEEDED = 2
"""Two of three: one lost share loses nothing, one stolen share opens nothing."""


def make() -> tuple[Recipient, tuple[str, ...]]:
    """Return the recovery key as a recipient, and its shares of 33 words each; the private key is then forgotten."""
    secret = X25519PrivateKey.generate()
    (shares,) = generate_mnemonics(1, [(NEEDED, SHARES)], secret.private_bytes_raw())
    public = secret.public_key().public_bytes_raw()
    return Recipient(key_id(public), public, "recovery", "recovery key"), tuple(shares)


def share_text(number: int, words: str) -> str:
    """Return a share as it is printed and kept."""
    return (
        f"# Fairwatch recovery share {number} of {SHARES}. Any {NEEDED} of them together open every case.\n"
        "# Print it, give it to one person, and delete this file. Nobody may hold two.\n"
        f"{words}\n"
    )


def combine(texts: Sequence[str]) -> bytes:
    """Return the raw X25519 private key (32 bytes) from two shares; raises CustodyError when they don't fit."""
    words = [" ".join(line for line in text.splitlines() if not line.startswith("#")).split() for text in texts]
    try:
        secret: bytes = combine_mnemonics([" ".join(share).lower() for share in words])
    except (MnemonicError, ValueError):
        raise CustodyError(
            f"these shares don't make the recovery key: give {NEEDED} different ones of one ceremony, whole"
        ) from None
    if len(secret) != 32:
        raise CustodyError("these shares are of another kind of secret")
    return secret
