"""Envelopes open for their recipients, in their own place, and nowhere else."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from pathlib import Path
from uuid import UUID, uuid4

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import OpenError, SealError
from protocol.sealing import KEY_BYTES, Place, key_id, layout, open_envelope, public_of, seal

PLACE = Place(purpose="evidence", subject=uuid4(), record=uuid4(), header=b"{}")


def key() -> bytes:
    return os.urandom(KEY_BYTES)


def test_every_vector_opens_or_names_its_refusal(vectors):
    for vector in vectors("envelopes"):
        place = Place(
            purpose=vector["purpose"],
            subject=UUID(vector["subject"]),
            record=UUID(vector["record"]),
            header=b64decode(vector["header"]),
        )
        envelope, private = b64decode(vector["envelope"]), b64decode(vector["private_key"])
        if vector["refusal"] is None:
            assert open_envelope(envelope, private, place) == b64decode(vector["text"]), vector["name"]
        else:
            with pytest.raises(OpenError) as refused:
                open_envelope(envelope, private, place)
            assert vector["refusal"] in str(refused.value), vector["name"]


def test_the_suite_gives_what_the_published_rfc_9180_vectors_say():
    published = json.loads((Path(cryptography_vectors.__file__).parent / "HPKE" / "test-vectors.json").read_text())
    ours = [v for v in published if (v["mode"], v["kem_id"], v["kdf_id"], v["aead_id"]) == (0, 0x20, 1, 2)]
    assert ours
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    for vector in ours:
        # The library seals without associated data, the published texts have some: so the published key and nonce
        # are used to seal the published text without it, and the library must derive the same key to open that.
        sealer, nonce = AESGCM(bytes.fromhex(vector["key"])), bytes.fromhex(vector["base_nonce"])
        first = vector["encryptions"][0]
        text = bytes.fromhex(first["pt"])
        assert sealer.encrypt(nonce, text, bytes.fromhex(first["aad"])).hex() == first["ct"]
        private = X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["skRm"]))
        ciphertext = bytes.fromhex(vector["enc"]) + sealer.encrypt(nonce, text, b"")
        assert suite.decrypt(ciphertext, private, bytes.fromhex(vector["info"])) == text


@given(text=st.binary(max_size=16380), others=st.integers(0, 3))
def test_whatever_is_sealed_opens_for_each_recipient_and_tells_only_one_of_two_sizes(text, others):
    keys = [key() for _ in range(others + 1)]
    envelope = seal(text, [public_of(k) for k in keys], PLACE)
    assert layout(envelope).padded_bytes in (4096, 16384)
    assert layout(envelope).key_ids == tuple(key_id(public_of(k)) for k in keys)
    assert all(open_envelope(envelope, k, PLACE) == text for k in keys)


def test_a_key_has_two_halves_and_its_id_covers_both():
    private = bytes(range(64))
    public = public_of(private)
    assert len(public) == 64
    for at in (0, 31, 32, 63):
        other = public[:at] + bytes([public[at] ^ 1]) + public[at + 1 :]
        assert key_id(other) != key_id(public)
    with pytest.raises(OpenError, match="64 bytes, not 32"):
        public_of(private[:32])
    with pytest.raises(SealError, match="not a usable key"):
        seal(b"", [public[:32]], PLACE)


@given(noise=st.binary(max_size=6000))
def test_noise_is_refused_and_never_breaks_the_opener(noise):
    with pytest.raises(OpenError):
        open_envelope(b"\x01" + noise, bytes(range(64)), PLACE)


def test_a_text_too_long_nobody_to_seal_to_and_a_key_that_is_none_are_refused():
    with pytest.raises(SealError, match="at most 16380 bytes"):
        seal(bytes(16381), [public_of(key())], PLACE)
    with pytest.raises(SealError, match="1 to 32 recipients"):
        seal(b"", [], PLACE)
    with pytest.raises(SealError, match="1 to 32 recipients"):
        seal(b"", [public_of(key())] * 33, PLACE)
    with pytest.raises(SealError, match="not a usable key"):
        seal(b"", [b"short"], PLACE)
    with pytest.raises(SealError, match="not a usable key"):
        seal(b"", [bytes(64)], PLACE)
