"""Lists on trial from a device's spool to the lead, on both databases; the collector itself learns nothing of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from msgspec import structs

from agent.bundle import Bundle
from agent.observation import Batch as Seen
from agent.observation import Observation
from agent.pipeline import Pipeline
from agent.spool import Spool
from protocol import sealing, signing
from protocol.messages import TrialCounts, decode, decode_body, decode_trial_header, encode
from protocol.messages import TrialReport as TrialMessage
from protocol.publication import Recipient, RecipientList
from rules.compiler import compile_shipped
from rules.engine import Rules
from rules.policy import Policy
from rules.writer import PackWriter
from server import phones, queue, retention, trials
from server.errors import NotAllowed
from server.store.models import AuditEntry, Device, Incident, LeadKey, TrialReport, Usage, UsageKey

CASINO, PACK = "canary-casino.example", "canary_list"
POLICY = """
organisation = "Test"
timezone = "Europe/London"
start_date = 2026-01-01
working_hours = ["Mon-Fri 08:00-18:00"]
[groups.staff]
name = "Staff"
private_time = "drop_all"
[packs]
curated = 100000
"""
NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Identity:
    """The enrolled device as the pipeline knows it."""

    device: UUID
    key: Any
    group: str


class Laptop:
    """An enrolled device with the real pipeline over a real spool, which sends what it has by signed requests."""

    def __init__(self, enrolled, folder, rules_folder, recipients) -> None:
        self.enrolled, self.now, self._rules, self._recipients = enrolled, NOON, rules_folder, recipients
        self.spool = Spool(folder / "spool.sqlite3", bytes(32), device=enrolled.id, clock=lambda: self.now)
        self.pipeline = Pipeline(
            spool=self.spool,
            identity=Identity(enrolled.id, enrolled.key, enrolled.group),
            clock=lambda: self.now,
            people=lambda month, accounts: {account: enrolled.person(account, month) for account in accounts},
            remind=lambda *_: None,
        )
        self.opened: list[Rules] = []
        self.promote()

    def promote(self, *lines):
        """Put in force the policy with those lines more under [packs]."""
        policy = Policy.parse(POLICY + "".join(f"{line}\n" for line in lines), "policy.toml")
        self.opened.append(Rules.open(self._rules, policy=policy))
        self.pipeline.use(
            Bundle(
                recipients=self._recipients,
                policy=policy,
                rules=self.opened[-1],
                recipients_version=1,
                policy_version=len(self.opened),
                packs={"curated": 1, PACK: 4},
            )
        )

    def visit(self, *names):
        seen = [
            Observation(
                device=self.enrolled.id,
                kind="host",
                name=name,
                started=self.now,
                seconds=None,
                person="amira",
                source="browser_history",
            )
            for name in names
        ]
        self.pipeline.accept(Seen(observations=tuple(seen), bookmark=None))

    def day(self, *names):
        """Live a day with those visits, and a night in which it is counted and handed on."""
        self.pipeline.tick(self.now)
        self.visit(*names)
        self.pipeline.tick(self.now + timedelta(hours=1))
        self.now += timedelta(days=1)
        self.pipeline.tick(self.now)
        self.now += timedelta(hours=2)

    def send(self):
        parcels = self.spool.peek(10**7, 64)
        reply = self.enrolled.send(*parcels)
        assert {result for result, _ in reply.results} <= {"stored"}, reply.results
        self.spool.ack(parcel.record for parcel in parcels)
        return parcels

    def close(self):
        self.spool.close()
        for rules in self.opened:
            rules.close()


@pytest.fixture(scope="module")
def rules_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules")
    compile_shipped(folder)
    with PackWriter([("gambling", "imported")], folder) as writer:
        for name in (CASINO, "roulette.example"):
            writer.add(name, 0)
        writer.write(folder / "packs" / f"{PACK}.pack")
    return folder


@pytest.fixture
def recipients(lead_key):
    recovery = sealing.public_of(os.urandom(sealing.KEY_BYTES))
    return RecipientList(
        1,
        True,
        (
            Recipient(lead_key.key_id, lead_key.public, "lead", "The lead"),
            Recipient(sealing.key_id(recovery), recovery, "recovery", "Recovery"),
        ),
    )


@pytest.fixture
def laptop(device, recipients, rules_folder, tmp_path):
    one = Laptop(device, tmp_path, rules_folder, recipients)
    yield one
    one.close()


def counts_of(sealed, key):
    signing.verify_trial(sealed.signer_key, sealed.signature, sealed.header, sealed.envelope)
    header = decode_trial_header(sealed.header)
    place = sealing.Place(purpose="trial", subject=header.device, record=header.record, header=sealed.header)
    return decode(sealing.open_envelope(sealed.envelope, key.private, place), TrialCounts)


def report(laptop):
    """A day's trial parcel as the spool hands it out."""
    laptop.day(CASINO)
    (parcel,) = (one for one in laptop.spool.peek(10**7, 64) if one.kind == "trial")
    return parcel


# --- the whole road ------------------------------------------------------------------------------------------------


def test_a_list_on_trial_reaches_the_lead_as_counts_and_nobody_as_anything_else(
    database, laptop, people, lead_key, tmp_path
):
    laptop.day(f"www.{CASINO}", f"www.{CASINO}")
    laptop.day()
    sent = laptop.send()
    assert [one.kind for one in sent].count("trial") == 2
    assert not Incident.objects.exists()
    assert list(UsageKey.objects.values_list("category", "name")) == [("other", "")]
    assert Usage.objects.get().visits == 2
    met, nothing = (counts_of(one, lead_key) for one in trials.opened(people.lead, now=laptop.now).reports)
    assert [(one.entry, one.count) for one in met.packs[0].entries] == [(CASINO, 2)]
    assert (met.packs[0].pack, met.packs[0].version, met.packs[0].size) == (PACK, 4, 2)
    assert nothing.packs[0].entries == ()
    assert {len(bytes(one.body)) for one in sent if one.kind == "trial"} == {len(bytes(sent[-1].body))}
    stored = everything_stored(tmp_path)
    assert str(TrialReport.objects.first().record) in stored
    for word in ("canary", "casino", "gambling"):
        assert word not in stored


def everything_stored(folder) -> str:
    """All rows of all tables as text, binary columns both raw and as hex, and the log."""
    path = folder / "dump.json"
    call_command("dumpdata", "--output", str(path), verbosity=0)
    text = path.read_text()
    for row in TrialReport.objects.all():
        text += repr((bytes(row.header), bytes(row.envelope), row.sealed_to))
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM store_usage")
        text += repr(cursor.fetchall())
    return text


def test_a_promoted_list_flags_from_then_on(database, laptop, people, lead_key):
    laptop.day(CASINO)
    laptop.send()
    assert not Incident.objects.exists()
    laptop.promote(f"{PACK} = 2")
    laptop.visit(f"www.{CASINO}")
    laptop.send()
    (row,) = queue.page(people.lead, sealed=True).rows
    assert Incident.objects.get().pk == row.id
    laptop.day()
    laptop.send()
    assert TrialReport.objects.count() == 1


def test_a_list_that_grew_past_its_promotion_raises_no_incident(database, laptop):
    laptop.promote(f"{PACK} = 1")
    laptop.day(CASINO)
    laptop.send()
    assert not Incident.objects.exists()
    assert TrialReport.objects.count() == 1


def test_a_report_that_comes_again_is_stored_once(database, laptop):
    parcel = report(laptop)
    replies = [laptop.enrolled.send(parcel).results for _ in range(2)]
    assert replies == [[("stored", None)], [("duplicate", None)]]
    assert TrialReport.objects.count() == 1


# --- what is refused -----------------------------------------------------------------------------------------------


def test_what_is_not_as_a_device_seals_it_is_refused_by_name(database, laptop, device, other_device, lead_key):
    parcel = report(laptop)
    body = decode_body(parcel)
    header = decode_trial_header(body.header)

    def made(change=None, key=device.key, *, largest=True, keys=None):
        counter = device.counter + 1
        record = uuid4()
        own = {"record": record, "counter": counter, "sealed_to": (lead_key.key_id,)}
        head = structs.replace(header, **(own | (change or {})))
        place = sealing.Place(purpose="trial", subject=head.device, record=head.record, header=encode(head))
        envelope = sealing.seal(b"{}", keys or [lead_key.public], place, largest=largest)
        signed = structs.replace(
            body, header=encode(head), envelope=envelope, signature=signing.sign_trial(key, encode(head), envelope)
        )
        return device.send(device.parcel("trial", signed, record=record)).results[0]

    device.counter = 1000
    stranger = sealing.public_of(os.urandom(sealing.KEY_BYTES))
    assert made() == ("stored", None)
    assert made(key=other_device.key)[1] == "bad_record_signature"
    assert made({"device": other_device.id})[1] == "wrong_device"
    assert made({"group": "learners"})[1] == "wrong_device"
    assert made({"day": datetime(1, 1, 1, tzinfo=UTC).date()})[1] == "bad_record"
    assert made(largest=False)[1] == "bad_envelope"
    assert made(keys=[stranger])[1] == "bad_envelope"
    assert made({"counter": 7})[1] == "bad_record"
    assert TrialReport.objects.count() == 1


def test_a_gateway_reports_for_the_groups_of_its_phones_and_for_no_other(
    database, laptop, device, other_device, lead_key
):
    phones.set_gateway(None, device.id, NOON, gateway=True)
    assert other_device.group == "learners"
    given = phones.NewPhone("Sam's phone", "learners", "ios", supervised=True, account="sam", noticed=True)
    phones.add(None, given, NOON)
    header = decode_trial_header(decode_body(report(laptop)).header)
    device.counter = 1000

    def made(group):
        record = uuid4()
        head = structs.replace(
            header, record=record, counter=device.counter + 1, group=group, sealed_to=(lead_key.key_id,)
        )
        place = sealing.Place(purpose="trial", subject=head.device, record=record, header=encode(head))
        envelope = sealing.seal(b"{}", [lead_key.public], place, largest=True)
        signature = signing.sign_trial(device.key, encode(head), envelope)
        body = TrialMessage(encode(head), envelope, signature)
        return device.send(device.parcel("trial", body, record=record)).results[0]

    assert [made(group) for group in ("staff", "learners")] == [("stored", None)] * 2
    assert made("partners")[1] == "wrong_device"
    phones.set_gateway(None, device.id, NOON, gateway=False)
    assert made("learners")[1] == "wrong_device"


def test_a_report_sealed_to_nobody_known_is_refused(database, laptop, lead_key):
    parcel = report(laptop)
    LeadKey.objects.filter(key_id=lead_key.key_id).delete()
    assert laptop.enrolled.send(parcel).results[0][1] == "unknown_recipient"


# --- opening -------------------------------------------------------------------------------------------------------


def test_the_opening_is_logged_once_before_anything_is_handed_out(database, laptop, people, monkeypatch):
    laptop.day(CASINO)
    laptop.day()
    laptop.send()
    monkeypatch.setattr(trials, "PAGE_REPORTS", 1)
    first = trials.opened(people.lead, now=laptop.now)
    then = trials.opened(people.lead, first.following, now=laptop.now)
    assert (len(first.reports), len(then.reports), then.following) == (1, 1, None)
    assert first.reports != then.reports
    assert [entry.subject for entry in AuditEntry.objects.filter(action="trial_counts_opened")] == ["trial"]
    trials.opened(people.lead, first.following, now=laptop.now + timedelta(hours=1))
    assert AuditEntry.objects.filter(action="trial_counts_opened").count() == 2

    def failing(*_args, **_more):
        raise OSError("the log can't be written")

    monkeypatch.setattr("server.audit.write", failing)
    with pytest.raises(OSError, match="log"):
        trials.opened(people.lead, now=laptop.now)


def test_who_it_is_not_sealed_to_gets_nothing_and_other_roles_are_refused(database, laptop, people, deputy_key):
    laptop.day(CASINO)
    laptop.send()
    assert trials.opened(people.deputy, now=laptop.now).reports == ()
    for other in (people.it, people.manager, people.dpo):
        with pytest.raises(NotAllowed):
            trials.opened(other, now=laptop.now)
    assert AuditEntry.objects.filter(action="trial_counts_opened").count() == 1


def test_only_the_last_month_is_handed_out_and_all_goes_after_sixty_days(database, laptop, people):
    laptop.day(CASINO)
    laptop.send()
    at = datetime.now(UTC)
    assert len(trials.opened(people.lead, now=at + timedelta(days=29)).reports) == 1
    assert trials.opened(people.lead, now=at + timedelta(days=31)).reports == ()
    retention.delete_what_is_over(at + timedelta(days=59))
    assert TrialReport.objects.count() == 1
    assert retention.delete_what_is_over(at + timedelta(days=61))["trials"] == 1
    assert not TrialReport.objects.exists()


def test_a_report_does_not_count_as_being_heard_of(database, laptop):
    laptop.day(CASINO)
    laptop.send()
    assert Device.objects.get(pk=laptop.enrolled.id).last_seen is None
