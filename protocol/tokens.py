r"""Enrolment tokens: made and signed by IT, carried to devices, and registered at the collector by hash alone.

A token travels as `fw1.<payload>.<signature>`, both unpadded base64url: the payload is an EnrolmentToken in JSON, the
signature IT's Ed25519 over `b"fairwatch/v1/token\0" + payload`. The collector learns of a token from a registration,
which holds only the hash of its secret, so that a copy of the collector's database enrols nobody.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocol.codes import Code
from protocol.errors import Refused
from protocol.limits import ENROLMENT_TOKEN_MAX_CHARS
from protocol.messages import EnrolmentToken, Group, Message, Positive, UtcTime, encode, reader

PREFIX = "fw1"
_TOKEN_LABEL = b"fairwatch/v1/token\0"
_REGISTRATION_LABEL = b"fairwatch/v1/token-registration\0"


class Registration(Message, frozen=True):
    """What the collector is told of a token: everything it must check and nothing that enrols.

    `secret_hash` is the SHA-256 (hex) of the token's secret; `signature` IT's, over all other fields.
    """

    version: Literal[1]
    token: UUID
    secret_hash: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
    group: Group
    expires: UtcTime
    uses: Positive
    signature: bytes

    def statement(self) -> bytes:
        """Return the bytes that IT signs."""
        parts = (self.version, self.token, self.secret_hash, self.group, self.expires, self.uses)
        return _REGISTRATION_LABEL + msgspec.json.encode(parts)


def secret_hash(secret: str) -> str:
    """Return what the collector keeps of a token's secret: its SHA-256, 64 hex digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def write(token: EnrolmentToken, key: Ed25519PrivateKey) -> str:
    """Return the token as it travels, signed with IT's key."""
    payload = encode(token)
    return ".".join((PREFIX, _b64(payload), _b64(key.sign(_TOKEN_LABEL + payload))))


def register(token: EnrolmentToken, key: Ed25519PrivateKey) -> Registration:
    """Return what the collector is told of a token, signed with IT's key."""
    unsigned = Registration(
        version=1,
        token=token.token,
        secret_hash=secret_hash(token.secret),
        group=token.group,
        expires=token.expires,
        uses=token.uses,
        signature=b"",
    )
    return msgspec.structs.replace(unsigned, signature=key.sign(unsigned.statement()))


def read(text: str) -> EnrolmentToken:
    """Return what a token says, unverified: for the device, which has the token from IT's own hands.

    Raises Refused `token_malformed`.
    """
    return _parts(text)[0]


def verify(text: str, it_keys: Sequence[bytes], now: datetime) -> EnrolmentToken:
    """Return what a token says, once it is known to be IT's and still valid.

    `it_keys` are IT's raw Ed25519 public keys. Raises Refused `token_malformed`, `token_bad_signature` or
    `token_expired`. Whether it is registered and not used up is the collector's to check.
    """
    token = check_signature(text, it_keys)
    if token.expires <= now:
        raise Refused(Code.TOKEN_EXPIRED)
    return token


def check_signature(text: str, it_keys: Sequence[bytes]) -> EnrolmentToken:
    """Return what a token says, once it is known to be IT's, whatever the time; raises Refused like `verify`."""
    token, payload, signature = _parts(text)
    _check(it_keys, signature, _TOKEN_LABEL + payload)
    return token


def verify_registration(data: bytes, it_keys: Sequence[bytes], now: datetime) -> Registration:
    """Return a registration once it is known to be IT's and still valid; raises Refused like `verify`."""
    try:
        registration = reader(Registration).decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Refused(Code.TOKEN_MALFORMED, "the registration is not the JSON that fairwatch-custody writes") from None
    _check(it_keys, registration.signature, registration.statement())
    if registration.expires <= now:
        raise Refused(Code.TOKEN_EXPIRED)
    return registration


def _parts(text: str) -> tuple[EnrolmentToken, bytes, bytes]:
    pieces = text.strip().split(".")
    if len(text) > ENROLMENT_TOKEN_MAX_CHARS or len(pieces) != 3 or pieces[0] != PREFIX:
        raise Refused(Code.TOKEN_MALFORMED)
    try:
        payload, signature = _unb64(pieces[1]), _unb64(pieces[2])
        return reader(EnrolmentToken).decode(payload), payload, signature
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Refused(Code.TOKEN_MALFORMED) from None


def _check(it_keys: Sequence[bytes], signature: bytes, statement: bytes) -> None:
    for raw in it_keys:
        try:
            Ed25519PublicKey.from_public_bytes(raw).verify(signature, statement)
        except InvalidSignature:
            continue
        return
    raise Refused(Code.TOKEN_BAD_SIGNATURE)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as fault:
        raise ValueError("not base64url") from fault
