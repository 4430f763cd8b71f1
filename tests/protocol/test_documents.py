"""What leads write opens only with its author's signature, in its own case, and for those it is sealed to."""

from __future__ import annotations

import os
from base64 import b64decode
from uuid import UUID, uuid4

import pytest
from msgspec import structs

from protocol.documents import SealedDocument, check_signed, open_signed, seal_signed
from protocol.errors import OpenError, Refused
from protocol.messages import decode, encode
from protocol.sealing import KEY_BYTES, key_id, public_of


def document_of(vector) -> SealedDocument:
    parts = {name: b64decode(vector[name]) for name in ("envelope", "signer", "signature")}
    return SealedDocument(UUID(vector["id"]), **parts)


def test_every_vector_opens_or_names_its_refusal(vectors):
    for vector in vectors("documents"):
        given = (vector["purpose"], document_of(vector), UUID(vector["subject"]))
        by = (b64decode(vector["private_key"]), vector["signers"])
        if vector["refusal"] is None:
            assert open_signed(*given, *by) == b64decode(vector["text"]), vector["name"]
        else:
            with pytest.raises((OpenError, Refused)) as refused:
                open_signed(*given, *by)
            assert vector["refusal"] in str(refused.value), vector["name"]


def test_whoever_may_read_reads_and_the_signature_is_checked_without_opening():
    author, reader, subject = os.urandom(KEY_BYTES), os.urandom(KEY_BYTES), uuid4()
    both = [public_of(author), public_of(reader)]
    made = seal_signed("concern", b"text", both, subject, uuid4(), author)
    signers = {key_id(one) for one in both}
    assert open_signed("concern", made, subject, reader, signers) == b"text"
    check_signed("concern", made, subject, {key_id(made.signer)})
    with pytest.raises(Refused, match="has no say here"):
        check_signed("concern", made, subject, {key_id(both[1])})


def test_a_document_travels_as_json_and_odd_ones_are_refused():
    author = os.urandom(KEY_BYTES)
    made = seal_signed("note", b"", [public_of(author)], uuid4(), uuid4(), author)
    assert decode(encode(made), SealedDocument) == made
    for change in ({"signer": made.signer[:32]}, {"signature": made.signature + b"0"}, {"id": "no id"}):
        with pytest.raises(Refused):
            decode(encode(structs.replace(made, **change)), SealedDocument)
