"""Signatures: of requests (RFC 9421, Ed25519), of what a device seals, and of what a lead writes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature as BadSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from protocol.codes import Code
from protocol.errors import OpenError, Refused
from protocol.limits import CLOCK_TOLERANCE
from protocol.sealing import LeadPurpose, halves

PublicKey = Ed25519PublicKey
TAG = "fairwatch-v1"
COVERED = ("@method", "@authority", "@path", "content-digest")
_KEY_ID = re.compile(r';keyid="([A-Za-z0-9_-]{1,64})"')
_USUAL_INPUT = re.compile(
    r'pyhms=(\("@method" "@authority" "@path" "content-digest"\);created=([0-9]{1,10});keyid="([A-Za-z0-9_-]{1,64})"'
    rf';tag="{TAG}")'
)
_USUAL_SIGNATURE = re.compile(r"pyhms=:([A-Za-z0-9+/]{86}==):")
_USUAL_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")
_USUAL_URL = re.compile(r"https?://([a-z0-9.-]+(?::[1-9][0-9]*)?)(/[a-z0-9/]+)")


class _Resolver(HTTPSignatureKeyResolver):
    def __init__(self, key: Ed25519PrivateKey | Ed25519PublicKey) -> None:
        self._key: Any = key

    def resolve_public_key(self, key_id: str) -> Any:  # noqa: ARG002 - the caller found the key by its id before
        return self._key

    def resolve_private_key(self, key_id: str) -> Any:  # noqa: ARG002
        return self._key


class _Verifier(HTTPMessageVerifier):
    """The library's verifier without its clock: `verify_request` checks the time itself, with the clock it is given."""

    max_clock_skew = timedelta(days=365_000)


def sign_request(
    method: str, url: str, body: bytes, *, key: Ed25519PrivateKey, key_id: str, at: datetime
) -> dict[str, str]:
    """Return the headers that sign a request: Content-Digest, Signature-Input and Signature.

    `at` is the signing time (aware UTC); `url` is the absolute URL that will be asked for.
    """
    message = SimpleNamespace(method=method, url=url, headers={})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=_Resolver(key))
    signer.sign(
        message, key_id=key_id, created=at, tag=TAG, covered_component_ids=COVERED[:-1], include_alg=False, body=body
    )
    return dict(message.headers)


def claimed_key_id(headers: Mapping[str, str]) -> str:
    """Return the key id that a request says it is signed by; raises Refused `unsigned` or `bad_signature`.

    The claim proves nothing until `verify_request` has passed with that key and that id.
    """
    if "Signature" not in headers or "Signature-Input" not in headers:
        raise Refused(Code.UNSIGNED)
    found = _KEY_ID.findall(headers["Signature-Input"])
    if len(found) != 1:
        raise Refused(Code.BAD_SIGNATURE, "Signature-Input does not name one keyid")
    return str(found[0])


def verify_request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    key: Ed25519PublicKey,
    key_id: str,
    now: datetime,
) -> None:
    """Check that a request was signed with `key`, over its method, authority, path and body, about now.

    Raises Refused: `unsigned`, `bad_signature`, or `clock_wrong` (only once the signature itself is good, so that a
    stranger learns nothing). A replay within the tolerance changes nothing: every write is idempotent by record id.
    """
    if "Signature" not in headers or "Signature-Input" not in headers or "Content-Digest" not in headers:
        raise Refused(Code.UNSIGNED)
    usual = _verify_usual(method, url, headers, body, key)
    if usual is not None:
        if usual[0] != key_id:
            raise Refused(Code.BAD_SIGNATURE)
        if abs(now - usual[1]) > CLOCK_TOLERANCE:
            raise Refused(Code.CLOCK_WRONG)
        return
    message = SimpleNamespace(method=method, url=url, headers=dict(headers))
    verifier = _Verifier(signature_algorithm=algorithms.ED25519, key_resolver=_Resolver(key))
    try:
        (result,) = verifier.verify(message, max_age=None, expect_tag=TAG, require_components=COVERED, body=body)
        if result.parameters["keyid"] != key_id:
            raise Refused(Code.BAD_SIGNATURE)
        created = datetime.fromtimestamp(int(result.parameters["created"]), tz=UTC)
    except (InvalidSignature, HTTPMessageSignaturesException, ValueError, KeyError, OverflowError, OSError):
        raise Refused(Code.BAD_SIGNATURE) from None
    if abs(now - created) > CLOCK_TOLERANCE:
        raise Refused(Code.CLOCK_WRONG)


def _verify_usual(
    method: str, url: str, headers: Mapping[str, str], body: bytes, key: Ed25519PublicKey
) -> tuple[str, datetime] | None:
    """Check a signature written exactly as `sign_request` writes it: key id and time, or None when it is otherwise.

    RFC 9421 parsed in full costs more than all else of a request; what is written in any other way (spaces, other
    order, more signatures, a default port) goes to the library. Raises Refused `bad_signature`.
    """
    given = _USUAL_INPUT.fullmatch(headers["Signature-Input"])
    signature = _USUAL_SIGNATURE.fullmatch(headers["Signature"])
    digest = _USUAL_DIGEST.fullmatch(headers["Content-Digest"])
    place = _USUAL_URL.fullmatch(url)
    if given is None or signature is None or digest is None or place is None or not method.isalpha():
        return None
    authority = place[1]
    if authority.endswith(":443" if url.startswith("https") else ":80"):
        return None
    if not hmac.compare_digest(base64.b64decode(digest[1]), hashlib.sha256(body).digest()):
        raise Refused(Code.BAD_SIGNATURE)
    base = (
        f'"@method": {method}\n"@authority": {authority}\n"@path": {place[2]}\n'
        f'"content-digest": {digest[0]}\n"@signature-params": {given[1]}'
    )
    try:
        key.verify(base64.b64decode(signature[1]), base.encode("ascii"))
    except BadSignature:
        raise Refused(Code.BAD_SIGNATURE) from None
    return given[3], datetime.fromtimestamp(int(given[2]), tz=UTC)


def public_key(raw: bytes) -> PublicKey:
    """Return a device's public key from its 32 raw bytes; raises ValueError when they are not one."""
    return Ed25519PublicKey.from_public_bytes(raw)


def alert_statement(header: bytes, heading: bytes, evidence: bytes) -> bytes:
    """Return what a device signs of an alert: a label and the SHA-256 of each of its three parts."""
    return b"fairwatch/v1/alert\0" + b"".join(hashlib.sha256(part).digest() for part in (header, heading, evidence))


def sign_alert(key: Ed25519PrivateKey, header: bytes, heading: bytes, evidence: bytes) -> bytes:
    """Return the device's Ed25519 signature (64 bytes) over an alert."""
    return key.sign(alert_statement(header, heading, evidence))


def verify_alert(public_key: bytes, signature: bytes, header: bytes, heading: bytes, evidence: bytes) -> None:
    """Check a device's signature over an alert; raises Refused `bad_record_signature`."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, alert_statement(header, heading, evidence))
    except (BadSignature, ValueError):
        raise Refused(Code.BAD_RECORD_SIGNATURE) from None


def verify_alert_digest(
    public_key: bytes, signature: bytes, header: bytes, heading: bytes, evidence_sha256: bytes
) -> None:
    """Check a device's signature where only the evidence's SHA-256 is at hand; raises as `verify_alert`."""
    digests = (hashlib.sha256(header).digest(), hashlib.sha256(heading).digest(), evidence_sha256)
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, b"fairwatch/v1/alert\0" + b"".join(digests))
    except (BadSignature, ValueError):
        raise Refused(Code.BAD_RECORD_SIGNATURE) from None


def trial_statement(header: bytes, envelope: bytes) -> bytes:
    """Return what a device signs of a trial report: a label of its own and the SHA-256 of both parts."""
    return b"fairwatch/v1/trial\0" + b"".join(hashlib.sha256(part).digest() for part in (header, envelope))


def sign_trial(key: Ed25519PrivateKey, header: bytes, envelope: bytes) -> bytes:
    """Return the device's Ed25519 signature (64 bytes) over a trial report."""
    return key.sign(trial_statement(header, envelope))


def verify_trial(public_key: bytes, signature: bytes, header: bytes, envelope: bytes) -> None:
    """Check a device's signature over a trial report; raises Refused `bad_record_signature`."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, trial_statement(header, envelope))
    except (BadSignature, ValueError):
        raise Refused(Code.BAD_RECORD_SIGNATURE) from None


def trip_statement(header: bytes, envelope: bytes) -> bytes:
    """Return the bytes that a device signs for a test; never those of an alert, so neither passes for the other."""
    return b"fairwatch/v1/trip\0" + hashlib.sha256(header).digest() + hashlib.sha256(envelope).digest()


def sign_trip(key: Ed25519PrivateKey, header: bytes, envelope: bytes) -> bytes:
    """Return the device's signature of a test of the whole way, 64 bytes."""
    return key.sign(trip_statement(header, envelope))


def verify_trip(public_key: bytes, signature: bytes, header: bytes, envelope: bytes) -> None:
    """Check the device's signature of a test; raises Refused `bad_record_signature`."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, trip_statement(header, envelope))
    except (BadSignature, ValueError):
        raise Refused(Code.BAD_RECORD_SIGNATURE) from None


def acknowledgement_statement(statement: bytes) -> bytes:
    """Return what a device signs of an acknowledgement: a label of its own and the SHA-256 of the statement."""
    return b"fairwatch/v1/acknowledgement\0" + hashlib.sha256(statement).digest()


def sign_acknowledgement(key: Ed25519PrivateKey, statement: bytes) -> bytes:
    """Return the device's Ed25519 signature (64 bytes) over an acknowledgement."""
    return key.sign(acknowledgement_statement(statement))


def verify_acknowledgement(public_key: bytes, signature: bytes, statement: bytes) -> None:
    """Check a device's signature over an acknowledgement; raises Refused `bad_record_signature`."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, acknowledgement_statement(statement))
    except (BadSignature, ValueError):
        raise Refused(Code.BAD_RECORD_SIGNATURE) from None


def lead_statement(purpose: LeadPurpose, subject: UUID, record: UUID, sealed: bytes) -> bytes:
    """Return what a lead signs: a label, what it is, the case, its own id, and the SHA-256 of what is sealed.

    The purpose stops a note from being passed off as another kind of paper, the subject from being moved to another
    case, the id from being stored twice.
    """
    return _lead_statement(purpose, subject, record, hashlib.sha256(sealed).digest())


def _lead_statement(purpose: LeadPurpose, subject: UUID, record: UUID, digest: bytes) -> bytes:
    return b"fairwatch/v1/lead\0" + purpose.encode() + b"\0" + subject.bytes + record.bytes + digest


def sign_lead(private_key: bytes, purpose: LeadPurpose, subject: UUID, record: UUID, sealed: bytes) -> bytes:
    """Return the Ed25519 signature (64 bytes) of a lead; `private_key` has both halves (64 bytes)."""
    key = Ed25519PrivateKey.from_private_bytes(halves(private_key)[1])
    return key.sign(lead_statement(purpose, subject, record, sealed))


def verify_lead(
    public_key: bytes, signature: bytes, purpose: LeadPurpose, subject: UUID, record: UUID, sealed: bytes
) -> None:
    """Check a lead's signature with their public key (64 bytes); raises Refused `bad_lead_signature`.

    That the key may sign here at all is for the caller to know: see `documents.open_signed`.
    """
    verify_lead_digest(public_key, signature, purpose, subject, record, hashlib.sha256(sealed).digest())


def verify_lead_digest(
    public_key: bytes, signature: bytes, purpose: LeadPurpose, subject: UUID, record: UUID, digest: bytes
) -> None:
    """The same where only the SHA-256 of what is sealed is at hand."""
    try:
        key = Ed25519PublicKey.from_public_bytes(halves(public_key)[1])
        key.verify(signature, _lead_statement(purpose, subject, record, digest))
    except (BadSignature, ValueError, OpenError):
        raise Refused(Code.BAD_LEAD_SIGNATURE) from None


DeviceKey = Ed25519PrivateKey
"""A device's signing key, by the name that code outside of `protocol` and `agent.keys` uses."""
