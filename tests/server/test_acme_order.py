"""A real authority gives a certificate for our name and our key, and each way in which it does not has its sentence."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from server import acme_order, certificates
from server.acme_settings import AcmeSettings
from server.children import free_port
from server.errors import NotIssued
from tests.server import pebble as authority

NOW = datetime.now(UTC)
NAME = "fairwatch.example.org"
needs_pebble = pytest.mark.skipif(bool(authority.WHY_NOT), reason=authority.WHY_NOT or "it is there")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with authority.pebble(tmp_path_factory.mktemp("pebble")) as found:
        yield found


@pytest.fixture
def folder(tmp_path):
    """A data folder with the collector's own certificate."""
    (tmp_path / "keys").mkdir()
    certificates.make(tmp_path / "keys/tls.key", tmp_path / "keys/tls.crt", [NAME], NOW)
    return tmp_path


def obtain(chosen, folder, name=NAME, **more):
    return acme_order.obtain(chosen, folder, name, (folder / "keys/tls.key").read_bytes(), **more)


@pytest.mark.more
@needs_pebble
def test_it_gives_a_certificate_for_our_name_and_our_key_with_its_issuers_and_knows_us_again(running, folder):
    first = obtain(running.settings, folder)
    account = (folder / acme_order.ACCOUNT_KEY).read_bytes()
    assert (folder / acme_order.ACCOUNT_KEY).stat().st_mode & 0o777 == 0o600 or os.name != "posix"
    assert certificates.faults_in(first, (folder / "keys/tls.key").read_bytes(), NAME, datetime.now(UTC)) == []
    assert certificates.pin_of(first) == certificates.pin(folder / "keys/tls.crt"), "devices insist on the key"
    assert first.count(b"BEGIN CERTIFICATE") == 2
    again = obtain(running.settings, folder)
    assert again != first
    assert (folder / acme_order.ACCOUNT_KEY).read_bytes() == account


DAMAGED = {
    "empty": b"",
    "cut short": certificates.account_key()[:100],
    "of a full disk's zeros": bytes(241),
    "no elliptic curve's": b"-----BEGIN RSA PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("left", DAMAGED.values(), ids=DAMAGED)
def test_an_account_s_key_that_is_damaged_is_put_aside_for_another(folder, left):
    (folder / acme_order.ACCOUNT_KEY).write_bytes(left)
    with pytest.raises(NotIssued, match="can't be reached"):
        obtain(AcmeSettings("it@example.org", True, f"https://127.0.0.1:{free_port()}/dir"), folder)
    fresh = (folder / acme_order.ACCOUNT_KEY).read_bytes()
    assert fresh.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert (folder / "keys/acme.key.unusable").read_bytes() == left
    with pytest.raises(NotIssued, match="can't be reached"):
        obtain(AcmeSettings("it@example.org", True, f"https://127.0.0.1:{free_port()}/dir"), folder)
    assert (folder / acme_order.ACCOUNT_KEY).read_bytes() == fresh, "a good one stays"


@pytest.mark.more
@needs_pebble
def test_an_authority_takes_the_other_account_and_gives_a_certificate(running, folder):
    (folder / acme_order.ACCOUNT_KEY).touch()
    assert obtain(running.settings, folder).count(b"BEGIN CERTIFICATE") == 2


@pytest.mark.more
@needs_pebble
def test_a_name_that_does_not_lead_to_us_gets_none(running, folder):
    with pytest.raises(NotIssued, match="could not reach this collector") as refused:
        obtain(running.asking_at(free_port()), folder)
    assert refused.value.why == "challenge"


@pytest.mark.more
@needs_pebble
def test_a_port_that_is_taken_and_a_name_that_it_refuses_are_said(running, folder):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(NotIssued, match="in use") as refused:
        obtain(running.asking_at(taken.getsockname()[1]), folder)
    assert refused.value.why == "port"
    with pytest.raises(NotIssued) as refused:
        obtain(running.settings, folder, "not_a_name")
    assert refused.value.why == "refused"
    assert "\n" not in str(refused.value)


@pytest.mark.more
@needs_pebble
def test_who_is_not_vouched_for_is_not_spoken_to(running, folder):
    with pytest.raises(NotIssued) as refused:
        obtain(replace(running.settings, authority=""), folder)
    assert (refused.value.why, refused.value.told) == ("unreachable", "SSLError")


@pytest.mark.more
@needs_pebble
def test_it_ends_early_when_the_collector_is_told_to_end(running, folder):
    with pytest.raises(NotIssued) as refused:
        obtain(running.settings, folder, "another.example.org", stopping=lambda: True)
    assert refused.value.why == "ended"


def test_an_authority_that_is_not_there_can_t_be_reached(folder):
    chosen = AcmeSettings("it@example.org", True, f"https://127.0.0.1:{free_port()}/dir")
    with pytest.raises(NotIssued, match="can't be reached") as refused:
        obtain(chosen, folder)
    assert refused.value.retry_can_help


def test_what_an_authority_says_is_cut_short_and_on_one_line():
    fault = acme_order.fail("refused", "one\ntwo\r" + "x" * 1000)
    assert str(fault).startswith("the authority refused: one two x")
    assert len(fault.told) == acme_order.TOLD_MAX


def test_each_cause_has_a_sentence():
    assert all(one[0].islower() and not one.endswith(".") for one in acme_order.WHY.values())
