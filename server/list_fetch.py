"""Fetches one list over TLS into a file, resuming what was cut, and hands it on only when it is whole.

Attacks and what stops them: a stranger on the way (TLS; plain HTTP on this computer alone, also after redirects); an
endless, slow or hanging answer (bounded in bytes and in time, by a timer that shuts the connection whatever it does);
parts of two versions put together (If-Range, and the same ETag and length in every part); a sign-in page in place of a
list (web pages are refused). What is in the file is for the compiler to judge.

The only module of the collector that fetches anything.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec

from server.errors import ListFault
from server.list_settings import is_loopback, is_secure

TOTAL_SECONDS: Final = 600.0
"""The largest public lists are under 100 MB: ten minutes on a slow line; nothing holds the job longer."""

STALL_SECONDS: Final = 30.0
"""Longer than a working server is ever silent."""

MAX_REDIRECTS: Final = 5
MAX_TRIES: Final = 4
"""How often a cut or changed answer is asked for again within one fetch; the next fetch goes on from there."""

_CHECKSUMS_MAX_BYTES: Final = 1024 * 1024
_PIECE_BYTES: Final = 64 * 1024
_START_BYTES: Final = 1024
_ALGORITHMS: Final = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
_WEB_PAGE: Final = (b"<!doctype html", b"<html", b"<head", b"<body", b"<!--", b"<?xml")
_AGENT: Final = "Fairwatch-collector"


@dataclass(frozen=True)
class Wanted:
    """What to fetch, within which bounds; `etag` and `last_modified` are those of what is here already."""

    url: str
    max_bytes: int
    checksum_url: str = ""
    sha256: str = ""
    etag: str = ""
    last_modified: str = ""
    total_seconds: float = TOTAL_SECONDS
    stall_seconds: float = STALL_SECONDS


@dataclass(frozen=True)
class Fetched:
    """A whole list in a file; `checked` says which published checksum it has, if one is published."""

    path: Path
    size_bytes: int
    sha256: str
    etag: str
    last_modified: str
    checked: str


class _Cut(Exception):
    """The answer ended too early or was of another version; what is kept of it may be gone on from."""


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a part of a file: where it came from, and how to ask for the rest of the same version."""

    url: str
    etag: str
    last_modified: str
    total_bytes: int | None

    @property
    def validator(self) -> str:
        """What If-Range asks with: a strong ETag, else the date; empty where neither was given."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified


def fetch(wanted: Wanted, folder: Path) -> Fetched | None:
    """Fetch into `folder`, going on from what an earlier try left there; None where the server says it is unchanged.

    Raises ListFault with one sentence; nothing but a part to go on from is then left behind.
    """
    deadline = time.monotonic() + wanted.total_seconds
    folder.mkdir(parents=True, exist_ok=True)
    expected = wanted.sha256 or _published_checksum(wanted, deadline)
    part = _Part(folder)
    fault = ""
    for _ in range(MAX_TRIES):
        try:
            kept = _one_try(wanted, part, deadline, known=bool(expected))
        except _Cut as cut:
            fault = str(cut)
            if time.monotonic() >= deadline:
                break
            continue
        return None if kept is None else _judged(part, kept, expected)
    raise ListFault(fault)


class _Part:
    """The file that grows, and beside it what it is a part of."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "partial"
        self._about = folder / "partial.json"

    def kept(self, url: str) -> tuple[_Kept, int] | None:
        """What is here of that address, and how many bytes; None where there is nothing to go on from."""
        try:
            about = msgspec.json.decode(self._about.read_bytes(), type=_Kept)
            size = self.path.stat().st_size
        except (OSError, msgspec.MsgspecError):
            return None
        return (about, size) if about.url == url and about.validator and size else None

    def begin(self, about: _Kept) -> None:
        """Start anew."""
        self.discard()
        self._about.write_bytes(msgspec.json.encode(about))

    def discard(self) -> None:
        """Forget what is here."""
        self.path.unlink(missing_ok=True)
        self.forget_source()

    def forget_source(self) -> None:
        """Keep the file, but as no part of anything."""
        self._about.unlink(missing_ok=True)


def _one_try(wanted: Wanted, part: _Part, deadline: float, *, known: bool) -> _Kept | None:
    """Ask once; returns what was fetched whole, or None where it is unchanged."""
    before = part.kept(wanted.url)
    if before is not None:
        headers = {"Range": f"bytes={before[1]}-", "If-Range": before[0].validator}
    elif wanted.etag:
        headers = {"If-None-Match": wanted.etag}
    else:
        headers = {"If-Modified-Since": wanted.last_modified} if wanted.last_modified else {}
    with _answered(wanted, wanted.url, headers, deadline) as answer:
        if answer.status == 304 and before is None and headers:
            return None
        if answer.status == 416 and before is not None:
            part.discard()
            raise _Cut("the server has no such part of the list")
        if answer.status == 206 and before is not None:
            about, start = before[0], before[1]
            _check_same(answer, about, start, part)
        elif answer.status == 200:
            about, start = _about(wanted.url, answer), 0
            part.begin(about)
        else:
            raise ListFault(_refused(answer.status))
        if about.total_bytes is None and not _is_chunked(answer) and not known:
            raise ListFault("the server does not say how long the list is, and no checksum is published")
        if (about.total_bytes or 0) > wanted.max_bytes:
            part.discard()
            raise ListFault(_too_large(wanted))
        size = _receive(answer, part, start, wanted, deadline)
        if about.total_bytes is not None and size != about.total_bytes:
            raise _Cut(f"the list was cut short: {size:,} of {about.total_bytes:,} bytes came")
        return about


def _about(url: str, answer: HTTPResponse) -> _Kept:
    length = answer.headers.get("Content-Length", "")
    total = int(length) if length.isascii() and length.isdigit() and not _is_chunked(answer) else None
    return _Kept(url, _header(answer, "ETag"), _header(answer, "Last-Modified"), total)


def _header(answer: HTTPResponse, name: str) -> str:
    value = answer.headers.get(name, "")
    return value if len(value) <= 200 and value.isascii() and value.isprintable() else ""


def _check_same(answer: HTTPResponse, about: _Kept, start: int, part: _Part) -> None:
    """Refuse a part of another version, or from another place, than what is here."""
    found = re.fullmatch(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)", answer.headers.get("Content-Range", ""))
    etag, modified = _header(answer, "ETag"), _header(answer, "Last-Modified")
    strong = about.validator == about.etag
    same = (
        found is not None
        and int(found[1]) == start
        and (found[3] == "*" or about.total_bytes is None or int(found[3]) == about.total_bytes)
        and (etag == about.etag if strong else modified in ("", about.last_modified))
    )
    if not same:
        part.discard()
        raise _Cut("the list changed while it was fetched")


def _receive(answer: HTTPResponse, part: _Part, start: int, wanted: Wanted, deadline: float) -> int:
    """Write what comes to the file and return its size; whatever goes wrong on the way is a cut."""
    size = start
    with part.path.open("ab") as file:
        file.truncate(start)
        while True:
            try:
                piece = answer.read1(_PIECE_BYTES)
            except (OSError, HTTPException, ValueError):
                file.flush()
                raise _Cut(_why_cut(wanted, deadline, "the connection broke off before the end")) from None
            if not piece:
                break
            size += len(piece)
            if size > wanted.max_bytes:
                file.close()
                part.discard()
                raise ListFault(_too_large(wanted))
            file.write(piece)
    if time.monotonic() >= deadline:  # the timer shut the connection, which looks like an end
        raise _Cut(_why_cut(wanted, deadline, ""))
    return size


def _judged(part: _Part, about: _Kept, expected: str) -> Fetched:
    """Return what was fetched, when it is what was published; else nothing of it is kept."""
    algorithm = _ALGORITHMS[len(expected)] if expected else ""
    whole = hashlib.sha256()
    published = hashlib.new(algorithm, usedforsecurity=False) if expected else None
    size = 0
    with part.path.open("rb") as file:
        start = file.read(_START_BYTES)
        file.seek(0)
        while piece := file.read(1024 * 1024):
            size += len(piece)
            whole.update(piece)
            if published is not None:
                published.update(piece)
    if published is not None and published.hexdigest() != expected:
        part.discard()
        raise ListFault(f"the list does not have the {algorithm.upper()} checksum that is published for it")
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_WEB_PAGE):
        part.discard()
        raise ListFault("a web page came, not a list (a sign-in page or a notice?)")
    part.forget_source()  # whole: nothing goes on from here
    return Fetched(part.path, size, whole.hexdigest(), about.etag, about.last_modified, algorithm)


def _published_checksum(wanted: Wanted, deadline: float) -> str:
    """The checksum that stands beside the list's name in the file of checksums; empty where none is published."""
    if not wanted.checksum_url:
        return ""
    text = bytearray()
    with _answered(wanted, wanted.checksum_url, {}, deadline) as answer:
        if answer.status != 200:
            raise ListFault(f"the published checksums can't be had: {_refused(answer.status)}")
        while True:
            try:
                piece = answer.read1(_PIECE_BYTES)
            except (OSError, HTTPException, ValueError):
                raise ListFault(f"the published checksums: {_why_cut(wanted, deadline, 'cut short')}") from None
            if not piece:
                break
            text += piece
            if len(text) > _CHECKSUMS_MAX_BYTES:
                raise ListFault("the file of published checksums is too large")
    name = urlsplit(wanted.url).path.rpartition("/")[2]
    lines = [line.split(maxsplit=1) for line in text.decode("ascii", "replace").splitlines() if line.strip()]
    for words in lines:
        digest = words[0].lower()
        named = words[1].strip().lstrip("*").rpartition("/")[2] if len(words) == 2 else None
        if len(digest) in _ALGORITHMS and re.fullmatch("[0-9a-f]+", digest) and (named == name or len(lines) == 1):
            return digest
    raise ListFault("the file of published checksums does not name the list")


# --- one request -------------------------------------------------------------------------------------------------


@contextmanager
def _answered(wanted: Wanted, url: str, headers: Mapping[str, str], deadline: float) -> Iterator[HTTPResponse]:
    """Ask, following redirects, and give the answer; the connection ends with the block or at the deadline."""
    home = is_loopback(urlsplit(url).hostname or "")
    for _ in range(MAX_REDIRECTS + 1):
        with _Watch(deadline) as watch:
            answer = _ask(wanted, url, headers, watch)
            if answer.status not in (301, 302, 303, 307, 308):
                yield answer
                return
            url = _next(url, answer.headers.get("Location", ""), home=home)
    raise ListFault(f"the server redirects more than {MAX_REDIRECTS} times")


def _next(url: str, location: str, *, home: bool) -> str:
    try:
        target = urljoin(url, location)
        parts = urlsplit(target)
    except ValueError:
        parts, target = SplitResult("", "", "", "", ""), ""
    if parts.scheme == "http" and not (home and url.startswith("http:") and is_secure(target)):
        raise ListFault("the server redirects to plain HTTP, which anybody on the way could change")
    if not location or not is_secure(target):
        raise ListFault("the server redirects to an address that can't be used")
    if is_loopback(parts.hostname or "") and not home:
        raise ListFault("the server redirects to this computer itself")
    return parts._replace(fragment="").geturl()


def _ask(wanted: Wanted, url: str, headers: Mapping[str, str], watch: _Watch) -> HTTPResponse:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # A certificate that fails is told apart: IT can do something about it.
    try:
        connection = _connection(parts, min(wanted.stall_seconds, watch.left()), watch)
        watch.close_after(connection)
        connection.request(
            "GET",
            target,
            headers={"User-Agent": _AGENT, "Accept-Encoding": "identity", "Connection": "close", **headers},
        )
        answer = connection.getresponse()
        watch.close_after(answer)
    except ssl.SSLCertVerificationError as fault:
        raise ListFault(f"the server's certificate is not trusted: {fault.verify_message.rstrip('.')}") from None
    except (OSError, HTTPException, ValueError) as fault:
        raise ListFault(_why_cut(wanted, watch.deadline, _unreachable(fault))) from None
    if time.monotonic() >= watch.deadline:  # what the timer cut off looks like the end of the headers
        raise ListFault(_why_cut(wanted, watch.deadline, ""))
    if answer.headers.get("Content-Encoding", "identity").lower() not in ("identity", "gzip", "x-gzip"):
        raise ListFault("the server packs the list in a way that was not asked for")
    return answer


def _connection(parts: SplitResult, timeout_seconds: float, watch: _Watch) -> HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "http":  # this computer itself: never by way of another
        return _Plain(host, parts.port or 80, timeout_seconds, watch)
    context = ssl.create_default_context()
    proxy = _proxy_for(host, parts.port or 443)
    if proxy is None:
        return _Secure(host, parts.port or 443, timeout_seconds, watch, context)
    connection = _Secure(proxy.hostname or "", proxy.port or 3128, timeout_seconds, watch, context)
    headers = {"User-Agent": _AGENT}
    if proxy.username is not None:
        secret = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(secret.encode()).decode("ascii")
    connection.set_tunnel(host, parts.port or 443, headers)
    return connection


def _proxy_for(host: str, port: int) -> SplitResult | None:
    """The system's proxy for TLS to that host; None for none. Raises ListFault for one that can't be used."""
    address = getproxies().get("https", "")
    if not address or proxy_bypass(f"{host}:{port}"):
        return None
    parts = urlsplit(address if "://" in address else f"http://{address}")
    try:
        usable = parts.scheme == "http" and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise ListFault("the system's proxy can't be used: it must be an address like http://proxy.example.org:3128")
    return parts


class _Watch:
    """Shuts one connection when time is up: a server that sends a byte a minute outlasts every other timeout."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self._handle: socket.socket | None = None
        self._timer: threading.Timer | None = None
        self._closing: list[HTTPConnection | HTTPResponse] = []

    def __enter__(self) -> _Watch:
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
        for one in self._closing:
            one.close()
        if self._handle is not None:
            self._cut()
            self._handle.close()

    def close_after(self, one: HTTPConnection | HTTPResponse) -> None:
        """Close this too when the block ends."""
        self._closing.append(one)

    def left(self) -> float:
        """Seconds left, a little at least: a timeout of nothing would mean for ever."""
        return max(0.001, self.deadline - time.monotonic())

    def open(self, address: tuple[str, int], timeout: float, source: tuple[str, int] | None = None) -> socket.socket:
        """Connect, as http.client asks for it."""
        made = socket.create_connection(address, timeout, source)
        self._handle = made.dup()
        self._timer = threading.Timer(self.left(), self._cut)
        self._timer.daemon = True
        self._timer.start()
        return made

    def _cut(self) -> None:
        if self._handle is not None:
            with suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)


_Opener = Callable[..., socket.socket]


class _Plain(HTTPConnection):
    """A connection that the watch can shut."""

    def __init__(self, host: str, port: int, timeout_seconds: float, watch: _Watch) -> None:
        super().__init__(host, port, timeout=timeout_seconds)
        self._create_connection: _Opener = watch.open


class _Secure(HTTPSConnection):
    """The same over TLS."""

    def __init__(self, host: str, port: int, timeout_seconds: float, watch: _Watch, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=timeout_seconds, context=context)
        self._create_connection: _Opener = watch.open


def _is_chunked(answer: HTTPResponse) -> bool:
    return answer.headers.get("Transfer-Encoding", "").lower() == "chunked"


def _why_cut(wanted: Wanted, deadline: float, otherwise: str) -> str:
    if time.monotonic() >= deadline:
        return f"it took longer than {wanted.total_seconds:,.0f} seconds"
    return otherwise


def _unreachable(fault: Exception) -> str:
    if isinstance(fault, socket.gaierror):
        return "the server's name is not known here (no network, or a proxy is needed?)"
    if isinstance(fault, TimeoutError):
        return "the server does not answer"
    if isinstance(fault, ConnectionRefusedError):
        return "the server can't be reached (nothing listens there)"
    if isinstance(fault, OSError) and "Tunnel connection failed" in str(fault):
        return "the proxy does not let the collector through"
    return f"the server's answer can't be understood ({type(fault).__name__})"


def _refused(status: int) -> str:
    if status in (404, 410):
        return f"the server has no such list (answer {status})"
    if status in (401, 403):
        return f"the server does not give the list to us (answer {status})"
    return f"the server can't give the list now (answer {status})"


def _too_large(wanted: Wanted) -> str:
    return f"the list is larger than max_megabytes allows ({wanted.max_bytes // 1_000_000:,} MB)"
