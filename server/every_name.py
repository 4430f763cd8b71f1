"""A resolver on loopback that stands for all others in a demonstration: over TLS, and every name is this machine."""

from __future__ import annotations

import contextlib
import socketserver
import ssl
import struct
import threading
from pathlib import Path
from typing import Final

_HEADER_BYTES: Final = 12
_A, _IN, _TTL = 1, 1, 60
_ANSWERED: Final = 0x8180
_LONGEST: Final = 4096


def answer(question: bytes) -> bytes:
    """Return the answer to one question as bytes: 127.0.0.1 for an address, nothing for any other type (RFC 1035).

    Raises ValueError for what is no question.
    """
    end = _HEADER_BYTES
    while end < len(question) and question[end]:
        end += 1 + question[end]
    end += 5
    if end > len(question):
        raise ValueError("not a question")
    qtype, qclass = struct.unpack_from("!HH", question, end - 4)
    found = (qtype, qclass) == (_A, _IN)
    head = question[:2] + struct.pack("!HHHHH", _ANSWERED, 1, int(found), 0, 0)
    record = struct.pack("!HHHIH4B", 0xC000 | _HEADER_BYTES, _A, _IN, _TTL, 4, 127, 0, 0, 1) if found else b""
    return head + question[_HEADER_BYTES:end] + record


class EveryName:
    """The resolver, in threads of its own."""

    def __init__(self, certificate: Path, key: Path) -> None:
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(certificate, key)
        self._server = _Server(trust)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="every-name", daemon=True).start()

    def stop(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()


class _Connection(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while head := self.rfile.read(2):
                size = int.from_bytes(head, "big")
                if size > _LONGEST:
                    return
                said = answer(self.rfile.read(size))
                self.wfile.write(len(said).to_bytes(2, "big") + said)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, trust: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.socket = trust.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, _request: object, _address: object) -> None:
        """Say nothing: a connection that fails is its client's to report."""
