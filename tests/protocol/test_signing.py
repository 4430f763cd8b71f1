"""Signatures of requests and alerts hold for exactly what was signed."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import signing
from protocol.errors import Refused
from protocol.signing import claimed_key_id, sign_request, verify_alert, verify_request

KEY = Ed25519PrivateKey.generate()
NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
URL = "https://collector.example/v1/records"


def test_every_request_vector_verifies_or_names_its_refusal(vectors):
    for vector in vectors("requests"):

        def check(vector=vector):
            verify_request(
                vector["method"],
                vector["url"],
                vector["headers"],
                b64decode(vector["body"]),
                key=Ed25519PublicKey.from_public_bytes(b64decode(vector["public_key"])),
                key_id=claimed_key_id(vector["headers"]),
                now=datetime.fromisoformat(vector["now"]),
            )

        if vector["refusal"] is None:
            check()
        else:
            with pytest.raises(Refused) as refused:
                check()
            assert refused.value.code.value == vector["refusal"], vector["name"]


def test_every_alert_vector_verifies_or_names_its_refusal(vectors):
    for vector in vectors("alerts"):
        parts = [b64decode(vector[part]) for part in ("public_key", "signature", "header", "heading", "evidence")]
        if vector["refusal"] is None:
            verify_alert(*parts)
        else:
            with pytest.raises(Refused) as refused:
                verify_alert(*parts)
            assert refused.value.code.value == vector["refusal"], vector["name"]


def test_a_wrong_clock_is_told_only_to_who_holds_the_key():
    headers = sign_request("POST", URL, b"{}", key=Ed25519PrivateKey.generate(), key_id="x", at=NOW.replace(year=2020))
    with pytest.raises(Refused, match="bad_signature"):
        verify_request("POST", URL, headers, b"{}", key=KEY.public_key(), key_id="x", now=NOW)


@given(name=st.sampled_from(["Signature", "Signature-Input", "Content-Digest"]), value=st.text(max_size=200))
def test_a_header_of_anything_is_refused_and_never_breaks_the_verifier(name, value):
    headers = sign_request("POST", URL, b"{}", key=KEY, key_id="x", at=NOW) | {name: value}
    with pytest.raises(Refused):
        verify_request("POST", URL, headers, b"{}", key=KEY.public_key(), key_id=claimed_key_id(headers), now=NOW)


@st.composite
def mutated(draw):
    """A good request with up to two places changed by a few characters, as a stranger in between might."""
    parts = {"method": "POST", "url": URL, "body": "{}"} | sign_request("POST", URL, b"{}", key=KEY, key_id="x", at=NOW)
    for _ in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from(sorted(parts)))
        at = draw(st.integers(0, len(parts[name])))
        cut = draw(st.integers(0, 3))
        new = draw(
            st.sampled_from(["", " ", "a", "A", "=", ";", ":", '"', "0", ":443", ":80", "/", "%2F", "?a=1", ", "])
        )
        parts[name] = parts[name][:at] + new + parts[name][at + cut :]
    return parts


@given(parts=mutated())
@settings(max_examples=400)
def test_the_short_way_of_checking_a_signature_never_says_otherwise_than_the_library(parts):
    headers = {name: value for name, value in parts.items() if name[0].isupper()}
    given_, body = (parts["method"], parts["url"], headers), parts["body"].encode()
    verdicts = []
    for short in (signing._verify_usual, lambda *_: None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(signing, "_verify_usual", short)
            try:
                verify_request(*given_, body, key=KEY.public_key(), key_id="x", now=NOW)
                verdicts.append("good")
            except Refused as refused:
                verdicts.append(refused.code.value)
    assert verdicts[0] == verdicts[1]


def test_our_own_form_takes_the_short_way_and_another_form_the_library():
    headers = sign_request("POST", URL, b"{}", key=KEY, key_id="x", at=NOW)
    assert signing._verify_usual("POST", URL, headers, b"{}", KEY.public_key()) is not None
    spaced = headers | {"Signature-Input": headers["Signature-Input"].replace(";created", "; created")}
    assert signing._verify_usual("POST", URL, spaced, b"{}", KEY.public_key()) is None
