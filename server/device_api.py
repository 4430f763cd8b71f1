"""Answer devices over WSGI: read no more than is allowed, verify the signature, decode, and never fail with a trace."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.utils import DatabaseError

from protocol.codes import Code
from protocol.errors import Refused
from protocol.limits import REQUEST_MAX_BYTES
from protocol.messages import (
    Batch,
    EnrolRequest,
    GroupingQuestion,
    Message,
    PeopleQuestion,
    PhonesQuestion,
    Refusal,
    TripQuestion,
    decode,
    encode,
)
from protocol.signing import PublicKey, claimed_key_id, public_key, verify_request
from server import devices, grouping, ingest, late, log, people, phones, trips
from server.served import published_file
from server.store.models import Device
from server.turns import Turns

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

PREFIXES = ("/v1/", "/publication/")
RETRY_AFTER_SECONDS = 30
"""How long a device waits after `busy` or `too new`: long enough to recover, short enough for an urgent alert."""

ENROL_KEY_ID = "enrol"
_TURN = threading.Lock()
"""SQLite has one writer and Python runs one thread: requests that fought over both cost twice the time each."""

_READING = Turns(each=8, together=16)
"""A quarter of a worker's threads for one device, or for all who are not enrolled, and half for all devices."""

_STRANGER = "stranger"
_DRAIN_MAX_BYTES = 4 * REQUEST_MAX_BYTES
_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """A response: status, content, and headers beyond type and length."""

    status: int
    body: Iterable[bytes]
    length_bytes: int
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


def device_api(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request under /v1/ or /publication/."""
    now = datetime.now(UTC)
    try:
        answer = _answer(environ, now)
    except Refused as refused:
        answer = _refusal(refused, now)
    except Exception as fault:  # noqa: BLE001 - the last resort: the device keeps its records and comes again
        log.failure("request_failed", fault)
        _drop_connection(fault)
        answer = _refusal(Refused(Code.BUSY), now)
    phrase = HTTPStatus(answer.status).phrase
    headers = [
        ("Content-Type", answer.content_type),
        ("Content-Length", str(answer.length_bytes)),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        *answer.headers,
    ]
    start_response(f"{answer.status} {phrase}", headers)
    return answer.body if environ.get("REQUEST_METHOD") != "HEAD" else ()


def _answer(environ: dict[str, Any], now: datetime) -> Answer:
    path, method = environ.get("PATH_INFO", ""), environ.get("REQUEST_METHOD", "")
    if path.startswith("/publication/"):
        return _publication(path, method, environ)
    route = _ROUTES.get(path)
    if route is None:
        raise Refused(Code.NOT_FOUND)
    wanted, handle = route
    if method != wanted:
        return _refusal(Refused(Code.METHOD), now, ("Allow", wanted))
    if wanted == "GET":
        return _json(handle(environ, b"", now))
    with _READING.turn(_sender(environ)):
        body = read_body(environ)
    with _turn():
        return _json(handle(environ, body, now))


def _turn() -> AbstractContextManager[object]:
    return _TURN if connection.vendor == "sqlite" else nullcontext()


def _sender(environ: dict[str, Any]) -> str:
    """Return whose turn a body takes: the device it claims to be from, if there is one, else all strangers' together.

    The claim is not proved before the body is there. Whoever borrows a device's id keeps that device waiting, no other.
    """
    try:
        device = UUID(claimed_key_id(_signature_headers(environ)))
        return str(device) if _device_key(device) is not None else _STRANGER
    except (Refused, ValueError):
        return _STRANGER


# --- routes ------------------------------------------------------------------------------------------------------


def _records(environ: dict[str, Any], body: bytes, now: datetime) -> bytes:
    device = _signed_by_device(environ, body, now)
    return encode(ingest.take(decode(body, Batch), device, now))


def _people(environ: dict[str, Any], body: bytes, now: datetime) -> bytes:
    device = _signed_by_device(environ, body, now)
    late.check_open(Device.objects.get(pk=device), now)  # whoever may still bring totals needs the ids for them
    question = decode(body, PeopleQuestion)
    with transaction.atomic():
        return encode(people.answer(question, now))


def _grouping(environ: dict[str, Any], body: bytes, now: datetime) -> bytes:
    device = _signed_by_device(environ, body, now)
    devices.check_status(Device.objects.values_list("status", flat=True).get(pk=device))
    return encode(grouping.answer(decode(body, GroupingQuestion)))


def _trip(environ: dict[str, Any], body: bytes, now: datetime) -> bytes:
    device = _signed_by_device(environ, body, now)
    devices.check_status(Device.objects.values_list("status", flat=True).get(pk=device))
    decode(body, TripQuestion)
    return encode(trips.wanted_of(device, now))


def _phones(environ: dict[str, Any], body: bytes, now: datetime) -> bytes:
    device = Device.objects.get(pk=_signed_by_device(environ, body, now))
    devices.check_status(device.status)
    return encode(phones.answer(device, decode(body, PhonesQuestion)))


def _enrol(environ: dict[str, Any], body: bytes, now: datetime) -> bytes:
    headers = _signature_headers(environ)
    if claimed_key_id(headers) != ENROL_KEY_ID:
        raise Refused(Code.BAD_SIGNATURE, 'an enrolment is signed with keyid "enrol"')
    request = decode(body, EnrolRequest)
    try:
        key = public_key(request.public_key)
    except ValueError:
        raise Refused(Code.MALFORMED, "public_key is not an Ed25519 key") from None
    _verify(environ, headers, body, key, ENROL_KEY_ID, now)
    return encode(devices.enrol(request, it_keys(), now))


def _health(environ: dict[str, Any], body: bytes, now: datetime) -> bytes:  # noqa: ARG001
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return encode(_Health(ok=True, time=now))


class _Health(Message, frozen=True):
    ok: bool
    time: datetime


_ROUTES: dict[str, tuple[str, Callable[[dict[str, Any], bytes, datetime], bytes]]] = {
    "/v1/records": ("POST", _records),
    "/v1/people": ("POST", _people),
    "/v1/grouping": ("POST", _grouping),
    "/v1/trip": ("POST", _trip),
    "/v1/phones": ("POST", _phones),
    "/v1/enrol": ("POST", _enrol),
    "/v1/health": ("GET", _health),
}


def _publication(path: str, method: str, environ: dict[str, Any]) -> Answer:
    if method not in {"GET", "HEAD"}:
        return _refusal(Refused(Code.METHOD), datetime.now(UTC), ("Allow", "GET"))
    found = published_file(settings.RULES_DIR, path.removeprefix("/publication/"))
    tag = ("ETag", found.tag)
    if environ.get("HTTP_IF_NONE_MATCH") == found.tag:
        return Answer(304, (), 0, found.content_type, (tag,))
    body = found.pieces() if method == "GET" else ()
    return Answer(200, body, found.size_bytes, found.content_type, (tag,))


def it_keys() -> tuple[bytes, ...]:
    """Return IT's public keys as the published metadata names them: they sign enrolment tokens."""
    from server.publish import Publication  # late: TUF is heavy, and only enrolment needs it

    return Publication(settings.DATA_DIR).packs_keys()


# --- reading and verifying ---------------------------------------------------------------------------------------


def read_body(environ: dict[str, Any]) -> bytes:
    """Return the body, at most REQUEST_MAX_BYTES; raises Refused `too_large`, `encoding_not_supported`, `malformed`.

    A compressed body is refused unread (a small one could unpack to gigabytes).
    """
    if environ.get("HTTP_CONTENT_ENCODING", "").strip().lower() not in {"", "identity"}:
        raise Refused(Code.ENCODING)
    stated = environ.get("CONTENT_LENGTH") or ""
    source = environ["wsgi.input"]
    if not stated:
        body = _read(source, REQUEST_MAX_BYTES + 1)
        if len(body) > REQUEST_MAX_BYTES:
            _drain(source)
            raise Refused(Code.TOO_LARGE)
        return body
    if not (stated.isascii() and stated.isdigit()):
        raise Refused(Code.MALFORMED, "Content-Length is not a number")
    if len(stated) > 12 or int(stated) > REQUEST_MAX_BYTES:
        _drain(source)
        raise Refused(Code.TOO_LARGE)
    body = _read(source, int(stated))
    if len(body) < int(stated):
        raise Refused(Code.MALFORMED, "the body is shorter than Content-Length")
    return body


def _read(source: Any, size_bytes: int) -> bytes:
    body = source.read(size_bytes)
    if len(body) == size_bytes or not body:
        return bytes(body)
    pieces, length = [body], len(body)
    while length < size_bytes:
        piece = source.read(min(_PIECE_BYTES, size_bytes - length))
        if not piece:
            break
        pieces.append(piece)
        length += len(piece)
    return b"".join(pieces)


def _drain(source: Any) -> None:
    # So that an honest but wrong sender reads our answer instead of a reset; an endless one does not get endless time.
    left = _DRAIN_MAX_BYTES
    while left > 0:
        piece = source.read(_PIECE_BYTES)
        if not piece:
            return
        left -= len(piece)


def _signature_headers(environ: dict[str, Any]) -> dict[str, str]:
    names = (
        ("Signature", "HTTP_SIGNATURE"),
        ("Signature-Input", "HTTP_SIGNATURE_INPUT"),
        ("Content-Digest", "HTTP_CONTENT_DIGEST"),
    )
    return {name: environ[key] for name, key in names if key in environ}


def _signed_by_device(environ: dict[str, Any], body: bytes, now: datetime) -> UUID:
    headers = _signature_headers(environ)
    claimed = claimed_key_id(headers)
    try:
        device = UUID(claimed)
    except ValueError:
        device = None
    key = _device_key(device) if device is not None and str(device) == claimed else None
    if device is None or key is None:
        raise Refused(Code.UNKNOWN_DEVICE)
    _verify(environ, headers, body, key, claimed, now)
    return device


def _verify(
    environ: dict[str, Any], headers: dict[str, str], body: bytes, key: PublicKey, key_id: str, now: datetime
) -> None:
    if environ.get("QUERY_STRING"):
        # The signature does not cover a query, so there must be none to smuggle anything in.
        raise Refused(Code.MALFORMED, "this address takes no query")
    host = environ.get("HTTP_HOST", "")
    url = f"{environ['wsgi.url_scheme']}://{host}{environ['PATH_INFO']}"
    verify_request(environ["REQUEST_METHOD"], url, headers, body, key=key, key_id=key_id, now=now)


_KEYS_REMEMBERED = 4096


def _device_key(device: UUID) -> PublicKey | None:
    try:
        return _known_device_key(device, str(connection.settings_dict["NAME"]))
    except Device.DoesNotExist:
        return None


@lru_cache(maxsize=_KEYS_REMEMBERED)
def _known_device_key(device: UUID, database: str) -> PublicKey:  # noqa: ARG001 - the cache is one a database
    # A device's key never changes; whether the device may still send is read in the transaction that stores.
    key = Device.objects.filter(public_key__isnull=False).values_list("public_key", flat=True).get(pk=device)
    return public_key(bytes(key or b""))


# --- answers -----------------------------------------------------------------------------------------------------


def _json(body: bytes) -> Answer:
    return Answer(200, (body,), len(body))


def _refusal(refused: Refused, now: datetime, *headers: tuple[str, str]) -> Answer:
    code = refused.code
    body = encode(Refusal(code.value, code.sentence, refused.detail, code.retry, now))
    if code.status in {429, 503}:
        headers = (*headers, ("Retry-After", str(RETRY_AFTER_SECONDS)))
    return Answer(code.status, (body,), len(body), headers=headers)


def _drop_connection(fault: Exception) -> None:
    # A broken connection to the database must not answer the next request too.
    if isinstance(fault, DatabaseError) and not connection.in_atomic_block:
        connection.close()
