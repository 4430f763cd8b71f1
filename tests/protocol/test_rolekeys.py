"""Signing keys are kept encrypted and told apart from what is not one."""

from __future__ import annotations

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from protocol.errors import UnlockError
from protocol.publication import key_name, raw_key
from protocol.rolekeys import (
    OnlineKeys,
    decode_online_keys,
    decode_public_key,
    from_pem,
    new_key,
    public_half,
    to_pem,
)


def test_a_signing_key_opens_with_its_passphrase_however_it_is_typed():
    key = new_key()
    pem = to_pem(key, "quiet lamp river")
    assert b"ENCRYPTED" in pem
    assert public_half(from_pem(pem, "  Quiet  LAMP river\n"), "") == public_half(key, "")
    for wrong in ("quiet lamp rivers", "", None):
        with pytest.raises(UnlockError):
            from_pem(pem, wrong)


def test_an_online_key_needs_no_passphrase():
    key = new_key()
    assert public_half(from_pem(to_pem(key, None), None), "") == public_half(key, "")


def test_another_kind_of_key_or_none_is_refused():
    other = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for data in (other, b"", b"-----BEGIN PRIVATE KEY-----\n"):
        with pytest.raises(UnlockError):
            from_pem(data, None)


def test_a_public_key_says_whose_it_is_and_nothing_private():
    key = new_key()
    public = public_half(key, "Alex, lead")
    named = public.key()
    assert (key_name(named), raw_key(named)) == ("Alex, lead", key.public_key().public_bytes_raw())
    assert decode_public_key(msgspec.json.encode(public)) == public
    both = OnlineKeys(public, public)
    assert decode_online_keys(msgspec.json.encode(both)) == both


@pytest.mark.parametrize("data", [b"", b"{}", b'{"name":"x","ed25519":"zz"}', b'{"name":"x","ed25519":"00","more":1}'])
def test_what_is_no_public_key_is_refused(data):
    with pytest.raises(UnlockError, match="no file of public keys"):
        decode_public_key(data)
