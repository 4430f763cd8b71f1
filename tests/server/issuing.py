"""A certificate authority for tests: a root, an issuer under it, and certificates for any name, from any day on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Issued:
    """A certificate with its issuers, and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """Issues into a folder."""

    def __init__(self, folder: Path) -> None:
        """Make the root and the issuer."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._count = folder, 0
        self._root_key, self._issuer_key = new_key(), new_key()
        self.root = self._sign("root", self._root_key, "root", self._root_key)
        self.issuer = self._sign("issuer", self._issuer_key, "root", self._root_key)

    def issue(self, name="localhost", *, days=90, begins=NOW, key=None, order="right"):
        """Return a certificate for a name; `order` is right, `alone`, or `wrong`."""
        key = key or new_key()
        own = self._sign("ours", key, "issuer", self._issuer_key, name=name, begins=begins, days=days)
        chain = {"right": [own, self.issuer], "alone": [own], "wrong": [own, self.root]}[order]
        self._count += 1
        made = Issued(self._folder / f"{self._count}.crt", self._folder / f"{self._count}.key")
        made.certificate.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in chain))
        made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return made

    def write_root(self):
        """Return the root's certificate as a file."""
        path = self._folder / "root.crt"
        path.write_bytes(self.root.public_bytes(Encoding.PEM))
        return path

    def _sign(self, subject, key, issuer, issuer_key, *, name=None, begins=NOW, days=900):
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(subject))
            .issuer_name(_named(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins - timedelta(hours=1))
            .not_valid_after(begins + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=name is None, path_length=None), critical=True)
        )
        if name is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        return builder.sign(issuer_key, hashes.SHA256())


def new_key():
    """Return a P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def _named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
