"""A collector on loopback that enrols: it serves a real publication and checks the real token and signature."""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from uuid import UUID, uuid4

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol import tokens
from protocol.codes import Code
from protocol.errors import Refused
from protocol.messages import EnrolmentToken, EnrolReply, EnrolRequest, Refusal, decode, encode
from protocol.rolekeys import from_pem
from protocol.signing import claimed_key_id, verify_request

PASSPHRASE = "quiet lamp river seven ocean bread"


def now():
    return datetime.now(UTC)


class Enrolling:
    """A collector as far as enrolment needs one; `refuse` makes it refuse, `ahead` moves its clock."""

    def __init__(self, publication):
        self.publication = publication
        self.devices: dict[bytes, UUID] = {}
        self.asked = 0
        self.refuse: Code | None = None
        self.ahead = timedelta()
        self.answer: bytes | None = None
        self.lie: Refusal | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536
            disable_nagle_algorithm = True

            def do_GET(self):
                data = outer.publication.read(self.path.removeprefix("/publication/"))
                self.reply(404 if data is None else 200, data or b"")

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked += 1
                if outer.lie is not None:
                    self.reply(401, encode(outer.lie))
                    return
                try:
                    self.reply(200, outer.answer or encode(outer.enrol(self, body)))
                except Refused as fault:
                    code = fault.code
                    refusal = Refusal(code.value, code.sentence, fault.detail, code.retry, now() + outer.ahead)
                    self.reply(code.status, encode(refusal))

            def reply(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def enrol(self, handler, body):
        if self.refuse is not None:
            raise Refused(self.refuse)
        assert claimed_key_id(handler.headers) == "enrol"
        request = decode(body, EnrolRequest)
        key = Ed25519PublicKey.from_public_bytes(request.public_key)
        at = now() + self.ahead
        verify_request("POST", self.url + handler.path, handler.headers, body, key=key, key_id="enrol", now=at)
        token = tokens.verify(request.token, self.publication.packs_keys(), now())
        return EnrolReply(self.devices.setdefault(request.public_key, uuid4()), token.group, at)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def collecting(pilot, folder):
    """A collector that enrols, what makes its tokens, and the folder of a device to be."""
    publication = pilot.publish()
    collector = Enrolling(publication)
    it_key = from_pem((pilot.folder / "it.pem").read_bytes(), PASSPHRASE)

    def token(key=it_key, **changes):
        root = publication.read("metadata/1.root.json")
        made = EnrolmentToken(
            version=1,
            token=UUID(int=7),
            secret="0" * 32,
            collector=collector.url,
            certificate="",
            root=hashlib.sha256(root).hexdigest(),
            root_version=1,
            group="learners",
            expires=now() + timedelta(days=1),
            uses=1,
            minimum=dict(publication.published().versions),
        )
        return tokens.write(msgspec.structs.replace(made, **changes), key)

    try:
        yield SimpleNamespace(collector=collector, token=token, folder=folder)
    finally:
        collector.close()
