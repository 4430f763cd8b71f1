"""Answer the one question by which an authority sees that an address is ours (HTTP-01), and nothing else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

REQUEST_SECONDS: Final = 5.0
"""Nobody who asks slowly keeps a thread for longer."""

THREADS_MAX: Final = 32
"""An authority asks from a handful of places at once; who asks beside it may not make threads without end."""


@contextmanager
def answering(host: str, port: int, path: str, answer: str) -> Iterator[None]:
    """Answer GET `path` with `answer` (RFC 8555, 8.3) while the caller waits; raises OSError for a port not ours."""
    with _server(host, port, path, answer.encode("ascii")) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def _server(host: str, port: int, path: str, answer: bytes) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_SECONDS

        def do_GET(self) -> None:
            right = self.path == path
            self.send_response_only(200 if right else 404)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(answer) if right else 0))
            self.send_header("Connection", "close")
            self.end_headers()
            if right:
                self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing: who asks is nobody's business."""

    before = threading.active_count()

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 2 * THREADS_MAX
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        def verify_request(self, *_: object) -> bool:
            return threading.active_count() < before + THREADS_MAX

        def handle_error(self, *_: object) -> None:
            """Who breaks off, or sends what is no request, is left alone."""

    return Server((host, port), Handler)
