"""Host names in every odd form are normalised or refused, and nothing crashes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.errors import HostRefused
from rules.hosts import host_of_url, normalise_host, suffixes

ODD_TEXT = st.one_of(st.text(), st.text(alphabet="abcxn-._:/[]%@0189é。ⅷ\u00ad\ud800* \n"), st.binary().map(repr))


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("example.com", "example.com"),
        ("WWW.Example.COM", "www.example.com"),
        ("example.com.", "example.com"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("BÜCHER.de", "xn--bcher-kva.de"),
        ("XN--BCHER-KVA.de", "xn--bcher-kva.de"),
        ("faß.de", "xn--fa-hia.de"),
        ("i❤.ws", "xn--i-7iq.ws"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("my_host.example.com", "my_host.example.com"),
        ("r2---sn-abc.example.com", "r2---sn-abc.example.com"),
        ("9gag.com", "9gag.com"),
        ("localhost", "localhost"),
        ("a" * 63 + ".com", "a" * 63 + ".com"),
        (".".join(["a" * 49] * 5) + ".io", ".".join(["a" * 49] * 5) + ".io"),
    ],
)
def test_a_host_name_has_one_spelling(text: str, normal: str) -> None:
    assert normalise_host(text) == normal
    assert normalise_host(normal) == normal


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (".", "empty"),
        ("a..b", "empty label"),
        (".example.com", "empty label"),
        ("example.com..", "empty label"),
        ("a" * 64 + ".com", "label longer than 63"),
        (".".join(["a" * 49] * 5) + ".abcd", "longer than 253"),
        ("a" * 5000, "longer than 2048"),
        ("192.0.2.1", "address"),
        ("0x7f.1", "address"),
        ("2130706433", "address"),
        ("127.1", "address"),
        ("１２７.0.0.1", "address"),
        ("1.2.3.4.", "address"),
        ("::1", "IPv6"),
        ("[2001:db8::1]", "IPv6"),
        ("[2001:db8::1]:443", "IPv6"),
        ("example.com:443", "port"),
        ("exa mple.com", "space"),
        (" example.com", "space"),
        ("example.com\n", "control"),
        ("exa\0mple.com", "control"),
        ("https://example.com", "scheme or a path"),
        ("example.com/path", "scheme or a path"),
        ("user@example.com", "user name"),
        ("*.example.com", "wildcard"),
        ("exa$mple.com", "character"),
        ("xn--.com", "punycode"),
        ("xn--a.com", "punycode"),
        ("xn--zzzzzzzz-.com", "punycode"),
        ("\ud800.com", "character"),
    ],
)
def test_what_is_no_host_name_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(HostRefused, match=reason):
        normalise_host(text)


@given(ODD_TEXT)
def test_normalising_refuses_or_gives_a_name_that_stays_as_it_is(text: str) -> None:
    try:
        name = normalise_host(text)
    except HostRefused as refused:
        assert str(refused)  # noqa: PT017 (both ways out are right)
        return
    assert normalise_host(name) == name
    assert name.isascii()
    assert len(name) <= 253
    assert all(1 <= len(label) <= 63 for label in name.split("."))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.Example.com/a/b?c=d#e", "www.example.com"),
        ("http://example.com.:8080/", "example.com"),
        ("https://user:secret@example.com/", "example.com"),
        ("HTTPS://EXAMPLE.COM", "example.com"),
        ("http://b%C3%BCcher.de/", "xn--bcher-kva.de"),
        ("http://example.com\\@other.example/", "example.com"),
        ("ftp://example.com/", None),
        ("file:///etc/passwd", None),
        ("chrome://settings/", None),
        ("javascript:alert(1)", None),
        ("http://192.0.2.1/", None),
        ("http://[::1]/", None),
        ("http://[::1", None),
        ("http:///path", None),
        ("", None),
    ],
)
def test_a_url_gives_its_host_and_nothing_else(url: str, host: str | None) -> None:
    assert host_of_url(url) == host


@given(st.one_of(ODD_TEXT, ODD_TEXT.map(lambda text: "http://" + text)))
def test_no_url_makes_host_of_url_fail(url: str) -> None:
    host = host_of_url(url)
    assert host is None or normalise_host(host) == host


def test_suffixes_stand_on_label_boundaries_and_leave_out_the_last_label() -> None:
    assert suffixes("a.b.example.com") == ["a.b.example.com", "b.example.com", "example.com"]
    assert suffixes("localhost") == []
