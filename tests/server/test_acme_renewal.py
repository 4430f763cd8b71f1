"""The certificate is renewed with a third of its life left, with the same key; IT is told of failures, in measure."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from server import acme_order, acme_renewal, audit, certificates, doctor_machine
from server.acme_settings import AcmeSettings
from server.children import free_port
from server.config import Config
from server.errors import NotIssued
from server.store.models import AuditEntry, OutboxMessage, Role
from tests.server import pebble as authority
from tests.server.issuing import Authority

NOW = datetime.now(UTC)
NAME = "fairwatch.example.org"
NOBODY = AcmeSettings("it@example.org", True, f"https://127.0.0.1:{free_port()}/dir")
"""An authority that is not there."""

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path, settings):
    """A data folder with the collector's own certificate, and a key."""
    settings.CONFIG = Config(url=f"https://{NAME}", acme=NOBODY)
    (tmp_path / "keys").mkdir()
    certificates.make(tmp_path / "keys/tls.key", tmp_path / "keys/tls.crt", [NAME], NOW)
    return tmp_path


def renew(chosen, folder, now=NOW):
    acme_renewal.renew(chosen, folder, threading.Event(), now)


def put(folder, issued):
    (folder / "keys/tls.crt").write_bytes(issued.certificate.read_bytes())
    (folder / "keys/tls.key").write_bytes(issued.key.read_bytes())


def failures():
    return AuditEntry.objects.filter(action=acme_renewal.FAILED).count()


def test_it_is_due_with_a_third_of_its_life_left_or_where_it_is_our_own_or_wrong(folder, organisation, tmp_path):
    issuer = Authority(tmp_path / "authority")
    assert acme_renewal.is_due(folder, NOW), "the collector's own"
    put(folder, issuer.issue(NAME, days=90))
    assert not acme_renewal.is_due(folder, NOW + timedelta(days=59))
    assert acme_renewal.is_due(folder, NOW + timedelta(days=61))
    put(folder, issuer.issue(NAME, days=6))
    assert not acme_renewal.is_due(folder, NOW + timedelta(days=3))
    put(folder, issuer.issue("other.example.org"))
    assert acme_renewal.is_due(folder, NOW)
    (folder / "keys/tls.crt").write_text("nothing")
    assert acme_renewal.is_due(folder, NOW)


def test_without_the_section_there_is_no_job():
    assert acme_renewal.timed_jobs(AcmeSettings(), None, threading.Event()) == ()
    assert [one.name for one in acme_renewal.timed_jobs(NOBODY, None, threading.Event())] == ["certificate"]


def test_a_failure_is_on_the_record_the_doctor_says_it_and_it_is_tried_again_later(folder, people, tmp_path):
    put(folder, Authority(tmp_path / "authority").issue(NAME, days=90))
    assert doctor_machine.tls(folder).ok
    due = NOW + timedelta(days=62)
    renew(NOBODY, folder, due)
    renew(NOBODY, folder, due + timedelta(hours=1))
    assert failures() == 1, "not each hour"
    assert "the authority can't be reached" in acme_renewal.last_failed()
    found = doctor_machine.tls(folder)
    assert not found.ok
    assert "`fairwatch-server certificate --acme` says more" in found.sentence
    renew(NOBODY, folder, due + timedelta(days=1))
    assert failures() == 2
    audit.write("command", "certificate_put_in", "pin:x", now=due)
    assert acme_renewal.last_failed() == ""
    assert doctor_machine.tls(folder).ok


def test_a_try_by_a_clock_that_was_ahead_keeps_none_waiting_once_it_is_put_right(folder, people, tmp_path):
    put(folder, Authority(tmp_path / "authority").issue(NAME, days=90))
    renew(NOBODY, folder, NOW + timedelta(days=365))
    due = NOW + timedelta(days=62)
    renew(NOBODY, folder, due)
    assert failures() == 2
    renew(NOBODY, folder, due + timedelta(hours=1))
    assert failures() == 2


def test_it_is_written_to_once_a_week_and_each_day_of_the_last(folder, people, tmp_path):
    put(folder, Authority(tmp_path / "authority").issue(NAME, days=90))
    monday = next(NOW + timedelta(days=61 + n) for n in range(7) if (NOW + timedelta(days=61 + n)).weekday() == 0)
    for day in range(7):
        renew(NOBODY, folder, monday + timedelta(days=day))
    assert failures() == 7
    (told,) = OutboxMessage.objects.filter(kind=OutboxMessage.Kind.PLAIN)
    assert told.user.role == Role.IT
    assert "can't be reached" in told.body
    assert "devices and browsers refuse the collector from then on" in told.body
    for day in (84, 85, 86):
        renew(NOBODY, folder, NOW + timedelta(days=day))
    assert OutboxMessage.objects.filter(kind=OutboxMessage.Kind.PLAIN).count() == 4


def test_a_fault_that_nobody_foresaw_is_told_as_well_and_not_tried_each_hour(folder, people, tmp_path):
    put(folder, Authority(tmp_path / "authority").issue(NAME, days=90))
    (folder / acme_order.ACCOUNT_KEY).mkdir()
    due = NOW + timedelta(days=62)
    renew(NOBODY, folder, due)
    renew(NOBODY, folder, due + timedelta(hours=1))
    assert failures() == 1
    assert acme_renewal.last_failed() == "the collector could not go through with it"
    (told,) = OutboxMessage.objects.filter(kind=OutboxMessage.Kind.PLAIN)
    assert "could not be renewed: the collector could not go through with it. It ends on" in told.body


def test_where_the_one_that_is_in_can_t_be_read_it_is_told_all_the_same(folder, people):
    (folder / "keys/tls.crt").write_text("nothing")
    renew(NOBODY, folder)
    (told,) = OutboxMessage.objects.filter(kind=OutboxMessage.Kind.PLAIN)
    assert "The one that is in can't be read" in told.body


def test_while_browsers_warn_of_our_own_it_is_tried_more_often(folder, people):
    renew(NOBODY, folder)
    renew(NOBODY, folder, NOW + timedelta(hours=4))
    assert failures() == 2
    (told,) = OutboxMessage.objects.filter(kind=OutboxMessage.Kind.PLAIN)
    assert "Browsers warn of the one that the collector made for itself" in told.body


def test_one_that_lives_for_days_is_no_reason_to_warn_while_it_renews_itself(folder, organisation, tmp_path, settings):
    put(folder, Authority(tmp_path / "authority").issue(NAME, days=6))
    assert doctor_machine.tls(folder).ok
    put(folder, Authority(tmp_path / "authority").issue(NAME, days=90, begins=NOW - timedelta(days=65)))
    assert doctor_machine.tls(folder).ok, "it will be renewed by itself"
    settings.CONFIG = replace(settings.CONFIG, acme=AcmeSettings())
    assert not doctor_machine.tls(folder).ok, "nobody renews it but IT"


@pytest.mark.more
@pytest.mark.skipif(bool(authority.WHY_NOT), reason=authority.WHY_NOT or "it is there")
def test_a_real_authority_renews_it_with_the_same_key(folder, organisation, tmp_path, monkeypatch):
    before = certificates.pin(folder / "keys/tls.crt")
    with authority.pebble(tmp_path) as running:
        renew(running.settings, folder)
        assert failures() == 0
        assert not certificates.is_own(folder / "keys/tls.crt")
        assert certificates.pin(folder / "keys/tls.crt") == before
        issued = (folder / "keys/tls.crt").read_bytes()
        later = datetime.now(UTC)
        renew(running.settings, folder, later)
        assert (folder / "keys/tls.crt").read_bytes() == issued, "nothing is due"
        assert doctor_machine.tls(folder).ok
        answering = acme_order.obtain

        def meanwhile(*given):
            issued = answering(*given)
            (folder / "keys/tls.key").write_bytes(b"a new key")
            return issued

        monkeypatch.setattr(acme_order, "obtain", meanwhile)
        with pytest.raises(NotIssued, match="another key was put in meanwhile"):
            acme_renewal.obtain(running.settings, folder, later)
    (line,) = AuditEntry.objects.filter(action="certificate_put_in")
    assert line.actor == "job:certificate"
