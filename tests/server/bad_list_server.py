"""A list server on loopback that serves well or fails in every way, by the path that is asked for."""

from __future__ import annotations

import hashlib
import http.server
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


class ListServer:
    """Serves `body` at /list.txt with an ETag, Range and If-Range; other paths fail, each in its own way."""

    def __init__(self, certificate: Path | None = None, key: Path | None = None) -> None:
        self.body = b""
        self.cut_at: list[int] = []
        self.change_after_cut = b""
        self.ignores_if_range = False
        self.checksum = ""
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.ended = threading.Event()
        handler = type("Handler", (_Handler,), {"served": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.port = self._server.server_address[1]
        self.url = f"{scheme}://localhost:{self.port}" if certificate else f"{scheme}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def list_url(self) -> str:
        return self.url + "/list.txt"

    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'

    @contextmanager
    def running(self) -> Iterator[ListServer]:
        self._thread.start()
        try:
            yield self
        finally:
            self.ended.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    served: ListServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def handle(self) -> None:
        with suppress(OSError):  # a collector that hung up, or a TLS handshake that it broke off
            super().handle()

    def do_GET(self) -> None:
        self.close_connection = True
        self.served.asked.append((self.path, dict(self.headers)))
        name = re.sub(r"\W", "_", self.path.partition("?")[0].strip("/"))
        with suppress(OSError):
            getattr(self, f"serve_{name}", self.serve_nothing)()

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for header, value in {"Content_Length": str(len(body)), **headers}.items():
            if value:
                self.send_header(header.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def serve_nothing(self) -> None:
        self.answer(404, b"not here")

    def serve_list_txt(self) -> None:
        served = self.served
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and (served.ignores_if_range or self.headers.get("If-Range") == served.etag()):
            start = int(asked[1])
        if self.headers.get("If-None-Match") == served.etag():
            self.answer(304, ETag=served.etag(), Content_Length="")
            return
        body = served.body[start:]
        self.send_response(206 if start else 200)
        self.send_header("ETag", served.etag())
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(served.body) - 1}/{len(served.body)}")
        self.end_headers()
        if served.cut_at:
            body = body[: served.cut_at.pop(0)]
            if served.change_after_cut:
                served.body, served.change_after_cut = served.change_after_cut, b""
        self.wfile.write(body)

    def serve_sums(self) -> None:
        text = f"{'0' * 64}  other.txt\n{self.served.checksum} *folder/list.txt\n"
        self.answer(200, text.encode())

    def serve_error(self) -> None:
        self.answer(500, b"oh no")

    def serve_forbidden(self) -> None:
        self.answer(403)

    def serve_hang(self) -> None:
        self.served.ended.wait(30)

    def serve_drip_head(self) -> None:
        self.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000)

    def serve_drip_body(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.drip(b"a.example\n" * 10_000)

    def drip(self, text: bytes) -> None:
        for at in range(len(text)):
            self.wfile.write(text[at : at + 1])
            if self.served.ended.wait(0.02):
                return

    def serve_cut_without_length(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"one.example\ntwo.exam")

    def serve_cut_chunk(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"14\r\none.example\ntwo.ex")

    def serve_chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"c\r\none.example\n\r\nc\r\ntwo.example\n\r\n0\r\n\r\n")

    def serve_loop(self) -> None:
        self.answer(302, Location="/loop")

    def serve_moved(self) -> None:
        self.answer(301, Location="/list.txt")

    def serve_to_http(self) -> None:
        self.answer(302, Location="http://lists.example.org/list.txt")

    def serve_to_file(self) -> None:
        self.answer(302, Location="file:///etc/hosts")

    def serve_endless(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        line = b"site.example\n" * 4096
        while not self.served.ended.is_set():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))

    def serve_too_long(self) -> None:
        self.answer(200, b"", Content_Length="99999999999")

    def serve_login(self) -> None:
        self.answer(200, b"\n <!DOCTYPE html><html><body>Sign in</body></html>", Content_Type="text/html")

    def serve_rubbish(self) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH_9\r\n")

    def serve_brotli(self) -> None:
        self.answer(200, b"xx", Content_Encoding="br")


class Proxy:
    """A CONNECT proxy that notes who asked for what, and leads everywhere to one port on loopback."""

    def __init__(self, port: int, *, refuses: bool = False) -> None:
        self.asked: list[str] = []
        self.credentials: list[str] = []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args: Any) -> None:
                pass

            def do_CONNECT(self) -> None:
                proxy.asked.append(self.path)
                proxy.credentials.append(self.headers.get("Proxy-Authorization", ""))
                if refuses:
                    self.send_error(403)
                    return
                other = socket.create_connection(("127.0.0.1", port))
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_pump, args=(other, self.connection), daemon=True)
                back.start()
                _pump(self.connection, other)
                back.join()
                other.close()

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def _pump(one: Any, other: Any) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)


def wait_until(what: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for something that is about to be so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)
