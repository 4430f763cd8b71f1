"""The collector's own certificate: for its names, with a key only it may read, and a fingerprint that stays."""

from __future__ import annotations

import datetime
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning

from server import certificates
from tests.server.issuing import Authority, new_key

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


def test_one_without_an_issuer_that_this_machine_knows_comes_alone(tmp_path):
    authority = Authority(tmp_path)
    assert not certificates.comes_alone(authority.issue().certificate.read_bytes())
    assert certificates.comes_alone(authority.issue(order="alone").certificate.read_bytes())
    known = ssl.create_default_context().get_ca_certs(binary_form=True)
    name = next(one.subject for one in map(_readable, known) if one is not None)
    key = new_key()
    begins = datetime.datetime.now(datetime.UTC)
    issued = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    assert not certificates.comes_alone(issued.public_bytes(Encoding.PEM)), "every machine knows its issuer"


def _readable(data):
    try:
        return x509.load_der_x509_certificate(data)
    except (ValueError, CryptographyDeprecationWarning):
        return None
