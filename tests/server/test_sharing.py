"""Older cases open to a lead who came later, by the hand of one who has them, and to nobody else."""

from __future__ import annotations

import os
from uuid import uuid4

import pytest
from msgspec import structs

from protocol import rewraps, sealing
from protocol.messages import decode_header, encode
from protocol.passing_on import Parcel
from protocol.publication import Recipient, RecipientList
from server import cases, incidents, queue, sharing
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import AuditEntry, Incident, IncidentRecipient, LeadKey, Rewrap


@pytest.fixture
def sign(tmp_path, monkeypatch):
    """`sign(version, key, ..., groups={key_id: (group,)})`: publish a list of recipients."""
    folder = tmp_path / "rules" / "targets" / "recipients"
    folder.mkdir(parents=True)
    monkeypatch.setattr("django.conf.settings.RULES_DIR", tmp_path / "rules")
    recovery = sealing.public_of(os.urandom(64))

    def publish(version, *keys, groups=None):
        rows = [
            Recipient(key.key_id, key.public, "lead", f"Lead {number}", (groups or {}).get(key.key_id, ()))
            for number, key in enumerate(keys)
        ]
        rows.append(Recipient(sealing.key_id(recovery), recovery, "recovery", "Recovery"))
        (folder / f"{version}a.recipients.json").write_bytes(encode(RecipientList(version, True, tuple(rows))))

    return publish


def made(given, key, newcomer):
    """What the browser of `key`'s holder makes of one case."""
    header = decode_header(given.header)
    digests = {"heading": given.heading, "evidence": given.evidence_digest}
    rows = []
    for purpose, digest in digests.items():
        place = sealing.Place(purpose=purpose, subject=header.device, record=header.record, header=given.header)
        rows.append(one(place, digest, getattr(given, f"kept_{purpose}"), given.incident, newcomer, key))
    for note in given.notes:
        place = sealing.Place(purpose="note", subject=given.incident, record=note.id, header=b"")
        rows.append(one(place, note.digest, note.kept, given.incident, newcomer, key))
    return Parcel(given.incident, tuple(rows))


def one(place, digest, kept, incident, newcomer, key):
    import hashlib

    from protocol.signing import sign_lead

    content_key = sealing.unwrap(kept.wrap, key.private, place, rewrapped=kept.label == "rewrap")
    wrap = sealing.wrap_for(content_key, newcomer.public, place, rewrapped=True)
    digest = hashlib.sha256(digest).digest() if len(digest) != 32 else digest
    made = rewraps.Rewrap(place.record, place.purpose, digest, newcomer.public, wrap, key.public, bytes(64))
    return structs.replace(made, signature=sign_lead(key.private, "rewrap", incident, place.record, made.signed_part()))


@pytest.fixture
def share(people):
    """`share(user, key, newcomer)`: share all that is missing, in batches, as the browser does."""

    def run(user, key, newcomer, now):
        opened, after = 0, None
        while given := sharing.to_share(user, newcomer.key_id, after=after):
            opened += sharing.take(user, newcomer.key_id, [made(each, key, newcomer) for each in given], now)
            after = given[-1].incident
        return opened

    return run


def test_a_new_lead_reads_an_older_case_with_its_notes_once_it_was_shared(
    database, people, case, lead_key, deputy_key, sealed_note, sign, share, now
):
    note = sealed_note(case, lead_key, text=b"Rang the tutor.")
    cases.add_note(people.lead, case, note)
    sign(1, lead_key, deputy_key)
    assert queue.page(people.deputy, sealed=True).rows == ()
    (newcomer,) = sharing.newcomers(people.lead)
    assert (newcomer.key_id, newcomer.cases, newcomer.own) == (deputy_key.key_id, 1, False)
    assert share(people.lead, lead_key, deputy_key, now) == 1
    (row,) = queue.page(people.deputy, sealed=True).rows
    place = sealing.Place(purpose="heading", subject=row.device, record=row.record, header=row.header)
    assert b"gambling" in sealing.open_envelope(row.heading, deputy_key.private, place, wrap=row.wrap)
    released = incidents.release(people.deputy, case)
    wraps = sharing.wraps_for(people.deputy, [case], ["evidence", "note"])
    place = structs.replace(place, purpose="evidence")
    wrap = wraps[row.record, "evidence"]
    assert b"flagged.example" in sealing.open_envelope(released.evidence, deputy_key.private, place, wrap=wrap)
    place = sealing.Place(purpose="note", subject=case, record=note.id, header=b"")
    opened = sealing.open_envelope(note.envelope, deputy_key.private, place, wrap=wraps[note.id, "note"])
    assert opened == b"Rang the tutor."
    assert sharing.newcomers(people.lead) == []
    entry = AuditEntry.objects.get(action="cases_shared")
    assert (entry.actor, entry.subject) == (f"user:{people.lead.pk}", f"key:{deputy_key.key_id}")


def test_who_was_let_in_is_proved_by_signatures_from_the_device_on_and_may_let_in_others(
    database, people, case, lead_key, deputy_key, new_lead_key, sign, share, now, sealed_note
):
    third = new_lead_key(people.lead)
    sign(1, lead_key, deputy_key, third)
    share(people.lead, lead_key, deputy_key, now)
    given = sharing.to_share(people.deputy, third.key_id)
    assert given[0].kept_heading.label == "rewrap"
    share(people.deputy, deputy_key, third, now)
    sealed_to = decode_header(bytes(Incident.objects.get().records.get().header)).sealed_to
    rows = sharing.introductions(case)
    everybody = {lead_key.key_id, deputy_key.key_id, third.key_id}
    assert rewraps.readers(sealed_to, case, rows) == everybody
    assert rewraps.readers(sealed_to, case, rows[::-1]) == everybody
    assert rewraps.readers(sealed_to, uuid4(), rows) == {lead_key.key_id}
    assert rewraps.readers(["0" * 32], case, rows) == {"0" * 32}
    assert set(sharing.reader_keys(case, sealed_to, ())) == {lead_key.public, deputy_key.public, third.public}
    cases.add_note(people.deputy, case, sealed_note(case, deputy_key, lead_key))


def test_sharing_again_changes_nothing_and_goes_on_where_it_stopped(
    database, device, people, lead_key, deputy_key, sign, now, monkeypatch
):
    device.send(*(device.alert(lead_key) for _ in range(5)))
    sign(1, lead_key, deputy_key)
    monkeypatch.setattr(sharing, "BATCH_MAX", 2)
    first = sharing.to_share(people.lead, deputy_key.key_id)
    assert len(first) == 2
    parcels = [made(each, lead_key, deputy_key) for each in first]
    assert [sharing.take(people.lead, deputy_key.key_id, parcels, now) for _ in range(2)] == [2, 0]
    assert Rewrap.objects.count() == 4
    assert AuditEntry.objects.filter(action="cases_shared").count() == 1
    assert sharing.newcomers(people.lead)[0].cases == 3
    assert {each.incident for each in sharing.to_share(people.lead, deputy_key.key_id)}.isdisjoint(
        each.incident for each in first
    )
    with pytest.raises(WrongState, match="at most 2 cases"):
        sharing.take(people.lead, deputy_key.key_id, parcels * 2, now)


def test_evidence_is_not_handed_out_for_it(database, people, case, lead_key, deputy_key, sign):
    sign(1, lead_key, deputy_key)
    given = encode(sharing.to_share(people.lead, deputy_key.key_id)[0].kept_evidence)
    record = Incident.objects.get().records.get()
    whole = repr(sharing.to_share(people.lead, deputy_key.key_id))
    assert repr(bytes(record.evidence)[-200:])[2:-1] not in whole
    assert len(given) < 200
    assert not AuditEntry.objects.exists()


def test_only_the_newest_record_is_shared_and_a_later_one_sealed_to_the_newcomer_replaces_it(
    database, device, people, lead_key, deputy_key, sign, share, now
):
    alert = uuid4()
    device.send(device.alert(lead_key, alert=alert), device.alert(lead_key, alert=alert, revision=1))
    sign(1, lead_key, deputy_key)
    share(people.lead, lead_key, deputy_key, now)
    assert [row.revision for row in queue.page(people.deputy, sealed=True).rows] == [1]
    device.send(device.alert(lead_key, alert=alert, revision=2))
    assert [row.revision for row in queue.page(people.deputy, sealed=True).rows] == [1]
    assert incidents.release(people.deputy, alert).newer
    assert not incidents.release(people.lead, alert).newer
    assert sharing.newcomers(people.lead)[0].cases == 1
    share(people.lead, lead_key, deputy_key, now)
    assert [row.revision for row in queue.page(people.deputy, sealed=True).rows] == [2]
    device.send(device.alert(lead_key, deputy_key, alert=alert, revision=3))
    (row,) = queue.page(people.deputy, sealed=True).rows
    assert (row.revision, row.wrap) == (3, None)


def test_a_key_that_is_not_on_the_signed_list_gets_nothing(database, people, case, lead_key, deputy_key, sign, now):
    with pytest.raises(NotThere):
        sharing.to_share(people.lead, deputy_key.key_id)
    sign(1, lead_key)
    assert sharing.newcomers(people.lead) == []
    with pytest.raises(NotThere):
        sharing.take(people.lead, deputy_key.key_id, [], now)


def test_groups_bound_what_is_shared_but_a_case_can_be_handed_over_by_name(
    database, people, case, lead_key, deputy_key, sign, now
):
    people.deputy.groups = ["learners"]
    people.deputy.save()
    sign(1, lead_key, deputy_key, groups={deputy_key.key_id: ("learners",)})
    assert sharing.newcomers(people.lead) == []
    assert sharing.to_share(people.lead, deputy_key.key_id) == []
    (given,) = sharing.to_share(people.lead, deputy_key.key_id, incident_id=case)
    parcel = made(given, lead_key, deputy_key)
    with pytest.raises(WrongState, match="hand it over by name"):
        sharing.take(people.lead, deputy_key.key_id, [parcel], now)
    assert sharing.take(people.lead, deputy_key.key_id, [parcel], now, by_name=True) == 1
    assert [row.id for row in queue.page(people.deputy, sealed=True).rows] == [case]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject) == ("incident_shared", f"incident:{case} user:{people.deputy.pk}")


def test_what_is_not_the_sharers_own_or_altered_or_half_is_refused(
    database, device, people, case, lead_key, deputy_key, new_lead_key, sign, now
):
    other, stranger = uuid4(), new_lead_key(people.deputy)
    device.send(device.alert(lead_key, alert=other))
    sign(1, lead_key, deputy_key)
    (given,) = sharing.to_share(people.lead, deputy_key.key_id, incident_id=case)
    good = made(given, lead_key, deputy_key)
    heading, evidence = good.rewraps
    for rows, words in (
        ([structs.replace(heading, signer=stranger.public), evidence], "not signed with a key that may share"),
        ([structs.replace(heading, wrap=evidence.wrap), evidence], "not signed with a key that may share"),
        ([heading], "shared whole"),
        ([evidence], "shared whole"),
        ([], "shared whole"),
        (made(given, lead_key, stranger).rewraps, "another key than the one on the signed list"),
    ):
        with pytest.raises(WrongState, match=words):
            sharing.take(people.lead, deputy_key.key_id, [structs.replace(good, rewraps=tuple(rows))], now)
    with pytest.raises(WrongState, match="not signed"):
        sharing.take(people.lead, deputy_key.key_id, [structs.replace(good, incident=other)], now)
    with pytest.raises(NotThere):
        sharing.take(people.deputy, deputy_key.key_id, [good], now)
    with pytest.raises(NotAllowed):
        sharing.take(people.it, deputy_key.key_id, [good], now)
    assert not Rewrap.objects.exists()
    assert IncidentRecipient.objects.filter(key_id=deputy_key.key_id).count() == 0


# --- keys that go ------------------------------------------------------------------------------------------------


def test_a_lead_taken_off_the_signed_list_sees_nothing_from_then_on(database, people, case, lead_key, deputy_key, sign):
    sign(1, lead_key)
    assert len(queue.page(people.lead, sealed=True).rows) == 1
    sign(2, deputy_key)
    assert queue.page(people.lead, sealed=True).rows == ()
    with pytest.raises(NotThere):
        incidents.release(people.lead, case)


def test_a_leads_new_key_takes_over_their_cases_from_the_old_one_in_their_own_browser(
    database, people, case, lead_key, new_lead_key, sign, share, now
):
    new = new_lead_key(people.lead)
    sign(1, lead_key)
    sign(2, new)
    assert [row.id for row in queue.page(people.lead, sealed=True).rows] == [case]
    (newcomer,) = sharing.newcomers(people.lead)
    assert newcomer.own
    assert share(people.lead, lead_key, new, now) == 1
    LeadKey.objects.filter(key_id=lead_key.key_id).update(active=False)
    (row,) = queue.page(people.lead, sealed=True).rows
    place = sealing.Place(purpose="heading", subject=row.device, record=row.record, header=row.header)
    assert sealing.open_envelope(row.heading, new.private, place, wrap=row.wrap)
