"""Make the collector's own TLS certificate, say the fingerprint of its key that devices pin, and sign profiles."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs7,
)
from cryptography.x509.oid import NameOID

from server.files import write_secret

VALID_FOR = datetime.timedelta(days=3650)
"""Devices pin the key and not the date; a certificate from an authority replaces this one where browsers matter."""


def make(key_file: Path, certificate_file: Path, names: Sequence[str], now: datetime.datetime) -> None:
    """Write a P-256 key (0600, PKCS #8) and a self-signed certificate for these host names and addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Fairwatch collector")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([_alternative(one) for one in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    write_secret(key_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))


def pin(certificate_file: Path) -> str:
    """Return the SHA-256 (hex) of the certificate's public key: what an enrolment token tells a device to expect."""
    return hashlib.sha256(
        _read(certificate_file).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).hexdigest()


def expires(certificate_file: Path) -> datetime.datetime:
    """Return when the certificate ends (aware UTC)."""
    return _read(certificate_file).not_valid_after_utc


def sign_profile(body: bytes, key_file: Path, certificate_file: Path) -> bytes:
    """Return a configuration profile signed (PKCS #7, DER, its text inside), with every certificate of the chain.

    Phones show who signed, and that nobody altered it on the way: what is altered no longer installs. Raises ValueError
    where the key is of a kind that signs no profile, or isn't the certificate's.
    """
    key = load_pem_private_key(key_file.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("profiles are signed by an RSA or elliptic-curve key")  # noqa: TRY004 - of a file, not a type
    own, *above = x509.load_pem_x509_certificates(certificate_file.read_bytes())
    if own.public_key() != key.public_key():
        raise ValueError("the key is not the certificate's")
    builder = pkcs7.PKCS7SignatureBuilder().set_data(body).add_signer(own, key, hashes.SHA256())
    for one in above:
        builder = builder.add_certificate(one)
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])


def _read(certificate_file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate_file.read_bytes())


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return x509.DNSName(name)
