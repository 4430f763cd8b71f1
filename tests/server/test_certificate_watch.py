"""Another certificate is taken up once, and one that does not load never ends what is served."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from server.certificate_watch import CertificateWatch
from tests.server.issuing import Authority


@pytest.fixture
def served(tmp_path):
    """A folder with a certificate, a way to put in another one, and how often one was taken up."""
    authority, taken = Authority(tmp_path / "authority"), []
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"

    def put(issued, *, with_key=True):
        if with_key:
            key.write_bytes(issued.key.read_bytes())
        fresh = tmp_path / "fresh"
        fresh.write_bytes(issued.certificate.read_bytes())
        fresh.replace(certificate)

    put(authority.issue())
    return authority, put, CertificateWatch(certificate, key, lambda: taken.append(1)), taken


def test_what_is_the_same_is_not_taken_up_again(served):
    _, _, watch, taken = served
    assert not watch.look()
    assert taken == []


def test_another_one_is_taken_up_once(served):
    authority, put, watch, taken = served
    put(authority.issue())
    assert watch.look()
    assert not watch.look()
    assert taken == [1]


def test_one_without_its_key_waits_until_the_key_is_there(served):
    authority, put, watch, taken = served
    issued = authority.issue()
    put(issued, with_key=False)
    assert not watch.look()
    assert taken == []
    put(issued)
    assert watch.look()


def test_a_key_with_a_passphrase_asks_nobody_and_waits(served, tmp_path):
    authority, put, watch, taken = served
    issued = authority.issue()
    right = issued.key.read_bytes()
    key = load_pem_private_key(right, None)
    issued.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    put(issued)
    assert not watch.look()
    issued.key.write_bytes(right)
    put(issued)
    assert watch.look()
    assert taken == [1]


def test_it_ends_when_told(served):
    watch = served[2]
    watch.start()
    watch.stop()
