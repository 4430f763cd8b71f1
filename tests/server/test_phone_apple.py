"""Apple's files: what a phone installs is signed and says what was asked, and holds nothing that Apple doesn't know."""

from __future__ import annotations

import datetime
import json
import plistlib
import subprocess
from uuid import UUID

import pytest

from server import certificates
from server.errors import PhoneFileRefused
from server.phone_apple import declaration, fleet_profile, profile
from server.phone_place import TrustedNetwork, one_phone, place

IDENT = "abcdefghijklmnopqrstuvwx23"
DEVICE = UUID("7d6e3c7a-3b53-4c5e-9d4e-3f9a1c2b4d5e")
NOW = datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC)
AT = place("Bright Path <&> Söhne", "dns.example.org", ("192.0.2.1",))
PHONE = one_phone(DEVICE, "Phone 7", "ios", IDENT)
SUPERVISED = one_phone(DEVICE, "Phone 7", "ios", IDENT, supervised=True)
URL = f"https://dns.example.org/d/{IDENT}/dns-query"


def _dns(body: bytes) -> dict:
    return plistlib.loads(body)["PayloadContent"][0]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A key and its certificate."""
    folder = tmp_path_factory.mktemp("signing")
    certificates.make(folder / "key", folder / "crt", ["fairwatch.example.org"], NOW)
    return folder / "key", folder / "crt"


def test_a_profile_sets_encrypted_names_by_the_phones_own_address():
    found = _dns(profile(AT, PHONE))
    assert found["PayloadType"] == "com.apple.dnsSettings.managed"
    assert found["DNSSettings"] == {
        "DNSProtocol": "HTTPS",
        "ServerURL": URL,
        "AllowFailover": True,
        "ServerAddresses": ["192.0.2.1"],
    }
    assert "OnDemandRules" not in found
    assert plistlib.loads(profile(AT, PHONE))["PayloadOrganization"] == "Bright Path <&> Söhne"


def test_only_a_supervised_phone_forbids_to_turn_it_off():
    assert "ProhibitDisablement" not in _dns(profile(AT, PHONE))
    assert _dns(profile(AT, SUPERVISED))["ProhibitDisablement"] is True
    assert "ProhibitDisablement" not in _dns(profile(AT, SUPERVISED))["DNSSettings"]


def test_it_steps_aside_on_trusted_networks_and_nowhere_else():
    trusted = (TrustedNetwork("Office", "https://inside.example.org/here"), TrustedNetwork("Depot"))
    rules = _dns(profile(place("Bright Path", "dns.example.org", trusted=trusted), PHONE))["OnDemandRules"]
    assert rules == [
        {
            "Action": "Disconnect",
            "InterfaceTypeMatch": "WiFi",
            "SSIDMatch": ["Office"],
            "URLStringProbe": "https://inside.example.org/here",
        },
        {"Action": "Disconnect", "InterfaceTypeMatch": "WiFi", "SSIDMatch": ["Depot"]},
        {"Action": "Connect"},
    ]


def test_a_new_profile_replaces_the_old_and_says_that_it_is_another():
    before = plistlib.loads(profile(AT, PHONE))
    after = plistlib.loads(profile(AT, SUPERVISED))
    assert before["PayloadIdentifier"] == after["PayloadIdentifier"]
    assert before["PayloadUUID"] != after["PayloadUUID"]
    assert profile(AT, PHONE) == profile(AT, PHONE)
    assert IDENT not in before["PayloadIdentifier"]


def test_a_signed_profile_verifies_and_says_the_same(pair, tmp_path):
    signed = tmp_path / "signed"
    signed.write_bytes(certificates.sign_profile(profile(AT, PHONE), *pair))
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-in", signed, "-CAfile", pair[1], "-purpose", "any"]
    done = subprocess.run([*command, "-binary"], capture_output=True, timeout=30, check=True)
    assert done.stdout == profile(AT, PHONE)
    assert _dns(done.stdout)["DNSSettings"]["ServerURL"] == URL


def test_an_altered_profile_doesnt_verify(pair, tmp_path):
    altered = tmp_path / "altered"
    signed = certificates.sign_profile(profile(AT, PHONE), *pair)
    altered.write_bytes(signed.replace(b"dns.example.org", b"dns.example.net"))
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-in", altered, "-CAfile", pair[1], "-purpose", "any"]
    done = subprocess.run([*command, "-binary"], capture_output=True, timeout=30)
    assert done.returncode != 0


def test_another_certificates_key_signs_nothing(pair, tmp_path):
    certificates.make(tmp_path / "key", tmp_path / "crt", ["other.example.org"], NOW)
    with pytest.raises(ValueError, match="not the certificate's"):
        certificates.sign_profile(b"x", tmp_path / "key", pair[1])


def test_the_declaration_is_as_apples_schema_has_it():
    found = json.loads(declaration(AT, SUPERVISED))
    assert set(found) == {"Type", "Identifier", "ServerToken", "Payload"}
    assert found["Type"] == "com.apple.configuration.network.dns-settings"
    assert set(found["Payload"]) == {"VisibleName", "DNSSettings", "ProhibitDisablement"}
    assert found["Payload"]["DNSSettings"]["ServerURL"] == URL
    other = json.loads(declaration(AT, PHONE))
    assert other["Identifier"] == found["Identifier"]
    assert other["ServerToken"] != found["ServerToken"]


def test_a_fleets_profile_has_the_variable_where_the_id_stands():
    found = fleet_profile(AT, "$EXTENSIONATTRIBUTE_12", supervised=True)
    url = "https://dns.example.org/d/$EXTENSIONATTRIBUTE_12/dns-query"
    assert _dns(found)["DNSSettings"]["ServerURL"] == url
    assert found.count(b"$") == 1


@pytest.mark.parametrize("variable", ["$SERIALNUMBER", "$UDID", "{{deviceid}}", "$EXTENSIONATTRIBUTE_", "", "x"])
def test_a_variable_that_can_be_guessed_or_read_off_is_refused(variable):
    with pytest.raises(PhoneFileRefused, match="speak for it"):
        fleet_profile(AT, variable, supervised=True)
