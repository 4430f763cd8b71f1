"""Packs the extension for Chromium's relatives (CRX3) and for Firefox (XPI); the same input gives the same bytes.

CRX3: a header with the packer's RSA key and its signature over the archive, in Protocol Buffers' encoding, and a ZIP
archive. Source: Chromium, `components/crx_file/crx3.proto` and `crx_creator.cc`.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from base64 import b64encode
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

WEB: Final = Path(__file__).parents[2] / "agent/extension/web"
KEY_BITS: Final = 2048
_MAGIC: Final = b"Cr24"
_VERSION: Final = 3
_SIGNED: Final = b"CRX3 SignedData\0"
_ID_BYTES: Final = 16
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_ONLY_FIREFOX: Final = "browser_specific_settings"


def manifest() -> dict[str, Any]:
    """The extension's own manifest, as it lies in the sources, for both families of browsers."""
    found: dict[str, Any] = json.loads((WEB / "manifest.json").read_bytes())
    return found


def make_key() -> bytes:
    """A new key to pack with, as PEM. Who keeps it keeps the extension's id."""
    made = rsa.generate_private_key(65537, KEY_BITS)
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def crx(key_pem: bytes) -> bytes:
    """The extension for Chromium's relatives, signed with this RSA key; raises ValueError for any other key."""
    key = _key(key_pem)
    said = {name: value for name, value in manifest().items() if name != _ONLY_FIREFOX}
    said["key"] = b64encode(_public(key)).decode()
    said["background"] = {"service_worker": said["background"]["service_worker"]}
    archive = _archive(said)
    signed_header = _field(1, hashlib.sha256(_public(key)).digest()[:_ID_BYTES])
    what = _SIGNED + struct.pack("<I", len(signed_header)) + signed_header + archive
    signature = key.sign(what, padding.PKCS1v15(), hashes.SHA256())
    header = _field(2, _field(1, _public(key)) + _field(2, signature)) + _field(10000, signed_header)
    return _MAGIC + struct.pack("<II", _VERSION, len(header)) + header + archive


def xpi() -> bytes:
    """The extension for Firefox, not yet signed by Mozilla."""
    said = {name: value for name, value in manifest().items() if name not in ("key", "minimum_chrome_version")}
    said["background"] = {"scripts": said["background"]["scripts"]}
    return _archive(said)


def extension_id(key_pem: bytes) -> str:
    """The id that Chromium's relatives give to what is packed with this key: sixteen bytes of its hash, from a to p."""
    digest = hashlib.sha256(_public(_key(key_pem))).hexdigest()[: 2 * _ID_BYTES]
    return "".join(chr(ord("a") + int(digit, 16)) for digit in digest)


def firefox_id() -> str:
    """The id that the extension gives itself for Firefox."""
    return str(manifest()[_ONLY_FIREFOX]["gecko"]["id"])


def _key(pem: bytes) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(pem, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("An extension is packed with an RSA key.")  # noqa: TRY004 - of the file, not of a type
    return key


def _public(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _archive(said: dict[str, Any]) -> bytes:
    files = {path.name: path.read_bytes() for path in WEB.iterdir() if path.is_file()}
    files["manifest.json"] = (json.dumps(said, indent=2) + "\n").encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, body)
    return made.getvalue()


def _field(number: int, body: bytes) -> bytes:
    """A field of bytes as Protocol Buffers write it: key, length, bytes."""
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
