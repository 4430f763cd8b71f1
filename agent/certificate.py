"""Finds the public key in an X.509 certificate, to compare it with a pin; a parser for it would cost 13 MB of memory.

Nothing is believed because of what is read here: a wrong reading gives a wrong hash, and the connection is refused.
"""

from __future__ import annotations

import hashlib

_SEQUENCE = 0x30
_EXPLICIT_VERSION = 0xA0


def public_key_hash(certificate: bytes) -> str:
    """Return the SHA-256 (hex) of the SubjectPublicKeyInfo of a DER certificate (RFC 5280, 4.1), "" if it has none."""
    try:
        body, _ = _enter(certificate, 0)  # Certificate
        at, end = _enter(certificate, body)  # TBSCertificate
        if certificate[at] == _EXPLICIT_VERSION:
            at = _after(certificate, at)
        for _ in ("serialNumber", "signature", "issuer", "validity", "subject"):
            at = _after(certificate, at)
        after = _after(certificate, at)
        if certificate[at] != _SEQUENCE or after > end:
            return ""
        return hashlib.sha256(certificate[at:after]).hexdigest()
    except (IndexError, ValueError):
        return ""


def _enter(der: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the SEQUENCE at `at` begins and ends."""
    if der[at] != _SEQUENCE:
        raise ValueError("not a SEQUENCE")
    return _content(der, at)


def _after(der: bytes, at: int) -> int:
    """Return where the element after the one at `at` begins."""
    return _content(der, at)[1]


def _content(der: bytes, at: int) -> tuple[int, int]:
    length, start = der[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        start += count
        length = int.from_bytes(der[at + 2 : start], "big")
    if start + length > len(der):
        raise ValueError("cut short")
    return start, start + length
