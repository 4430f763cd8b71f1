"""From a signed alert to the mail server: once, soon, whatever fails on the way, and no word of the case in a byte."""

from __future__ import annotations

import copy
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection

from server import delivery, escalation, notify, outbox
from server.delivery import Delivery
from server.notify_config import Contact
from server.outbox import Kind, Recipient
from server.store.models import Incident, IncidentRecipient, NotifyChannel, OutboxMessage, User

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
CANARY = "canary-host.example"


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def lead(people):
    return Recipient(people.lead.pk, "")


def test_a_signed_urgent_alert_leaves_within_five_seconds_and_once(database, people, device, lead_key, by_mail):
    senders = [Delivery(), Delivery()]  # as two collectors on one database
    for one in senders:
        one.start()
    try:
        device.send(device.alert(lead_key, name=CANARY, person="somebody.sealed", category="gambling"))
        sent = time.time()
        (mail,) = by_mail.wait_for(1)
        time.sleep(1.5)
    finally:
        for one in senders:
            one.stop()
    assert mail.at - sent < 5
    assert len(by_mail.taken) == 1
    assert mail.to == [people.lead.email]
    # Nothing of the case in any byte that was sent.
    for word in (CANARY, "somebody.sealed", "gambling", "staff", "laptop", "amira", device.id.hex, str(device.id)):
        assert word.encode() not in mail.raw.lower()


def test_two_collectors_with_a_flood_send_each_case_to_each_person_once(
    database, people, new_incident, lead_key, by_mail
):
    for _ in range(40):
        notify.incident_recorded(new_incident(lead_key), NOW)
    start = threading.Barrier(4)

    def collector():
        start.wait()
        delivery.deliver_due(NOW)
        connection.close()

    threads = [threading.Thread(target=collector) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    delivery.deliver_due(NOW)
    told = "".join(mail.subject + mail.body for mail in by_mail.taken)
    assert len(by_mail.taken) <= 4
    assert not outbox.waiting().exists()
    assert sum(int(mail.subject.split()[2]) if "cases" in mail.subject else 1 for mail in by_mail.taken) == 40
    assert told


def test_a_thousand_alerts_at_once_are_a_few_mails_and_none_is_lost(database, people, new_incident, lead_key, by_mail):
    usual = new_incident(lead_key)
    record = usual.records.get()
    cases = [copy.copy(usual) for _ in range(1000)]
    for number, one in enumerate(cases):
        one.pk, one.reference = uuid4(), f"FW-2026-A{number}"
    Incident.objects.bulk_create(cases)
    IncidentRecipient.objects.bulk_create(
        IncidentRecipient(incident=one, key_id=lead_key.key_id, record=record, **one.place()) for one in cases
    )
    for second in range(10):
        some = cases[second * 100 : second * 100 + 100]
        outbox.put(outbox.of_case(Kind.URGENT, one, people.lead, "0", at(second), at(second)) for one in some)
        delivery.deliver_due(at(second))
    delivery.deliver_due(at(90))
    assert len(by_mail.taken) == 6
    assert [mail.subject for mail in by_mail.taken][-1] == "Fairwatch: urgent, 500 cases"
    assert not outbox.waiting().exists()


def test_what_the_mail_server_did_not_take_goes_later_and_the_log_says_no_address(
    database, people, new_incident, lead_key, by_mail, caplog
):
    notify.incident_recorded(new_incident(lead_key), NOW)
    by_mail.answers = ["451 later", "drop"]
    delivery.deliver_due(NOW)
    assert OutboxMessage.objects.get().fault == "refused"
    assert by_mail.taken == []
    delivery.deliver_due(at(9))
    assert by_mail.taken == []
    # Taken, but the connection ended before the answer: it goes again under the same id.
    delivery.deliver_due(at(10))
    delivery.deliver_due(at(40))
    first, again = by_mail.taken
    assert first.message["Message-ID"] == again.message["Message-ID"]
    assert OutboxMessage.objects.get().sent_at == at(40)
    assert people.lead.email not in caplog.text


def test_a_slow_server_of_one_way_keeps_no_other_person_waiting(
    database, people, new_incident, lead_key, deputy_key, by_mail, hook
):
    hook.wait_seconds = 6
    url = f"json://127.0.0.1:{hook.port}/x"
    NotifyChannel.objects.create(user=people.lead, label="Slow", url=url, added_at=NOW)
    sender = Delivery()
    sender.start()
    try:
        notify.incident_recorded(new_incident(lead_key), datetime.now(UTC))
        by_mail.wait_for(1)
        begun = time.time()
        outbox.put([outbox.of_case(Kind.URGENT, new_incident(deputy_key), people.deputy, "0", NOW, NOW)])
        assert by_mail.wait_for(2)[1].at - begun < 5
    finally:
        sender.stop()


def test_each_way_takes_a_message_once_and_only_the_failing_one_is_tried_again(
    database, people, new_incident, lead_key, by_mail, hook
):
    url = f"json://127.0.0.1:{hook.port}/SECRET"
    channel = NotifyChannel.objects.create(user=people.lead, label="Chat", url=url, added_at=NOW)
    notify.incident_recorded(new_incident(lead_key), NOW)
    hook.status = 500
    delivery.deliver_due(NOW)
    channel.refresh_from_db()
    assert (channel.fault, channel.failing_since) == ("service", NOW)
    hook.status = 200
    delivery.deliver_due(at(10))
    channel.refresh_from_db()
    assert (channel.fault, channel.failing_since) == ("", None)
    subjects = [mail.subject.partition(" FW-")[0] for mail in by_mail.taken]
    assert subjects == ["Fairwatch: urgent", "Fairwatch: a way to reach you does not work"]
    assert len(hook.posted) == 2
    assert not outbox.waiting().exists()
    assert b"SECRET" not in b"".join(mail.raw for mail in by_mail.taken)


def test_a_channel_for_urgent_cases_gets_nothing_else(database, people, new_incident, lead_key, by_mail, hook):
    url = f"json://127.0.0.1:{hook.port}/x"
    NotifyChannel.objects.create(user=people.lead, label="Chat", url=url, added_at=NOW, urgent_only=True)
    notify.incident_recorded(new_incident(lead_key, urgent=False), NOW)
    delivery.deliver_due(at(600))
    assert (len(by_mail.taken), hook.posted) == (1, [])


def test_routine_cases_that_were_gathered_are_one_mail(database, people, new_incident, lead_key, by_mail):
    for minute in (0, 5, 9):
        notify.incident_recorded(new_incident(lead_key, urgent=False), at(60 * minute))
    delivery.deliver_due(at(599))
    assert by_mail.taken == []
    delivery.deliver_due(at(600))
    assert [mail.subject for mail in by_mail.taken] == ["Fairwatch: 3 cases"]


@pytest.mark.parametrize(
    "change", [lambda: User.objects.update(is_active=False), lambda: IncidentRecipient.objects.all().delete()]
)
def test_who_may_no_longer_know_of_a_case_is_told_nothing(database, people, new_incident, lead_key, by_mail, change):
    notify.incident_recorded(new_incident(lead_key), NOW)
    change()
    delivery.deliver_due(NOW)
    assert by_mail.taken == []
    assert not outbox.waiting().exists()


def test_somebody_without_any_address_keeps_the_message_until_there_is_one(
    database, people, new_incident, lead_key, by_mail
):
    User.objects.filter(pk=people.lead.pk).update(email="")
    notify.incident_recorded(new_incident(lead_key), NOW)
    delivery.deliver_due(NOW)
    assert OutboxMessage.objects.get().fault == "nowhere"
    User.objects.filter(pk=people.lead.pk).update(email="lead@brightpath.example")
    delivery.deliver_due(at(10))
    assert len(by_mail.taken) == 1


def test_the_contact_outside_is_told_at_its_step_but_not_when_the_case_is_kept_from_them(
    database, people, new_incident, lead_key, deputy_key, settings, use_mail, post, hook
):
    chat = f"json://127.0.0.1:{hook.port}/x"
    contacts = (
        Contact("Night service", "night@council.example"),
        Contact("Lead at home", people.lead.email.upper()),
        Contact("Chat", chat),
    )
    use_mail(settings, post, contacts=contacts)
    notify.incident_recorded(new_incident(deputy_key), NOW)  # about the lead
    for minutes in (0, 10, 30):
        escalation.ring(at(60 * minutes))
        delivery.deliver_due(at(60 * minutes))
    told = [mail.to[0] for mail in post.taken]
    assert sorted(told) == sorted([people.deputy.email] * 3 + ["night@council.example"])
    assert len(hook.posted) == 1


def test_a_collector_that_is_killed_in_the_middle_loses_nothing(
    database, people, new_incident, lead_key, by_mail, lead
):
    notify.incident_recorded(new_incident(lead_key), NOW)
    assert outbox.claim(Kind.URGENT, lead, NOW) is not None  # and then it is killed
    delivery.deliver_due(at(60))
    assert by_mail.taken == []
    delivery.deliver_due(NOW + outbox.LEASE)
    assert len(by_mail.taken) == 1


def test_what_was_missed_is_looked_for_also_when_the_clock_was_set_back(
    database, people, new_incident, lead_key, monkeypatch
):
    sender = Delivery()
    monkeypatch.setattr(sender, "_hand_out", lambda due: None)
    sender._look(NOW)
    new_incident(lead_key, at=NOW)
    sender._look(at(30))
    assert not OutboxMessage.objects.exists()
    sender._look(at(-3600))
    assert OutboxMessage.objects.get().kind == Kind.URGENT


def test_a_database_that_is_away_for_a_moment_ends_no_sender(
    database, people, new_incident, lead_key, by_mail, monkeypatch
):
    failed = threading.Event()
    usual = escalation.ring

    def once(now):
        if not failed.is_set():
            failed.set()
            raise ConnectionError
        return usual(now)

    monkeypatch.setattr(escalation, "ring", once)
    sender = Delivery()
    sender.start()
    try:
        notify.incident_recorded(new_incident(lead_key), datetime.now(UTC))
        assert by_mail.wait_for(1)
        assert failed.is_set()
    finally:
        sender.stop()


_PROCESS = """
import time
import django
django.setup()
from server import outbox
from server.delivery import Delivery
sender = Delivery()
sender.start()
deadline = time.monotonic() + 60
while outbox.waiting().exists() and time.monotonic() < deadline:
    time.sleep(0.1)
time.sleep(2)
sender.stop()
"""


def test_two_processes_on_one_database_send_it_once(people, new_incident, lead_key, by_mail, own_environment):
    notify.incident_recorded(new_incident(lead_key), datetime.now(UTC))
    started = [
        subprocess.Popen([sys.executable, "-c", _PROCESS], env=own_environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [(one.communicate(timeout=90)[1], one.returncode) for one in started] == [("", 0), ("", 0)]
    assert len(by_mail.taken) == 1
    assert not outbox.waiting().exists()
