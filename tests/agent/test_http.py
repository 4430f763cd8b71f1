"""The way to the collector, against real servers on loopback that misbehave in every way."""

from __future__ import annotations

import datetime as dt
import gzip
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from agent.certificate import public_key_hash
from agent.errors import CollectorAddressError, CollectorRefused, CollectorUnreachable
from agent.http import Collector
from protocol.codes import Code
from protocol.messages import Refusal, encode

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def signed(method, url, body):
    return {"Signature": f"{method} {url} {len(body)}"}


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def refusal(code: Code, time=NOW) -> bytes:
    return encode(Refusal(code.value, code.sentence, "", code.retry, time))


class Server:
    """Answers each request on each connection by calling `respond(connection, request)`; raw, so it can misbehave."""

    def __init__(self, respond, context: ssl.SSLContext | None = None):
        self.respond = respond
        self.requests: list[bytes] = []
        self.connections = 0
        self.ended = threading.Event()
        self._open: list[socket.socket] = []
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            while (request := read_request(connection)) is not None:
                self.requests.append(request)
                if self.respond(connection, request) is False:
                    break
        except OSError:
            pass
        finally:
            connection.close()
            self.ended.set()

    def close(self):
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def read_request(connection) -> bytes | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def serving(respond, context=None):
    if isinstance(respond, bytes):
        content = respond

        def respond(connection, _request):
            connection.sendall(content)

    server = Server(respond, context)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def talking_to(server: Server, *, scheme="http", host="127.0.0.1", **more):
    more = {"connect_seconds": 2, "total_seconds": 5, "clock": lambda: NOW} | more
    collector = Collector(f"{scheme}://{host}:{server.port}", **more)
    try:
        yield collector
    finally:
        collector.close()


def test_a_post_is_signed_for_its_own_address_and_gives_the_body_back():
    with serving(answer(body=b'{"ok":1}')) as server, talking_to(server) as collector:
        assert collector.post("/v1/records", b"hello", signed) == b'{"ok":1}'
        head = server.requests[0].decode()
        assert head.startswith("POST /v1/records HTTP/1.1")
        assert f"Signature: POST http://127.0.0.1:{server.port}/v1/records 5" in head
        assert "Accept-Encoding: identity" in head
        assert head.endswith("hello")


def test_one_connection_serves_many_requests():
    with serving(answer()) as server, talking_to(server) as collector:
        for _ in range(5):
            collector.post("/v1/records", b"x", signed)
        assert (server.connections, len(server.requests)) == (1, 5)


def test_a_connection_that_the_server_closed_is_made_again():
    def once(connection, _request):
        connection.sendall(answer())
        return False

    with serving(once) as server, talking_to(server) as collector:
        for _ in range(3):
            collector.post("/v1/records", b"x", signed)
            assert server.ended.wait(20)
            server.ended.clear()
        assert server.connections == 3


@pytest.mark.parametrize("code", list(Code))
def test_the_collectors_own_refusal_is_told_with_its_code_time_and_wait(code):
    content = answer(code.status, refusal(code), Retry_After="7")
    with serving(content) as server, talking_to(server) as collector:
        with pytest.raises(CollectorRefused) as caught:
            collector.post("/v1/records", b"x", signed)
        fault = caught.value
        assert (fault.code, fault.retry, fault.status) == (code.value, code.retry, code.status)
        assert (fault.time, fault.retry_after_seconds) == (NOW, 7.0)


@pytest.mark.parametrize(
    "status", [301, 302, 307, 308, 400, 401, 403, 404, 407, 413, 429, 500, 502, 503, 504, 204, 206]
)
def test_an_error_that_is_not_the_collectors_own_is_no_answer_at_all(status):
    content = answer(status, b"<html>Sign in to the guest network</html>", Location="http://127.0.0.1:9/elsewhere")
    with serving(content) as server, talking_to(server) as collector:
        with pytest.raises(CollectorUnreachable):
            collector.post("/v1/records", b"x", signed)
        assert len(server.requests) == 1  # no redirect was followed


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("999999999", 3600.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("99999999999999999999", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date_and_bounded(said, seconds):
    with serving(answer(503, b"", Retry_After=said)) as server, talking_to(server) as collector:
        with pytest.raises(CollectorUnreachable) as caught:
            collector.post("/v1/records", b"x", signed)
        assert caught.value.retry_after_seconds == seconds


def test_a_refused_connection_never_reached_anything():
    with serving(answer()) as server:
        pass
    with talking_to(server) as collector, pytest.raises(CollectorUnreachable) as caught:
        collector.post("/v1/records", b"x", signed)
    assert not caught.value.reached


def test_where_no_thread_can_be_had_nothing_is_asked_and_the_next_time_it_is(monkeypatch):
    def full(_thread):
        raise RuntimeError("can't start new thread")

    with serving(answer(body=b"{}")) as server, talking_to(server) as collector:
        with monkeypatch.context() as at_the_limit:
            at_the_limit.setattr("threading.Thread.start", full)
            with pytest.raises(CollectorUnreachable) as caught:
                collector.post("/v1/records", b"x", signed)
        assert not caught.value.reached
        assert server.requests == []
        assert collector.post("/v1/records", b"x", signed) == b"{}"


def hang_up(connection, _request):
    return False


def hang_up_in_the_answer(connection, _request):
    connection.sendall(answer(body=b"0123456789")[:-4])
    return False


def say_nonsense(connection, _request):
    connection.sendall(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
    return False


def send_chunks_without_end(connection, _request):
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n")
    return False


def send_a_bomb(connection, _request):
    connection.sendall(answer(body=gzip.compress(bytes(50_000_000)), Content_Encoding="gzip"))


def send_too_much(connection, _request):
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(bytes(65536))


@pytest.mark.parametrize(
    "respond",
    [hang_up, hang_up_in_the_answer, say_nonsense, send_chunks_without_end, send_a_bomb, send_too_much],
)
def test_a_broken_endless_or_compressed_answer_is_no_answer(respond):
    with serving(respond) as server, talking_to(server) as collector:
        with pytest.raises(CollectorUnreachable) as caught:
            collector.post("/v1/records", b"x", signed)
        assert caught.value.reached


def never_answer(connection, _request):
    connection.recv(1)


def drip_headers(connection, _request):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: 1\r\n")
        time.sleep(0.02)


def drip_the_body(connection, _request):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


@pytest.mark.parametrize("respond", [never_answer, drip_headers, drip_the_body])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_answer_that_never_ends_is_given_up_after_the_total_time(respond, scheme, own_certificate):
    context, pin = own_certificate
    secure = {"scheme": "https", "pin": pin} if scheme == "https" else {}
    with (
        serving(respond, context if secure else None) as server,
        talking_to(server, total_seconds=0.4, **secure) as one,
    ):
        begun = time.monotonic()
        with pytest.raises(CollectorUnreachable):
            one.post("/v1/records", b"x", signed)
        assert 0.3 < time.monotonic() - begun < 3
        server.respond = lambda connection, _request: connection.sendall(answer())
        one._total_seconds = one._connect_seconds = 20.0
        assert one.post("/v1/records", b"x", signed) == b"{}"


@pytest.mark.parametrize("respond", [never_answer, drip_headers, drip_the_body])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_one_that_is_given_up_waits_no_longer_and_asks_no_more(respond, scheme, own_certificate):
    context, pin = own_certificate
    secure = {"scheme": "https", "pin": pin} if scheme == "https" else {}
    asked = threading.Event()

    def responds(connection, request):
        asked.set()
        return respond(connection, request)

    with serving(responds, context if secure else None) as server, talking_to(server, **secure) as one:
        giving_up = threading.Thread(target=lambda: asked.wait(20) and one.give_up())
        giving_up.start()
        begun = time.monotonic()
        with pytest.raises(CollectorUnreachable, match="no longer asked") as caught:
            one.post("/v1/records", b"x", signed)
        assert time.monotonic() - begun < 30  # an answer may take 60
        assert not caught.value.reached
        giving_up.join()
        asked.clear()
        with pytest.raises(CollectorUnreachable, match="no longer asked"):
            one.get("/publication/metadata/timestamp.json")
        assert not asked.is_set()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_one_that_is_given_up_while_it_connects_sends_nothing(scheme, own_certificate, monkeypatch):
    context, pin = own_certificate
    secure = {"scheme": "https", "pin": pin} if scheme == "https" else {}
    with serving(never_answer, context if secure else None) as server, talking_to(server, **secure) as one:
        connect = urllib3.util.connection.create_connection

        def connected(*given, **named):
            made = connect(*given, **named)
            one.give_up()
            return made

        monkeypatch.setattr(urllib3.util.connection, "create_connection", connected)
        begun = time.monotonic()
        with pytest.raises(CollectorUnreachable, match="no longer asked"):
            one.post("/v1/records", b"x", signed)
        assert time.monotonic() - begun < 30


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_large_file_over_a_slow_line_comes_through_after_the_total_time(scheme, own_certificate):
    context, pin = own_certificate
    secure = {"scheme": "https", "pin": pin} if scheme == "https" else {}
    pieces = [bytes((number,)) * 10_000 for number in range(10)]

    def come_slowly(connection, _request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.1)

    with (
        serving(come_slowly, context if secure else None) as server,
        talking_to(server, total_seconds=0.5, least_bytes_per_second=20_000, **secure) as one,
    ):
        begun = time.monotonic()
        assert one.get("/x", max_bytes=100_000).body == b"".join(pieces)
        assert time.monotonic() - begun > 0.5
        with pytest.raises(CollectorUnreachable, match="the answer took too long"):
            one.post("/v1/records", b"x", signed)


@pytest.mark.parametrize("respond", [never_answer, drip_headers, drip_the_body])
def test_a_fetch_that_drips_is_given_up_all_the_same(respond):
    with serving(respond) as server, talking_to(server, total_seconds=0.4, least_bytes_per_second=1_000) as one:
        begun = time.monotonic()
        with pytest.raises(CollectorUnreachable):
            one.get("/x", max_bytes=100_000)
        assert 0.3 < time.monotonic() - begun < 3


# --- fetching -------------------------------------------------------------------------------------------------------


def test_a_fetch_brings_the_body_and_etag_and_says_when_nothing_changed():
    def respond(connection, request):
        unchanged = b'If-None-Match: "v1"' in request
        connection.sendall(answer(304, b"") if unchanged else answer(body=b"metadata", ETag='"v1"'))

    with serving(respond) as server, talking_to(server) as collector:
        first = collector.get("/publication/metadata/timestamp.json")
        assert (first.body, first.etag, first.unchanged) == (b"metadata", '"v1"', False)
        assert collector.get("/publication/metadata/timestamp.json", etag=first.etag).unchanged


def test_a_fetch_takes_no_more_than_it_was_told():
    with serving(answer(body=bytes(1001))) as server, talking_to(server) as collector:
        assert len(collector.get("/x", max_bytes=1001).body) == 1001
        with pytest.raises(CollectorUnreachable):
            collector.get("/x", max_bytes=1000)


def test_what_is_not_published_is_not_found():
    with serving(answer(404, b"nothing here")) as server, talking_to(server) as collector:
        with pytest.raises(CollectorRefused) as caught:
            collector.get("/publication/metadata/2.root.json")
        assert (caught.value.code, caught.value.status) == ("not_found", 404)


# --- addresses, proxies, secrets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://collector.example",
        "http://127.0.0.1.example",
        "http://10.0.0.1",
        "http://[2001:db8::1]:80",
        "ftp://localhost",
        "https://",
        "collector.example",
        "https://user:secret@collector.example",
        "https://collector.example/path",
        "https://collector.example?x=1",
        "https://collector.example#x",
        "https://collector.example:99999",
        "https://[broken",
    ],
)
def test_an_address_that_is_not_https_or_not_an_address_is_refused(url):
    with pytest.raises(CollectorAddressError):
        Collector(url)


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://localhost:8460", "http://localhost:8460"),
        ("http://127.9.9.9:1/", "http://127.9.9.9:1"),
        ("http://[::1]:8460", "http://[::1]:8460"),
        ("https://Collector.Example:443", "https://collector.example"),
    ],
)
def test_loopback_may_be_plain_and_an_address_has_one_form(url, plain):
    collector = Collector(url)
    assert collector.url == plain
    collector.close()


@pytest.mark.parametrize("pin", ["AB" * 32, "ab" * 31, "g" * 64, "ab:" * 32])
def test_a_pin_is_64_hex_digits(pin):
    with pytest.raises(CollectorAddressError):
        Collector("https://collector.example", pin)


def test_neither_a_netrc_nor_a_cookie_is_ever_sent(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serving(answer(Set_Cookie="track=1; Path=/")) as server, talking_to(server) as collector:
        collector.post("/a", b"x", signed)
        collector.post("/a", b"x", signed)
        assert b"Authorization" not in server.requests[0]
        assert b"Cookie" not in server.requests[1]


def test_the_systems_proxy_is_used_but_never_for_loopback(monkeypatch):
    def tunnel_refused(connection, _request):
        connection.sendall(answer(503, b"no way out"))
        return False

    with serving(tunnel_refused) as proxy, serving(answer()) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with talking_to(server) as collector:
            collector.post("/v1/records", b"x", signed)
        assert proxy.requests == []
        far = Collector("https://collector.example", connect_seconds=2, total_seconds=5)
        with pytest.raises(CollectorUnreachable) as caught:
            far.post("/v1/records", b"x", signed)
        far.close()
        assert not caught.value.reached
        assert proxy.requests[0].startswith(b"CONNECT collector.example:443")
        assert proxy.requests[0][-1:] != b"x"


# --- TLS and the pin ------------------------------------------------------------------------------------------------


def make_certificate(folder, key, name="collector.example"):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - dt.timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + dt.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{x509.random_serial_number()}.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, certificate


def pin_of(certificate) -> str:
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(spki)
    return digest.finalize().hex()


@pytest.fixture(scope="module")
def own_certificate(tmp_path_factory):
    context, certificate = make_certificate(tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1()))
    return context, pin_of(certificate)


def test_a_certificate_signed_by_nobody_known_is_taken_when_its_key_is_the_pinned_one(own_certificate):
    context, pin = own_certificate
    with serving(answer(), context) as server, talking_to(server, scheme="https", pin=pin) as collector:
        assert collector.post("/v1/records", b"x", signed) == b"{}"
        assert collector.post("/v1/records", b"x", signed) == b"{}"
        assert server.connections == 1


@pytest.mark.parametrize("pin", ["0" * 64, ""])
def test_without_the_right_pin_not_a_byte_is_sent_to_a_certificate_of_nobodys(own_certificate, pin):
    context, _ = own_certificate
    with serving(answer(), context) as server, talking_to(server, scheme="https", pin=pin) as collector:
        with pytest.raises(CollectorUnreachable) as caught:
            collector.post("/v1/records", b"x", signed)
        assert not caught.value.reached
        assert server.requests == []


def test_a_certificate_of_the_systems_authorities_is_taken_without_a_pin_and_only_for_its_name(
    tmp_path, monkeypatch, request
):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - dt.timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "authorities.pem").write_bytes(pem)
    (tmp_path / "server.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + pem
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))
    with serving(answer(), context) as server:
        with talking_to(server, scheme="https", host="localhost") as collector:
            assert collector.post("/v1/records", b"x", signed) == b"{}"
        with talking_to(server, scheme="https") as collector, pytest.raises(CollectorUnreachable):
            collector.post("/v1/records", b"x", signed)
        pinned = {"scheme": "https", "host": "localhost", "pin": "0" * 64}
        with talking_to(server, **pinned) as collector, pytest.raises(CollectorUnreachable):
            collector.post("/v1/records", b"x", signed)
        assert len(server.requests) == 1


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_the_pin_is_the_hash_of_the_public_key_as_a_real_parser_reads_it(tmp_path, kind):
    key = ec.generate_private_key(ec.SECP384R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
    _, certificate = make_certificate(tmp_path, key)
    assert public_key_hash(certificate.public_bytes(serialization.Encoding.DER)) == pin_of(certificate)


def test_what_is_no_certificate_has_no_pin(tmp_path):
    _, certificate = make_certificate(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    der = certificate.public_bytes(serialization.Encoding.DER)
    for broken in (b"", b"0", b"\x30\x80", der[: len(der) // 2], b"\x31" + der[1:], b"\x30\x84\xff\xff\xff\xff" + der):
        assert public_key_hash(broken) == ""
