"""DNS over HTTPS (RFC 8484): GET and POST, HTTP/2 and 1.1; the phone's id is in the path, `/d/ID/dns-query`.

Granian speaks HTTP and TLS, in this process, so that there is one cache, one table of phones and one spool. It writes
no log of requests. A renewed certificate is taken up by a second listener on the same socket, before the first ends.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import socket
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import psutil
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server

from agent.gateway.front import Front
from agent.gateway.wire import QUERY_MAX_BYTES

PORT: Final = 443
MEDIA_TYPE: Final = "application/dns-message"
STREAMS_MAX: Final = 128
"""Questions of one connection under way, as for DNS over TLS."""

HEADERS_MAX_BYTES: Final = 16_384
"""A GET carries its question in the path: 4,096 bytes are 5,462 in base 64."""

_HEADERS: Final = [("content-type", MEDIA_TYPE), ("cache-control", "no-store")]
"""No cache on the way, and none on the phone but its own resolver's, may tell what was asked."""

_LISTENING_TRIES: Final = 250
_LISTENING_SECONDS: Final = 0.02
_HEADER_MILLISECONDS: Final = 10_000
_PREFIX, _SUFFIX = "/d/", "/dns-query"
_QUERY_TEXT_MAX: Final = QUERY_MAX_BYTES * 4 // 3 + 64


class Doh:
    """The listener."""

    def __init__(self, front: Front, certificate: Path, key: Path) -> None:
        self._front = front
        self._files = certificate, key
        self._place = "", 0
        self._serving: tuple[Any, asyncio.Task[None]] | None = None

    async def start(self, address: str, port: int) -> None:
        """Listen; raises OSError where that address and port can't be had."""
        logging.getLogger("_granian").setLevel(logging.WARNING)
        self._place = address, port
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            # Granian shares its port with others who ask for that: a port in use has to be noticed here.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
        self._serving = await self._serve(listeners=1)

    async def renew(self) -> None:
        """Listen with the files as they are now, beside the old listener until that has ended."""
        old, self._serving = self._serving, await self._serve(listeners=2)
        if old is not None:
            await _end(*old)

    async def stop(self) -> None:
        """Listen no more."""
        if self._serving is not None:
            await _end(*self._serving)
            self._serving = None

    async def _serve(self, listeners: int) -> tuple[Any, asyncio.Task[None]]:
        server = Server(
            self._answer,
            address=self._place[0],
            port=self._place[1],
            interface=Interfaces.RSGI,
            http=HTTPModes.auto,
            websockets=False,
            log_enabled=False,
            backlog=1024,
            http1_settings=HTTP1Settings(header_read_timeout=_HEADER_MILLISECONDS, max_buffer_size=65_536),
            http2_settings=HTTP2Settings(
                max_concurrent_streams=STREAMS_MAX,
                max_headers_size=HEADERS_MAX_BYTES,
                keep_alive_interval=30_000,
                keep_alive_timeout=20,
            ),
            ssl_cert=self._files[0],
            ssl_key=self._files[1],
            ssl_protocol_min=SSLProtocols.tls12,
        )
        serving = asyncio.ensure_future(server.serve())
        for _ in range(_LISTENING_TRIES):
            if serving.done() or _listening_at(self._place[1]) >= listeners:
                break
            await asyncio.sleep(_LISTENING_SECONDS)
        if serving.done():
            serving.result()
            raise OSError("the listener of DNS over HTTPS did not start")
        return server, serving

    async def _answer(self, scope: Any, proto: Any) -> None:
        answer = await self._ask(scope, proto)
        if isinstance(answer, int):
            proto.response_empty(answer, [])
        else:
            proto.response_bytes(200, _HEADERS, answer)

    async def _ask(self, scope: Any, proto: Any) -> bytes | int:
        path = scope.path
        if not (path.startswith(_PREFIX) and path.endswith(_SUFFIX)):
            return 404
        data = await _question(scope, proto)
        if isinstance(data, int):
            return data
        answer = self._front.ask(path[len(_PREFIX) : -len(_SUFFIX)], data, "doh")
        if answer is not None and not isinstance(answer, bytes):
            answer = await answer
        return 400 if answer is None else answer


def _listening_at(port: int) -> int:
    """How many listeners this process has at a port: Granian says nowhere when it begins to listen."""
    return sum(
        one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in psutil.Process().net_connections("tcp")
    )


async def _end(server: Any, serving: asyncio.Task[None]) -> None:
    server.stop()
    await serving


async def _question(scope: Any, proto: Any) -> bytes | int:
    """The question's bytes, or the status that says why there is none."""
    if scope.method == "GET":
        return _from_query(scope.query_string)
    if scope.method != "POST":
        return 405
    if scope.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        return 415
    length = scope.headers.get("content-length", "")
    if length.isascii() and length.isdigit():
        # At once, for each piece costs a way between two threads; that there is no more than it says is seen to below.
        return 413 if int(length) > QUERY_MAX_BYTES else await proto()
    data = b""
    async for chunk in proto:
        data += chunk
        if len(data) > QUERY_MAX_BYTES:
            return 413
    return data


def _from_query(text: str) -> bytes | int:
    if len(text) > _QUERY_TEXT_MAX:
        return 414
    given = parse_qs(text).get("dns", [])
    if len(given) != 1:
        return 400
    try:
        return base64.b64decode(given[0] + "=" * (-len(given[0]) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return 400
