"""Talks to the collector over HTTP, and turns everything that can go wrong there into two errors of ours.

Attacks and what stops them: a stranger between (TLS, and the pinned key of the collector where the token gave one);
plain HTTP anywhere but on loopback (refused); a redirect to elsewhere (refused); an endless, slow or compressed answer
(bounded in bytes and in time, compression refused); a captive portal (an answer is ours only if it reads as ours; the
caller deletes nothing on any other); credentials from a .netrc or cookies (neither is ever sent).

The only module that imports requests.
"""

from __future__ import annotations

import http.cookiejar
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from agent.certificate import public_key_hash
from agent.errors import CollectorAddressError, CollectorRefused, CollectorUnreachable
from agent.memory import without
from protocol.messages import Refusal, reader

# They guess the encoding of a text, which nobody asks for here, and take three megabytes.
with without("charset_normalizer", "chardet"):
    import requests
    from requests.adapters import HTTPAdapter
    from requests.utils import get_environ_proxies

Signer = Callable[[str, str, bytes], Mapping[str, str]]
"""Makes the headers that sign a request from its method, absolute URL and body."""

CONNECT_SECONDS: Final = 10.0
"""Longer than any working network takes; short enough to try again soon."""

TOTAL_SECONDS: Final = 60.0
"""A full batch over a slow mobile line; nothing holds the sender longer. What is fetched may earn more time, below."""

LEAST_BYTES_PER_SECOND: Final = 16 * 1024
"""A fetch goes on past the total time as long as it has brought so much on average: a first pack of 50 MB comes through
a line of 128 kbit/s, in an hour, and what drips is given up; in the worst case after its greatest size at this rate."""

EXCHANGE_BYTES: Final = 1200
"""What a signed question and its answer take beside their bodies: headers of both, and TLS around them."""

ANSWER_MAX_BYTES: Final = 1024 * 1024
"""Receipts for a full batch are under 20 KB, monthly ids of 200 accounts under 60 KB."""

RETRY_AFTER_MAX_SECONDS: Final = 3600.0
"""A proxy's mistake, or a hostile answer, silences a device for an hour at most."""

_CHUNK_BYTES: Final = 64 * 1024
_LOOPBACK_NAMES: Final = ("localhost",)


class Fetched(msgspec.Struct, frozen=True):
    """What a GET brought. `unchanged` means that the etag asked with is still the newest, and `body` is empty."""

    body: bytes
    etag: str | None
    unchanged: bool


class Collector:
    """One collector, over one kept-alive connection; safe from several threads, one request at a time.

    `moved_bytes` is about how much was told and asked there and back, without what was fetched.
    """

    def __init__(
        self,
        url: str,
        pin: str = "",
        *,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        least_bytes_per_second: float = LEAST_BYTES_PER_SECOND,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`url` is scheme, host and port alone. `pin` is the SHA-256 (hex) of the collector's public key (SPKI).

        With a pin the key must match, whoever signed the certificate; without one the system's authorities decide.
        Raises CollectorAddressError for a URL or pin that can't be used.
        """
        self.url, self._loopback = _checked_url(url)
        if pin and not re.fullmatch("[0-9a-f]{64}", pin):
            raise CollectorAddressError("the pin of the collector's key is 64 hex digits")
        self._connect_seconds = min(connect_seconds, total_seconds)
        self._total_seconds = total_seconds
        self._least_bytes_per_second = least_bytes_per_second
        self._clock = clock
        self.moved_bytes = 0
        self._lock = threading.Lock()
        self._given_up = threading.Event()
        self._session = requests.Session()
        # Proxies are asked for by hand: trust_env would also send what a .netrc holds and let the environment choose
        # other certificate authorities.
        self._session.trust_env = False
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        self._adapter = _Adapter(pin, self.url, self._given_up)
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)

    def post(self, path: str, body: bytes, sign: Signer, *, max_bytes: int = ANSWER_MAX_BYTES) -> bytes:
        """Post JSON, signed, and return the body of a 200 answer. Raises CollectorUnreachable, CollectorRefused."""
        headers = {**sign("POST", self.url + path, body), "Content-Type": "application/json"}
        self.moved_bytes += len(body) + EXCHANGE_BYTES
        status, answer_headers, answer = self._ask("POST", path, body, headers, max_bytes)
        self.moved_bytes += len(answer)
        if status == requests.codes.ok:
            return answer
        raise self._refusal(status, answer_headers, answer)

    def get(self, path: str, *, etag: str | None = None, max_bytes: int = ANSWER_MAX_BYTES) -> Fetched:
        """Fetch what is published; large files may take long, while they come at `LEAST_BYTES_PER_SECOND`.

        Raises CollectorUnreachable, CollectorRefused (`not_found` for any 404).
        """
        headers = {"If-None-Match": etag} if etag is not None else {}
        status, answer_headers, answer = self._ask("GET", path, None, headers, max_bytes)
        if status == requests.codes.ok:
            return Fetched(answer, answer_headers.get("ETag"), unchanged=False)
        if status == requests.codes.not_modified and etag is not None:
            return Fetched(b"", etag, unchanged=True)
        if status == requests.codes.not_found:
            raise CollectorRefused("not_found", retry=True, status=status)
        raise self._refusal(status, answer_headers, answer)

    def give_up(self) -> None:
        """Wait for no answer any more: what is under way and every later question ends as CollectorUnreachable.

        A connection that is still being made ends by itself, after `connect_seconds` for each of the host's addresses.
        """
        self._given_up.set()
        self._adapter.cut()

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], max_bytes: int
    ) -> tuple[int, Mapping[str, str], bytes]:
        url = self.url + path
        earned_per_byte = 1 / self._least_bytes_per_second if method == "GET" else 0.0
        with self._lock, self._adapter.cut_after(self._total_seconds) as cut:
            if self._given_up.is_set():
                raise CollectorUnreachable("no longer asked", reached=False)
            try:
                response = self._session.request(
                    method,
                    url,
                    data=body,
                    headers={**headers, "Accept-Encoding": "identity", "User-Agent": "fairwatch-agent"},
                    timeout=(self._connect_seconds, self._total_seconds),
                    proxies={} if self._loopback else get_environ_proxies(url),
                    allow_redirects=False,
                    stream=True,
                )
                try:
                    answer = _read(response, max_bytes, cut, earned_per_byte)
                    if (
                        cut.done.is_set() or self._given_up.is_set()
                    ):  # else what came before the cut could pass for a whole answer
                        raise _TooMuchError("the answer took too long")
                    response.raw.release_conn()
                finally:
                    response.close()
            except _Foreign as fault:
                if self._given_up.is_set():
                    raise CollectorUnreachable("no longer asked", reached=False) from fault
                reason = "the answer took too long" if cut.done.is_set() else _reason(fault)
                raise CollectorUnreachable(reason, reached=_reached(fault)) from fault
        return response.status_code, response.headers, answer

    def _refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> CollectorRefused | CollectorUnreachable:
        """Tell the collector's own refusal from what a proxy, a portal or a broken server says."""
        wait_seconds = self._retry_after(headers.get("Retry-After"))
        try:
            refusal = reader(Refusal).decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return CollectorUnreachable(f"something other than the collector answered {status}", wait_seconds)
        return CollectorRefused(
            refusal.code,
            refusal.sentence,
            retry=refusal.retry,
            status=status,
            time=refusal.time,
            retry_after_seconds=wait_seconds,
        )

    def _retry_after(self, text: str | None) -> float | None:
        """Read Retry-After (RFC 9110, 10.2.3): seconds or a date; what is neither counts as not said."""
        if text is None:
            return None
        if re.fullmatch("[0-9]{1,9}", text.strip()):
            return min(float(text), RETRY_AFTER_MAX_SECONDS)
        with suppress(ValueError, TypeError, OverflowError):
            until = parsedate_to_datetime(text)
            until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
            return min(max(0.0, (until - self._clock()).total_seconds()), RETRY_AFTER_MAX_SECONDS)
        return None


class _TooMuchError(Exception):
    """The answer is longer than it may be, or compressed."""


_Foreign = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
    http.client.HTTPException,
    ValueError,
    _TooMuchError,
)


_NEVER_REACHED = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.ProxyError,
    requests.exceptions.SSLError,
    urllib3.exceptions.NewConnectionError,
)


def _reached(fault: BaseException | None) -> bool:
    """Whether something took the request before it failed; libraries hide the first cause in several places."""
    seen: list[BaseException] = []
    waiting: list[Any] = [fault]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or one in seen:
            continue
        if isinstance(one, (*_NEVER_REACHED, _PinError)):
            return False
        seen.append(one)
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return True


def _read(response: requests.Response, max_bytes: int, cut: _Cutter, earned_per_byte: float) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise _TooMuchError("the answer is compressed, which was not asked for")
    pieces: list[bytes] = []
    size_bytes = 0
    while piece := response.raw.read1(_CHUNK_BYTES, decode_content=False):
        size_bytes += len(piece)
        cut.earned_seconds = size_bytes * earned_per_byte
        if (
            cut.done.is_set()
        ):  # an answer that ends with its connection is read from a socket that can't be cut any more
            raise _TooMuchError("the answer took too long")
        if size_bytes > max_bytes:
            raise _TooMuchError("the answer is longer than it may be")
        pieces.append(piece)
    expected = response.headers.get("Content-Length", "")
    if expected.isdigit() and int(expected) != size_bytes:
        raise _TooMuchError("the answer was cut short")
    return b"".join(pieces)


def _reason(fault: Exception) -> str:
    """Say what failed without a host name in it: these words reach the log."""
    return str(fault) if isinstance(fault, _TooMuchError) else f"no answer ({type(fault).__name__})"


def _checked_url(url: str) -> tuple[str, bool]:
    """Return the URL in its plain form and whether it is on this machine; raises CollectorAddressError."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as fault:
        raise CollectorAddressError("the collector's address is not a URL") from fault
    if not host or parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise CollectorAddressError("the collector's address is https://, a host and a port, and nothing else")
    loopback = _is_loopback(host)
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise CollectorAddressError("the collector's address starts with https:// (http:// only on this machine)")
    default = {"https": 443, "http": 80}[parts.scheme]
    place = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{place}" + (f":{port}" if port not in (None, default) else ""), loopback


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in _LOOPBACK_NAMES


# --- connections: the pin, and an end to waiting --------------------------------------------------------------------


class _PinError(OSError):
    """The server has another key than the one the token named."""


class _Cutter:
    """Ends every connection of an adapter after a time: a server that sends a byte now and then can't hold us.

    What came earns more time (`earned_seconds`); `done` is set at the end of it.
    """

    def __init__(self, adapter: _Adapter, seconds: float) -> None:
        self.done = threading.Event()
        self.earned_seconds = 0.0
        self._adapter = adapter
        self._seconds = seconds
        self._over = threading.Event()
        self._begun = time.monotonic()

    def __enter__(self) -> _Cutter:
        try:
            threading.Thread(target=self._watch, name="cutter", daemon=True).start()
        except RuntimeError as fault:  # no thread can be had now: without one, nothing would end the waiting
            raise CollectorUnreachable("no thread to watch over it", reached=False) from fault
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _watch(self) -> None:
        while (left := self._begun + self._seconds + self.earned_seconds - time.monotonic()) > 0:
            if self._over.wait(left):
                return
        self.done.set()
        self._adapter.cut()


class _Adapter(HTTPAdapter):
    """Makes connections that check the pin before a byte of ours is sent, and that can be cut."""

    def __init__(self, pin: str, url: str, given_up: threading.Event) -> None:
        self._sockets: list[socket.socket] = []
        # The system's authorities take a tenth of a second and some megabytes to load: only where they decide.
        needs_authorities = not pin and url.startswith("https:")
        self._context = ssl.create_default_context() if needs_authorities else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        if pin:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE  # the pin, checked in connect(), takes its place
        self._pools = _pools(pin, self._sockets, given_up)
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, ssl_context=self._context, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave it to the context: requests would add its own bundle of authorities to the system's."""

    def cut_after(self, seconds: float) -> _Cutter:
        """Return a context manager at whose end, or after so many seconds, the waiting is over."""
        return _Cutter(self, seconds)

    def cut(self) -> None:
        """End every open connection, whatever it waits for."""
        for sock in list(self._sockets):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def _pools(pin: str, sockets: list[socket.socket], given_up: threading.Event) -> dict[str, Any]:
    """Return the two kinds of connection pool, whose connections know the pin and note their sockets."""

    class Watched(HTTPConnection):
        _twin: socket.socket | None = None

        def _new_conn(self) -> socket.socket:
            sock = super()._new_conn()
            # A second handle on the same connection: TLS takes the first one over.
            self._twin = sock.dup()
            sockets.append(self._twin)
            if given_up.is_set():  # while it was being made, so that nobody could cut it
                sock.close()
                raise ConnectionAbortedError("no longer asked")
            return sock

        def close(self) -> None:
            super().close()
            if self._twin is not None:
                with suppress(ValueError):
                    sockets.remove(self._twin)
                self._twin.close()
                self._twin = None

    class WatchedTls(Watched, HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            if pin:
                tls: Any = self.sock
                certificate = tls.getpeercert(binary_form=True)
                if certificate is None or public_key_hash(certificate) != pin:
                    self.close()
                    raise _PinError("the collector's key is not the one that the token names")
                self.is_verified = True

    class Pool(HTTPConnectionPool):
        ConnectionCls = Watched

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = WatchedTls

    return {"http": Pool, "https": TlsPool}
