"""A list is handed on whole and as published, or not at all, whatever the server does."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server import certificates
from server.errors import ListFault
from server.list_fetch import Wanted, _next, fetch
from tests.server.bad_list_server import ListServer, Proxy

BODY = b"".join(b"site%d.example\n" % number for number in range(20_000))


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server():
    with ListServer().running() as server:
        server.body = BODY
        yield server


@pytest.fixture
def wanted(server):
    return Wanted(server.list_url, 2_000_000, total_seconds=10, stall_seconds=2)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    certificates.make(folder / "key", folder / "crt", ["localhost"], datetime.now(UTC))
    return folder / "crt", folder / "key"


@pytest.fixture
def secure(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with ListServer(*certificate).running() as server:
        server.body = BODY
        yield server


def test_a_list_comes_whole_with_what_is_needed_to_ask_whether_it_changed(wanted, server, tmp_path):
    fetched = fetch(wanted, tmp_path)
    assert fetched.path.read_bytes() == BODY
    assert fetched.size_bytes == len(BODY)
    assert fetched.etag == server.etag()
    assert fetch(replace(wanted, etag=fetched.etag), tmp_path / "again") is None


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("nowhere", "has no such list (answer 404)"),
        ("error", "can't give the list now (answer 500)"),
        ("forbidden", "does not give the list to us (answer 403)"),
        ("cut_without_length", "does not say how long the list is"),
        ("cut_chunk", "broke off before the end"),
        ("loop", "redirects more than 5 times"),
        ("to_http", "redirects to plain HTTP"),
        ("to_file", "can't be used"),
        ("endless", "larger than max_megabytes allows (2 MB)"),
        ("too_long", "larger than max_megabytes allows (2 MB)"),
        ("login", "a web page came, not a list"),
        ("rubbish", "can't be understood"),
        ("brotli", "packs the list in a way that was not asked for"),
    ],
)
def test_each_way_to_fail_is_one_sentence_and_hands_nothing_on(path, says, wanted, server, tmp_path):
    with pytest.raises(ListFault) as refused:
        fetch(replace(wanted, url=f"{server.url}/{path}"), tmp_path)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert str(tmp_path) not in str(refused.value)
    assert refused.value.retry_can_help


@pytest.mark.parametrize("path", ["hang", "drip_head", "drip_body"])
def test_no_server_holds_the_fetch_longer_than_its_time(path, wanted, server, tmp_path):
    begun = time.monotonic()
    with pytest.raises(ListFault, match="took longer than 1 seconds"):
        fetch(replace(wanted, url=f"{server.url}/{path}", total_seconds=1.0, stall_seconds=5), tmp_path)
    assert time.monotonic() - begun < 5


def test_a_silent_server_is_given_up_before_the_time_is_over(wanted, server, tmp_path):
    with pytest.raises(ListFault, match="does not answer"):
        fetch(replace(wanted, url=f"{server.url}/hang", stall_seconds=0.3), tmp_path)


def test_nobody_listening_is_told_as_such(wanted, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/list.txt"
        with pytest.raises(ListFault, match="nothing listens there"):
            fetch(replace(wanted, url=url), tmp_path)


def test_a_list_in_chunks_needs_no_length(wanted, server, tmp_path):
    fetched = fetch(replace(wanted, url=f"{server.url}/chunked"), tmp_path)
    assert fetched.path.read_bytes() == b"one.example\ntwo.example\n"


def test_a_redirect_to_the_same_server_is_followed(wanted, server, tmp_path):
    assert fetch(replace(wanted, url=f"{server.url}/moved"), tmp_path).path.read_bytes() == BODY


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("https://127.0.0.1/secret", "to this computer itself"),
        ("https://localhost:8443/", "to this computer itself"),
        ("http://127.0.0.1/secret", "to plain HTTP"),
        ("//user:word@lists.example/", "can't be used"),
        ("https://[::1", "can't be used"),
        ("", "can't be used"),
    ],
)
def test_a_redirect_leads_nowhere_that_a_stranger_could_use(location, says):
    with pytest.raises(ListFault, match=says):
        _next("https://lists.example/list.txt", location, home=False)


def test_nothing_else_of_the_collector_can_fetch():
    # The sample's traffic, the demonstration and the container's health check speak to a collector and a browser on
    # this machine; single sign-on asks, through allauth, the identity provider that IT named, and nobody else; heads of
    # the audit log go where IT named, and certificates come from the authority that IT named.
    network = re.compile(r"^\s*(?:from|import) (?:requests|urllib3|http\.client|urllib\.request)\b", re.MULTILINE)
    server = Path(__file__).parents[2] / "server"
    found = {str(path.relative_to(server)) for path in server.rglob("*.py") if network.search(path.read_text())}
    here = {"sample_traffic.py", "stage.py", "extension_stage.py", "demo.py", "alive.py"}
    assert found - here - {"web/single_sign_on.py", "heads.py", "acme_order.py"} == {"list_fetch.py"}


# --- parts -------------------------------------------------------------------------------------------------------


def test_a_cut_list_is_gone_on_from_where_it_was_cut(wanted, server, tmp_path):
    server.cut_at = [100_000, 50_000]
    assert fetch(wanted, tmp_path).path.read_bytes() == BODY
    assert [asked.get("Range") for _, asked in server.asked] == [None, "bytes=100000-", "bytes=150000-"]


def test_what_one_fetch_left_the_next_goes_on_from(wanted, server, tmp_path):
    server.cut_at = [10_000, 10_000, 10_000, 10_000]
    with pytest.raises(ListFault, match="cut short: 40,000 of 348,890 bytes"):
        fetch(wanted, tmp_path)
    assert fetch(wanted, tmp_path).path.read_bytes() == BODY
    assert server.asked[-1][1]["Range"] == "bytes=40000-"


def test_a_part_of_another_address_is_not_gone_on_from(wanted, server, tmp_path):
    server.cut_at = [10_000] * 4
    with pytest.raises(ListFault):
        fetch(wanted, tmp_path)
    fetched = fetch(replace(wanted, url=f"{server.url}/chunked"), tmp_path)
    assert fetched.path.read_bytes() == b"one.example\ntwo.example\n"


@pytest.mark.parametrize("ignores_if_range", [False, True])
@pytest.mark.parametrize("new", [BODY.replace(b"site", b"page"), BODY + b"more.example\n", BODY[:150_000]])
def test_a_list_that_changes_between_its_parts_is_fetched_anew(ignores_if_range, new, wanted, server, tmp_path):
    server.cut_at, server.change_after_cut, server.ignores_if_range = [100_000], new, ignores_if_range
    assert fetch(wanted, tmp_path).path.read_bytes() == new


# --- checksums ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_list_has_the_checksum_that_is_published_for_its_name(algorithm, wanted, server, tmp_path):
    server.checksum = hashlib.new(algorithm, BODY).hexdigest()
    fetched = fetch(replace(wanted, checksum_url=f"{server.url}/sums"), tmp_path)
    assert fetched.checked == algorithm


def test_a_list_without_the_published_checksum_is_refused_and_not_gone_on_from(wanted, server, tmp_path):
    server.checksum = hashlib.sha256(b"another").hexdigest()
    with pytest.raises(ListFault, match="does not have the SHA256 checksum"):
        fetch(replace(wanted, checksum_url=f"{server.url}/sums"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_fixed_checksum_of_the_settings_counts_too(wanted, tmp_path):
    assert fetch(replace(wanted, sha256=hashlib.sha256(BODY).hexdigest()), tmp_path).checked == "sha256"
    with pytest.raises(ListFault, match="checksum"):
        fetch(replace(wanted, sha256="0" * 64), tmp_path)


@pytest.mark.parametrize(("path", "says"), [("nowhere", "can't be had"), ("list.txt", "does not name the list")])
def test_checksums_that_can_not_be_had_are_a_failure(path, says, wanted, server, tmp_path):
    server.body = b"no checksum\n" * 2
    with pytest.raises(ListFault, match=says):
        fetch(replace(wanted, checksum_url=f"{server.url}/{path}"), tmp_path)


# --- TLS and proxies ---------------------------------------------------------------------------------------------


def test_a_list_comes_over_tls_from_a_server_that_the_system_trusts(secure, wanted, tmp_path):
    assert fetch(replace(wanted, url=secure.list_url), tmp_path).path.read_bytes() == BODY


def test_a_certificate_that_nobody_trusts_is_refused(secure, wanted, tmp_path, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ListFault, match="certificate is not trusted"):
        fetch(replace(wanted, url=secure.list_url), tmp_path)


def test_tls_is_never_left_for_plain_http_even_on_this_computer(secure, wanted, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tests.server.bad_list_server._Handler.serve_to_http",
        lambda handler: handler.answer(302, Location=wanted.url),
    )
    with pytest.raises(ListFault, match="redirects to plain HTTP"):
        fetch(replace(wanted, url=f"{secure.url}/to_http"), tmp_path)


def test_the_systems_proxy_is_used_with_its_credentials(secure, wanted, tmp_path, monkeypatch):
    url = secure.list_url.replace("localhost", "lists.example")
    with Proxy(secure.port).running() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url.replace("//", "//us%40er:pass@"))
        with pytest.raises(ListFault, match="certificate is not trusted: Hostname mismatch"):
            fetch(replace(wanted, url=url), tmp_path)
        assert fetch(replace(wanted, url=secure.list_url), tmp_path).path.read_bytes() == BODY
    assert proxy.asked == [f"lists.example:{secure.port}", f"localhost:{secure.port}"]
    assert base64.b64decode(proxy.credentials[0].removeprefix("Basic ")) == b"us@er:pass"


def test_no_proxy_names_what_is_reached_directly(secure, wanted, tmp_path, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "localhost")
    assert fetch(replace(wanted, url=secure.list_url), tmp_path) is not None


def test_a_proxy_that_refuses_or_can_not_be_used_is_told(secure, wanted, tmp_path, monkeypatch):
    with Proxy(secure.port, refuses=True).running() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with pytest.raises(ListFault, match="proxy does not let the collector through"):
            fetch(replace(wanted, url=secure.list_url), tmp_path)
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:9")
    with pytest.raises(ListFault, match="proxy can't be used"):
        fetch(replace(wanted, url=secure.list_url), tmp_path)
