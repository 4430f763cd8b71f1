"""A real mail server on loopback that keeps what it takes and can misbehave, and a web server that does the same."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

PASSWORD = "hush-hush"


@dataclass
class Taken:
    """One mail as it came."""

    to: list[str]
    raw: bytes
    at: float

    @property
    def message(self) -> EmailMessage:
        found = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        return found

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def body(self) -> str:
        return str(self.message.get_content())


@dataclass
class MailServer:
    """What it took, and how it misbehaves: refused addresses, or one thing to do at each mail's end."""

    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    answers: list[str] = field(default_factory=list)
    """What to do with the next mails, in order: an SMTP answer, "hang" or "drop" (after keeping it)."""

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        if address in self.refuses:
            return "550 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        do = self.answers.pop(0) if self.answers else "250 OK"
        if do == "hang":
            await asyncio.sleep(30)
            return "451 too late"
        if do == "drop" or do.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.taken.append(Taken(list(envelope.rcpt_tos), envelope.content, time.time()))
        if do == "drop":
            assert server.transport is not None
            server.transport.close()
        return do if do != "drop" else "250 OK"

    def wait_for(self, count: int, seconds: float = 60.0) -> list[Taken]:
        """Wait until so many came, and return all; fewer when the time is over."""
        deadline = time.monotonic() + seconds
        while len(self.taken) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return list(self.taken)


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: Any, data: Any) -> AuthResult:
    good = getattr(data, "password", b"") == PASSWORD.encode()
    return AuthResult(success=good, handled=good)


@contextlib.contextmanager
def mail_server(
    *, tls: ssl.SSLContext | None = None, implicit: bool = False, sign_in: bool = False
) -> Iterator[MailServer]:
    """A server that listens while the block runs."""
    handler = MailServer()
    options: dict[str, Any] = {"hostname": "127.0.0.1", "port": _free_port()}
    if tls is not None:
        options |= {"ssl_context": tls} if implicit else {"tls_context": tls, "require_starttls": True}
    if sign_in:
        options |= {"authenticator": _authenticate, "auth_required": True, "auth_require_tls": False}
    controller = Controller(handler, **options)
    controller.start()
    handler.port = controller.port
    try:
        yield handler
    finally:
        controller.stop()


@dataclass
class WebHook:
    """A web server that keeps what is posted to it, and answers with a chosen status."""

    port: int = 0
    status: int = 200
    wait_seconds: float = 0.0
    posted: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextlib.contextmanager
def web_hook() -> Iterator[WebHook]:
    """A server that listens while the block runs."""
    hook = WebHook()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            hook.posted.append((self.path, dict(self.headers), body))
            time.sleep(hook.wait_seconds)
            with contextlib.suppress(ConnectionError):
                self.send_response(hook.status)
                if 300 <= hook.status < 400:
                    self.send_header("Location", f"http://127.0.0.1:{hook.port}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    hook.port = int(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
