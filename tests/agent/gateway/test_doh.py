"""DNS over HTTPS, spoken to by real clients over TLS: HTTP/1.1 by Python's, HTTP/2 by curl."""

from __future__ import annotations

import asyncio
import base64
import http.client
import shutil
import socket
import subprocess
import time

import dns.edns
import dns.message
import pytest

from agent.gateway.doh import Doh
from tests.agent.gateway import certificates
from tests.agent.gateway.doors import ALICE, ALICES, BOB, BOBS, Desk, free_port
from tests.agent.gateway.loops import run_apart
from tests.agent.gateway.resolvers import Resolver, trust

MEDIA = "application/dns-message"


def asked(name="www.example.org.", **more):
    return dns.message.make_query(name, "A", id=0, **more)


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def run(work, files):
    """Run `work(port, desk)` in a thread beside a listener with one resolver behind it."""

    async def opened():
        async with Resolver(files) as resolver:
            desk = Desk(files, resolver)
            listener = Doh(desk.front, *files)
            port = free_port()
            await listener.start("127.0.0.1", port)
            try:
                async with asyncio.timeout(30):
                    await asyncio.to_thread(work, port, desk)
            finally:
                await listener.stop()
                desk.upstreams.close()

    run_apart(opened())


class Client:
    """One HTTP/1.1 connection."""

    def __init__(self, files, port):
        context = trust(files[0])
        context.check_hostname = False
        self._to = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)

    def say(self, method, path, body=None, media=MEDIA):
        self._to.request(method, path, body, {"Content-Type": media} if body is not None else {})
        answer = self._to.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())

    def close(self):
        self._to.close()


def test_get_and_post_are_answered_for_each_phone_and_nothing_may_be_kept_on_the_way(files):
    def work(port, desk):
        client = Client(files, port)
        data = asked("a.example.org.").to_wire()
        status, body, headers = client.say("GET", f"/d/{ALICES}/dns-query?dns={encoded(data)}")
        assert (status, headers["content-type"], headers["cache-control"]) == (200, MEDIA, "no-store")
        assert dns.message.from_wire(body).answer
        status, body, _ = client.say("POST", f"/d/{BOBS}/dns-query", asked("b.example.org.").to_wire())
        assert status == 200
        assert dns.message.from_wire(body).answer
        assert desk.noted == [(ALICE, "a.example.org", "doh"), (BOB, "b.example.org", "doh")]
        client.close()

    run(work, files)


def test_an_unknown_phone_is_refused_in_dns_words_and_counted(files):
    def work(port, desk):
        client = Client(files, port)
        status, body, _ = client.say("POST", f"/d/{'c' * 26}/dns-query", asked().to_wire())
        assert (status, dns.message.from_wire(body).rcode()) == (200, 5)
        assert desk.phones.refused["unknown"] == 1
        assert desk.noted == []
        client.close()

    run(work, files)


GOOD = asked().to_wire()
PATH = f"/d/{ALICES}/dns-query"


@pytest.mark.parametrize(
    ("method", "path", "body", "media", "status"),
    [
        ("GET", "/", None, MEDIA, 404),
        ("GET", f"/d/{ALICES}/else?dns={encoded(GOOD)}", None, MEDIA, 404),
        ("GET", PATH, None, MEDIA, 400),
        ("GET", f"{PATH}?dns=%%%", None, MEDIA, 400),
        ("GET", f"{PATH}?dns=AAAA&dns=AAAA", None, MEDIA, 400),
        ("GET", f"{PATH}?dns={encoded(b'x' * 11)}", None, MEDIA, 400),
        ("GET", f"{PATH}?dns={'A' * 7000}", None, MEDIA, 414),
        ("PUT", PATH, GOOD, MEDIA, 405),
        ("POST", PATH, GOOD, "text/plain", 415),
        ("POST", PATH, b"", MEDIA, 400),
        ("POST", PATH, b"x" * 5000, MEDIA, 413),
    ],
)
def test_what_is_no_question_gets_its_status_and_the_listener_goes_on(files, method, path, body, media, status):
    def work(port, desk):
        bad, good = Client(files, port), Client(files, port)
        assert bad.say(method, path, body, media)[0] == status
        assert good.say("POST", PATH, GOOD)[0] == 200
        assert desk.noted == [(ALICE, "www.example.org", "doh")]
        bad.close()
        good.close()

    run(work, files)


def test_curl_resolves_through_it_over_http_2(files):
    def work(port, desk):
        url = f"https://gateway.test:{port}/d/{ALICES}/dns-query"
        call = ["curl", "--silent", "--verbose", "--max-time", "5", "--cacert", str(files[0]),
                "--resolve", f"gateway.test:{port}:127.0.0.1", "--doh-url", url,
                "--connect-timeout", "1", "http://www.example.org:9/"]  # fmt: skip
        for _ in range(3):  # a resolver that is slow once is answered with SERVFAIL, and asked again
            said = subprocess.run(call, capture_output=True, text=True, timeout=20, check=False).stderr
            if "192.0.2.7" in said:
                break
        assert "192.0.2.7" in said
        assert {name for _, name, _ in desk.noted} == {"www.example.org"}
        post = ["curl", "--silent", "--http2", "--cacert", str(files[0]), "--resolve",
                f"gateway.test:{port}:127.0.0.1", "--write-out", "%{http_version} %{http_code}",
                "--output", "/dev/null",
                "--header", f"Content-Type: {MEDIA}", "--data-binary", "@-", url]  # fmt: skip
        said = subprocess.run(post, input=asked().to_wire(), capture_output=True, timeout=20, check=True).stdout
        assert said == b"2 200"

    run(work, files)


def test_a_renewed_certificate_is_taken_up_while_it_goes_on(files, tmp_path):
    mine = tmp_path / "own.pem", tmp_path / "own.key"
    for source, target in zip(files, mine, strict=True):
        shutil.copy(source, target)
    renewed = certificates.make(tmp_path, "gateway.test", stem="renewed")

    async def opened():
        async with Resolver(files) as resolver:
            desk = Desk(files, resolver)
            listener = Doh(desk.front, *mine)
            port = free_port()
            await listener.start("127.0.0.1", port)
            await asyncio.to_thread(answers, files, port)
            for source, target in zip(renewed, mine, strict=True):
                shutil.copy(source, target)
            await listener.renew()
            for _ in range(5):
                await asyncio.to_thread(answers, renewed, port)
            begin = time.monotonic()
            await listener.stop()
            assert time.monotonic() - begin < 5
            desk.upstreams.close()

    def answers(files, port):
        client = Client(files, port)
        assert client.say("POST", f"/d/{ALICES}/dns-query", asked().to_wire())[0] == 200
        client.close()

    run_apart(opened())


def test_the_longest_question_fits_into_the_path_of_a_get(files):
    def work(port, desk):
        client = Client(files, port)
        padded = asked(use_edns=0, options=[dns.edns.GenericOption(12, bytes(4000))]).to_wire(max_size=4096)
        assert client.say("GET", f"/d/{ALICES}/dns-query?dns={encoded(padded)}")[0] == 200
        client.close()

    run(work, files)


def test_a_port_in_use_is_noticed_at_once(files):
    async def work():
        desk = Desk(files)
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            with pytest.raises(OSError, match="in use"):
                await Doh(desk.front, *files).start("127.0.0.1", other.getsockname()[1])

    run_apart(work())


def test_a_body_without_end_is_read_no_further_whatever_length_it_says(files):
    def work(port, _desk):
        client = Client(files, port)
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: {MEDIA}\r\nTransfer-Encoding: chunked\r\n"
        client._to.connect()
        client._to.sock.sendall((head + "Content-Length: 20\r\n\r\n").encode())
        client._to.sock.settimeout(5)
        said = b""
        try:
            for _ in range(100):  # 1.6 MB, and no end
                client._to.sock.sendall(b"4000\r\n" + bytes(0x4000) + b"\r\n")
            said = client._to.sock.recv(100)
        except TimeoutError:
            pytest.fail("it goes on reading")
        except OSError:
            pass  # closed: so is a request that says two lengths
        assert said[:12] in (b"", b"HTTP/1.1 413", b"HTTP/1.1 400")
        client.close()

    run(work, files)


@pytest.mark.skipif(shutil.which("dnsperf") is None, reason="the load needs dnsperf, which apt has")
def test_dnsperf_gets_an_answer_to_each_question_that_a_phone_may_ask_at_once(files, tmp_path):
    names = tmp_path / "names"
    names.write_text("".join(f"n{n % 50}.example.org A\n" for n in range(500)))

    def work(port, desk):
        command = ["dnsperf", "-m", "doh", "-s", "127.0.0.1", "-p", str(port), "-d", names, "-n", "1", "-e"]
        # Ten clients with one question each under way: version 2.10 loses answers that come together, dnsdist's too.
        command += ["-c", "10", "-q", "10"]
        uri = f"doh-uri=https://localhost:{port}/d/{ALICES}/dns-query"
        done = subprocess.run([*command, "-O", uri], capture_output=True, text=True, timeout=25, check=True)
        said = {line.partition(":")[0].strip(): line.partition(":")[2] for line in done.stdout.splitlines()}
        assert said["Queries completed"].split()[0] == "500"
        assert said["Response codes"].strip() == "NOERROR 500 (100.00%)"
        assert len(desk.noted) == 500

    run(work, files)
