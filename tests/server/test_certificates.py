"""The collector's own certificate: for its names, with a key only it may read, and a fingerprint that stays."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509

from server import certificates

NOW = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)


@pytest.fixture
def made(tmp_path):
    """A key and a certificate for two names and an address."""
    key, certificate = tmp_path / "tls.key", tmp_path / "tls.crt"
    certificates.make(key, certificate, ["fairwatch.example.org", "127.0.0.1", "[::1]"], NOW)
    return key, certificate


def test_it_is_for_the_names_it_was_made_for(made):
    names = x509.load_pem_x509_certificate(made[1].read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == ["fairwatch.example.org"]
    assert [str(one) for one in names.value.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_the_key_is_for_its_owner_alone_and_never_replaced(made):
    assert made[0].stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        certificates.make(*made, ["localhost"], NOW)


def test_the_fingerprint_is_64_hex_digits_and_stays(made):
    pin = certificates.pin(made[1])
    assert len(bytes.fromhex(pin)) == 32
    assert certificates.pin(made[1]) == pin


def test_it_says_when_it_ends(made):
    assert certificates.expires(made[1]) == NOW + certificates.VALID_FOR
