"""Make the collector's own TLS certificate, say the fingerprint of its key that devices pin, and sign profiles."""

from __future__ import annotations

import datetime
import errno
import hashlib
import ipaddress
import os
import ssl
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
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

from server.files import is_empty, save, write_secret

_Name = tuple[tuple[tuple[str, str], ...], ...]
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
    if key_file.exists() and not is_empty(key_file):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(key_file))
    save(certificate_file, certificate.public_bytes(Encoding.PEM))
    # Last: where it was ended between the two, the next one replaces the certificate, and never a key.
    write_secret(key_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def account_key() -> bytes:
    """Return a new P-256 key (PEM), by which an authority knows us again; it is no certificate's key."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def request(key: bytes, name: str) -> bytes:
    """Return a request (PEM, RFC 2986) for a certificate of this key for this host name or address."""
    private = load_pem_private_key(key, password=None)
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("authorities take RSA and elliptic-curve keys")  # noqa: TRY004 - of a file, not a type
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    names = x509.SubjectAlternativeName([_alternative(name)])
    return builder.add_extension(names, critical=False).sign(private, hashes.SHA256()).public_bytes(Encoding.PEM)


def renew_from(certificate_file: Path) -> datetime.datetime:
    """Return when a certificate is to be renewed: with a third of its life left, however long authorities make it."""
    one = _read(certificate_file)
    return one.not_valid_after_utc - (one.not_valid_after_utc - one.not_valid_before_utc) / 3


def pin(certificate_file: Path) -> str:
    """Return the SHA-256 (hex) of the certificate's public key: what an enrolment token tells a device to expect."""
    return pin_of(certificate_file.read_bytes())


def pin_of(certificate: bytes) -> str:
    """Return the same of a certificate that was read already (PEM)."""
    public = x509.load_pem_x509_certificate(certificate).public_key()
    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def expires(certificate_file: Path) -> datetime.datetime:
    """Return when the certificate ends (aware UTC)."""
    return _read(certificate_file).not_valid_after_utc


def is_own(certificate_file: Path) -> bool:
    """Whether nobody but its own key vouches for a certificate, so that browsers warn of it."""
    certificate = _read(certificate_file)
    return certificate.issuer == certificate.subject


def faults(certificate_file: Path, key_file: Path, name: str, now: datetime.datetime) -> list[str]:
    """Return what is wrong with a certificate for this host name or address, a sentence each; nothing when it is right.

    A wildcard stands for one label (RFC 9525, 6.3). That an authority is trusted is for browsers to say. Raises OSError
    and ValueError for files that can't be read.
    """
    return faults_in(certificate_file.read_bytes(), key_file.read_bytes(), name, now)


def faults_in(certificate: bytes, key: bytes, name: str, now: datetime.datetime) -> list[str]:
    """Return the same of a certificate and a key that were read already (PEM); raises ValueError, TypeError."""
    own, *above = x509.load_pem_x509_certificates(certificate)
    found = []
    if own.public_key() != load_pem_private_key(key, password=None).public_key():
        found.append("the key is not the key of this certificate: put the two there that belong together")
    if not _is_for(own, name):
        found.append(f"it is not for {name}: order one for that name")
    if own.not_valid_before_utc > now:
        found.append(f"it is valid only from {own.not_valid_before_utc:%Y-%m-%d}: look at this machine's clock")
    if own.not_valid_after_utc <= now:
        found.append("it is over: renew it with the same key")
    chain = [own, *above]
    if any(not _issued(lower, upper) for lower, upper in pairwise(chain)):
        found.append("its chain is out of order: our own comes first, then each one's issuer")
    return found


def comes_alone(certificate: bytes) -> bool:
    """Whether a certificate (PEM) comes without its issuer, and this machine knows none of that name either.

    Then browsers that know the issuer's own issuer refuse it: the usual slip is `cert.pem` in place of `fullchain.pem`.
    """
    chain = x509.load_pem_x509_certificates(certificate)
    if len(chain) > 1 or chain[0].issuer == chain[0].subject:
        return False
    # By the names' texts, as OpenSSL gives them: some authorities that systems ship can't be parsed strictly.
    issuer = {str(one.value) for one in chain[0].issuer}
    known = [cast("_Name", one["subject"]) for one in ssl.create_default_context().get_ca_certs()]
    return all({text for part in name for _, text in part} != issuer for name in known)


def _is_for(certificate: x509.Certificate, name: str) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    wanted = _alternative(name)
    if isinstance(wanted, x509.IPAddress):
        return wanted.value in names.get_values_for_type(x509.IPAddress)
    own = {one.lower() for one in names.get_values_for_type(x509.DNSName)}
    host = name.lower()
    return host in own or f"*.{host.partition('.')[2]}" in own


def _issued(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    try:
        lower.verify_directly_issued_by(upper)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


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
