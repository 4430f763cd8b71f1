"""What goes into a phone's files is checked first: nothing given breaks out of a file, or fills in a variable."""

from __future__ import annotations

from uuid import UUID

import pytest

from agent.gateway.phones import hash_of
from server import phones
from server.errors import PhoneFileRefused
from server.phone_place import TrustedNetwork, checked_name, https_address, one_phone, place, tls_name

IDENT = "abcdefghijklmnopqrstuvwx23"
DEVICE = UUID("7d6e3c7a-3b53-4c5e-9d4e-3f9a1c2b4d5e")


def test_the_host_is_spelt_in_one_way_and_addresses_stand_once():
    at = place("Bright Path", "DNS.Example.org.", ("192.0.2.1", "2001:DB8::1", "192.0.2.1"))
    assert at.host == "dns.example.org"
    assert at.addresses == ("192.0.2.1", "2001:db8::1")
    assert https_address(at, IDENT) == f"https://dns.example.org/d/{IDENT}/dns-query"
    assert tls_name(at, IDENT) == f"{IDENT}.dns.example.org"


@pytest.mark.parametrize(
    "host",
    [
        "",
        "gateway",
        "192.0.2.1",
        "dns_1.example.org",
        "-dns.example.org",
        "dns.example.org/x",
        "dns.example.org'; Remove-Item x",
        'dns.example.org"',
        "dns.example.org\r\n[HKEY_LOCAL_MACHINE\\x]",
        "</string><key>x</key>.org",
        "*.example.org",
        "user@dns.example.org",
        "dns.example.org:8443",
        ".".join(["a" * 60] * 4) + ".org",
    ],
)
def test_what_is_no_host_name_is_refused_in_a_sentence(host):
    with pytest.raises(PhoneFileRefused) as caught:
        place("Bright Path", host)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "address", ["", "dns.example.org", "192.0.2.1'", "127.0.0.1", "::1", "0.0.0.0", "fe80::1%eth0", "224.0.0.1"]
)
def test_an_address_that_phones_cant_reach_is_refused(address):
    with pytest.raises(PhoneFileRefused, match="address"):
        place("Bright Path", "dns.example.org", (address,))


@pytest.mark.parametrize(
    "ident",
    ["", "short", IDENT.upper(), IDENT + "a", IDENT[:-1] + "1", IDENT + "\n", "../" + "a" * 23, "$SERIALNUMBER"],
)
def test_an_id_of_another_form_is_refused_and_not_repeated(ident):
    with pytest.raises(PhoneFileRefused) as caught:
        one_phone(DEVICE, "Phone 7", "ios", ident)
    assert not ident or ident not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "x" * 101,
        "two\nlines",
        "nul\0",
        "right\u202eleft",
        "half\ud800",
        "Phone $SERIALNUMBER",
        "Phone ${DEVICE_ID}",
        "Phone {{deviceid}}",
        "Phone %SerialNumber%",
    ],
)
def test_a_name_that_hides_something_or_that_a_fleet_tool_would_fill_in_is_refused(name):
    with pytest.raises(PhoneFileRefused):
        checked_name(name)


def test_everyday_names_are_taken_as_they_are():
    for name in ("Zoë’s phone", 'Läptöp <7> & "co"', "100% Training", "Costs £5 or $5", "日本の電話"):
        assert checked_name(name) == name
    assert checked_name("  two   spaces ") == "two spaces"


@pytest.mark.parametrize(
    "network",
    [
        TrustedNetwork(""),
        TrustedNetwork("x" * 33),
        TrustedNetwork("ü" * 17),
        TrustedNetwork("Office", "http://inside.example.org/"),
        TrustedNetwork("Office", "https://user@inside.example.org/"),
        TrustedNetwork("Office", "https://inside.example.org:99999/"),
        TrustedNetwork("Office", "https://inside.example.org/$SERIALNUMBER"),
        TrustedNetwork("Office", "https://inside.example.org/ x"),
        TrustedNetwork("Office", "inside"),
    ],
)
def test_a_trusted_network_that_cant_be_is_refused(network):
    with pytest.raises(PhoneFileRefused):
        place("Bright Path", "dns.example.org", trusted=(network,))


def test_there_is_an_end_to_addresses_and_networks():
    with pytest.raises(PhoneFileRefused, match="8 addresses"):
        place("Bright Path", "dns.example.org", tuple(f"192.0.2.{n}" for n in range(1, 10)))
    with pytest.raises(PhoneFileRefused, match="20 trusted"):
        place("Bright Path", "dns.example.org", trusted=tuple(TrustedNetwork(f"n{n}") for n in range(21)))


def test_every_vector_of_an_id_is_known_by_its_hash_and_asks_where_it_says(vectors):
    at = place("Bright Path", "dns.example.org")
    rows = [one for one in vectors("gateway") if "id" in one]
    assert len(rows) == 3
    for vector in rows:
        assert hash_of(vector["id"]).hex() == phones._hash(vector["id"]).hex() == vector["sha256"]
        assert https_address(at, vector["id"]) == vector["https"]
        assert tls_name(at, vector["id"]) == vector["tls"]
