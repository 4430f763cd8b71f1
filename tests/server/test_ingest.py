"""Each record is stored once or answered with its reason, on both databases."""

from __future__ import annotations

import re
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.messages import Batch, Loss, SourceState, UsageRow, UsageTotals, encode
from rules import policy as policy_module
from server import cases, ingest
from server.store.models import (
    AlertRecord,
    Device,
    Incident,
    IncidentRecipient,
    LossReport,
    Quarantined,
    SeenRecord,
    SourceGap,
    Usage,
    UsageKey,
)
from tests.server.test_rules_in_force import sign_policy

# --- once, and only once -----------------------------------------------------------------------------------------


def test_totals_are_added_once_however_often_they_are_sent(database, device):
    parcel = device.totals()
    assert device.send(parcel).results == [("stored", None)]
    assert device.send(parcel).results == [("duplicate", None)]
    assert [row.seconds for row in Usage.objects.all()] == [60, 60, 60]
    assert device.send(device.totals()).results == [("stored", None)]
    assert [(row.seconds, row.visits) for row in Usage.objects.all()] == [(120, 2)] * 3


def test_a_record_that_is_twice_in_one_batch_is_stored_once(database, device):
    parcel = device.totals()
    assert device.send(parcel, parcel).results == [("stored", None), ("duplicate", None)]
    assert sum(row.seconds for row in Usage.objects.all()) == 180


def test_a_record_under_another_counter_is_still_the_same_record(database, device):
    parcel = device.totals()
    device.send(parcel)
    again = msgspec.structs.replace(parcel, counter=99)
    assert device.send(again).results == [("duplicate", None)]
    assert sum(row.seconds for row in Usage.objects.all()) == 180


def test_two_threads_that_post_the_same_batch_store_it_once(database, device, lead_key):
    parcels = (device.totals(), device.alert(lead_key), device.heartbeat())
    start, replies = threading.Barrier(4), []

    def post():
        start.wait()
        replies.append(device.send(*parcels))
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted({reply.status for reply in replies}) == [200]
    results = [result for reply in replies for result, _ in reply.results]
    assert (results.count("stored"), results.count("duplicate")) == (3, 9)
    assert sum(row.seconds for row in Usage.objects.all()) == 180
    assert (Incident.objects.count(), AlertRecord.objects.count(), SeenRecord.objects.count()) == (1, 1, 3)


def test_threads_of_many_devices_lose_nothing(database, new_device):
    devices = [new_device(f"laptop-{n}") for n in range(4)]
    person = devices[0].person()
    replies = []

    def post(device):
        replies.extend([device.send(device.totals(device.rows(4, person=person))) for _ in range(5)])
        connection.close()

    threads = [threading.Thread(target=post, args=(device,)) for device in devices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reply.results for reply in replies] == [[("stored", None)]] * 20
    assert sum(row.seconds for row in Usage.objects.all()) == 4 * 5 * 4 * 60
    assert UsageKey.objects.count() == 4


def test_rows_of_one_record_about_the_same_thing_are_added_together(database, device):
    row = device.rows(1)[0]
    assert device.send(device.totals((row, row, row))).results == [("stored", None)]
    assert [(one.seconds, one.visits, one.day) for one in Usage.objects.all()] == [(180, 3, 20261120)]


def test_one_refused_record_does_not_hold_up_the_others(database, device, lead_key):
    reply = device.send(device.alert(lead_key), device.parcel("totals", b"{}"), device.totals())
    assert reply.results == [("stored", None), ("refused", "bad_record"), ("stored", None)]
    assert SeenRecord.objects.count() == 2


def test_a_fault_of_ours_in_one_record_does_not_hold_up_the_others(database, device, monkeypatch):
    def fails(*_):
        raise ZeroDivisionError

    monkeypatch.setitem(ingest._KEEP, Loss, fails)
    loss = Loss(device.id, datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC), 1, 0, "spool_full")
    totals = device.totals()
    reply = device.send(totals, device.parcel("loss", loss))
    assert reply.results == [("stored", None), ("retry", "busy")]
    assert sum(row.seconds for row in Usage.objects.all()) == 180
    assert device.send(totals).results == [("duplicate", None)]


def test_every_receipt_names_its_record_in_order(database, device):
    parcels = [device.totals() for _ in range(5)]
    reply = device.send(*parcels)
    assert [one["record"] for one in reply.json["receipts"]] == [str(parcel.record) for parcel in parcels]


# --- what a device may not say -----------------------------------------------------------------------------------


def test_a_version_newer_than_the_collector_is_to_be_sent_later(database, device):
    newer = msgspec.structs.replace(device.totals(), version=2)
    assert device.send(newer).results == [("retry", "version_too_new")]
    assert not SeenRecord.objects.exists()


def test_a_newer_alert_header_is_to_be_sent_later(database, device, lead_key):
    def newer(alert):
        header = alert.header.replace(b'"version":1', b'"version":2')
        from protocol.signing import sign_alert

        signature = sign_alert(device.key, header, alert.heading, alert.evidence)
        return msgspec.structs.replace(alert, header=header, signature=signature)

    assert device.send(device.alert(lead_key, change_body=newer)).results == [("retry", "version_too_new")]


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("keystrokes", b"{}", "unknown_kind"),
        ("totals", b"[]", "bad_record"),
        ("totals", b'{"device":"x"}', "bad_record"),
        ("heartbeat", b"null", "bad_record"),
        ("alert", b'{"header":"","heading":"","evidence":"","signature":""}', "bad_record_signature"),
        ("alert", b'{"header":"%","heading":"","evidence":"","signature":""}', "bad_record"),
        ("loss", b"1", "bad_record"),
    ],
)
def test_a_record_of_another_shape_is_refused_with_its_code(database, device, kind, body, code):
    assert device.send(device.parcel(kind, body)).results == [("refused", code)]


def test_an_unknown_field_is_refused_by_name(database, device):
    body = msgspec.json.decode(encode(UsageTotals(device.id, "staff", device.rows(1))))
    body["rows"][0]["title"] = "My bank"
    reply = device.send(device.parcel("totals", msgspec.json.encode(body)))
    assert reply.results == [("refused", "bad_record")]
    assert "title" in reply.json["receipts"][0]["detail"]
    assert "My bank" not in reply.body.decode()


def test_a_batch_that_speaks_for_another_device_is_refused(database, device, other_device):
    reply = device.post("/v1/records", Batch(1, other_device.id, (device.totals(),)))
    assert (reply.status, reply.code) == (400, "wrong_device")


def test_totals_and_health_of_another_device_or_group_are_refused(database, device, other_device):
    rows = device.rows(1)
    for body in (UsageTotals(other_device.id, "staff", rows), UsageTotals(device.id, "learners", rows)):
        assert device.send(device.parcel("totals", body)).results == [("refused", "wrong_device")]
    assert device.send(device.heartbeat(group="learners")).results == [("refused", "wrong_device")]
    assert not Usage.objects.exists()


def test_a_person_id_that_was_never_given_out_is_refused_and_nothing_is_stored(database, device):
    rows = (*device.rows(2), *device.rows(1, person=uuid4()))
    assert device.send(device.totals(rows)).results == [("refused", "unknown_person")]
    assert not Usage.objects.exists()


def test_a_person_id_of_another_month_is_refused(database, device):
    row = UsageRow(device.person(month="2026-10"), date(2026, 11, 1), "host", "other", None, 60, 1)
    assert device.send(device.totals((row,))).results == [("refused", "unknown_person")]


def test_a_nul_in_a_text_is_refused_on_both_databases(database, device):
    row = msgspec.structs.replace(device.rows(1)[0], name="a\0b")
    assert device.send(device.totals((row,))).results == [("refused", "bad_record")]
    assert device.send(device.heartbeat(agent_version="1\0")).results == [("refused", "bad_record")]


def test_a_heartbeats_own_words_move_none_on_its_page_or_terminal(database, device):
    source = SourceState("foreground", "failing", "No\x1b[2J display\u202e.")
    device.send(device.heartbeat(agent_version="0.1\n", platform="Linux\x07", sources=(source,)))
    kept = Device.objects.get()
    assert (kept.platform, kept.health["agent_version"]) == ("Linux?", "0.1?")
    assert kept.health["sources"][0]["reason"] == SourceGap.objects.get().reason == "No?[2J display?."


@pytest.mark.parametrize("year", [1, 9999])
def test_a_time_out_of_this_world_is_refused(database, device, lead_key, year):
    at = datetime(year, 1, 1, tzinfo=UTC)
    assert device.send(device.heartbeat(at=at)).results == [("refused", "bad_record")]
    moved = device.alert(lead_key, change=lambda header: msgspec.structs.replace(header, started=at, ended=at))
    assert device.send(moved).results == [("refused", "bad_record")]


# --- health and losses -------------------------------------------------------------------------------------------


def test_a_heartbeat_is_the_devices_health(database, device):
    assert device.send(device.heartbeat(spool="filling")).results == [("stored", None)]
    kept = Device.objects.get(pk=device.id)
    assert kept.health["spool"] == "filling"
    assert kept.last_seen is not None


def test_an_alert_alone_does_not_show_in_what_it_sees_of_a_device(database, device, lead_key):
    before = Device.objects.values().get(pk=device.id)
    device.send(device.alert(lead_key))
    assert Device.objects.values().get(pk=device.id) == before


def test_a_heartbeat_too_large_to_be_one_is_refused(database, device):
    packs = {f"pack_{n}": 1 for n in range(6000)}
    assert device.send(device.heartbeat(packs=packs)).results == [("refused", "bad_record")]


def test_a_loss_is_kept(database, device):
    since = datetime(2026, 11, 1, tzinfo=UTC)
    loss = Loss(device.id, since, since + timedelta(days=1), 12, 0, "spool_full")
    assert device.send(device.parcel("loss", loss)).results == [("stored", None)]
    assert LossReport.objects.get().totals == 12


# --- a cloned device ---------------------------------------------------------------------------------------------


def test_a_forked_counter_quarantines_the_device_and_keeps_both_records(database, device, lead_key):
    first, second = device.totals(counter=7), device.totals(counter=7)
    device.send(first)
    later = device.alert(lead_key)
    reply = device.send(second, later)
    assert reply.results == [("retry", "forked_counter"), ("retry", "quarantined_device")]
    assert Device.objects.get(pk=device.id).status == "quarantined"
    aside = Quarantined.objects.get()
    assert (aside.record, aside.other, bytes(aside.body)) == (second.record, first.record, bytes(second.body))
    assert sum(row.seconds for row in Usage.objects.all()) == 180
    reply = device.send(device.totals())
    assert (reply.status, reply.code, reply.json["retry"]) == (403, "quarantined_device", True)
    assert not Incident.objects.exists()


def test_a_fork_inside_one_batch_is_seen_too(database, device):
    reply = device.send(device.totals(counter=3), device.totals(counter=3))
    assert reply.results == [("stored", None), ("retry", "forked_counter")]


# --- alerts ------------------------------------------------------------------------------------------------------


def test_an_alert_becomes_an_incident_with_a_reference(database, device, lead_key, other_device):
    assert device.send(device.alert(lead_key, urgent=True)).results == [("stored", None)]
    assert other_device.send(other_device.alert(lead_key, urgent=False)).results == [("stored", None)]
    year = datetime.now(UTC).year
    kept = list(Incident.objects.order_by("received_at"))
    assert all(re.fullmatch(f"FW-{year}-[0-9]{{5}}", one.reference) for one in kept)
    assert kept[0].reference != kept[1].reference
    assert [(one.device_id, one.group, one.urgent) for one in kept] == [
        (device.id, "staff", True),
        (other_device.id, "learners", False),
    ]


def test_an_alert_of_the_wrong_signer_is_refused(database, device, other_device, lead_key):
    parcel = device.alert(lead_key, signer=other_device.key)
    assert device.send(parcel).results == [("refused", "bad_record_signature")]


@pytest.mark.parametrize("part", ["header", "heading", "evidence", "signature"])
def test_an_alert_altered_in_any_part_is_refused(database, device, lead_key, part):
    def altered(alert):
        whole = bytearray(getattr(alert, part))
        whole[-1] ^= 1
        return msgspec.structs.replace(alert, **{part: bytes(whole)})

    reply = device.send(device.alert(lead_key, change_body=altered))
    assert reply.results == [("refused", "bad_record_signature")]
    assert not Incident.objects.exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"record": uuid4()}, "bad_record"),
        ({"counter": 999}, "bad_record"),
        ({"signer": uuid4()}, "wrong_device"),
        ({"device": uuid4()}, "wrong_device"),
        ({"group": "learners"}, "wrong_device"),
        ({"ended": datetime(2026, 1, 1, tzinfo=UTC)}, "bad_record"),
        ({"sealed_to": ("0" * 32,)}, "bad_envelope"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(database, device, lead_key, change, code):
    parcel = device.alert(lead_key, change=lambda header: msgspec.structs.replace(header, **change))
    assert device.send(parcel).results == [("refused", code)]
    assert not Incident.objects.exists()


@pytest.fixture
def patterns(custodians, monkeypatch):
    """A published policy that gives learners account patterns, and partners none."""
    monkeypatch.setattr("django.conf.settings.RULES_DIR", custodians.collector / "rules")
    text = Path(policy_module.__file__).with_name("policy.toml").read_text("utf-8")
    custodians.publish()
    sign_policy(custodians, text.replace('name = "Learners"', 'name = "Learners"\naccounts = ["l-*@example.org"]'))
    custodians.publish()


def in_group(group, policy_version=1):
    return lambda header: msgspec.structs.replace(header, group=group, policy_version=policy_version)


def test_a_record_is_of_the_devices_group_or_of_one_with_account_patterns_and_no_other(
    database, device, lead_key, patterns
):
    taken = device.send(
        device.alert(lead_key),
        device.alert(lead_key, change=in_group("learners")),
        device.alert(lead_key, change=in_group("partners")),
        device.alert(lead_key, change=in_group("unheard_of")),
        device.parcel("totals", UsageTotals(device.id, "learners", device.rows())),
        device.parcel("totals", UsageTotals(device.id, "partners", device.rows())),
        device.heartbeat(group="learners"),
    )
    stored, refused = ("stored", None), ("refused", "wrong_device")
    assert taken.results == [stored, stored, refused, refused, stored, refused, refused]
    assert sorted(Incident.objects.values_list("group", flat=True)) == ["learners", "staff"]


def test_an_alert_by_a_policy_that_is_newer_than_the_one_here_waits_for_it(database, device, lead_key, patterns):
    parcel = device.alert(lead_key, change=in_group("partners", policy_version=99))
    assert device.send(parcel).results == [("retry", "busy")]
    assert not Incident.objects.exists()


@pytest.mark.parametrize("place", [slice(None, None, -1), slice(0, 1), [0, 1, 0]])
def test_the_header_lists_exactly_whom_it_is_sealed_to_and_in_order(database, device, lead_key, deputy_key, place):
    def other(header):
        keys = header.sealed_to
        changed = keys[place] if isinstance(place, slice) else tuple(keys[one] for one in place)
        return msgspec.structs.replace(header, sealed_to=changed)

    reply = device.send(device.alert(lead_key, deputy_key, change=other), device.heartbeat())
    assert reply.results == [("refused", "bad_envelope"), ("stored", None)]
    assert not Incident.objects.exists()


@pytest.mark.parametrize("offset", [2**80, -(2**80), 2**53])
def test_a_clock_that_is_off_by_more_than_there_is_time_is_refused(database, device, offset):
    assert device.send(device.heartbeat(clock_offset_seconds=offset)).results == [("refused", "bad_record")]
    assert Device.objects.get(pk=device.id).health is None


@pytest.mark.parametrize("part", ["heading", "evidence"])
@pytest.mark.parametrize("blob", [b"", b"\x01", b"\x02" + bytes(4250), bytes(4250), b"\x01\x00" + bytes(4112)])
def test_an_envelope_of_the_wrong_version_or_shape_is_refused(database, device, lead_key, part, blob):
    def broken(alert):
        from protocol.signing import sign_alert

        changed = msgspec.structs.replace(alert, **{part: blob})
        signature = sign_alert(device.key, changed.header, changed.heading, changed.evidence)
        return msgspec.structs.replace(changed, signature=signature)

    reply = device.send(device.alert(lead_key, change_body=broken))
    assert reply.results == [("refused", "bad_envelope")]


def test_an_alert_sealed_to_nobody_known_is_refused(database, device, lead_key, new_lead_key, people):
    from server.store.models import LeadKey

    stranger = new_lead_key(people.deputy)
    LeadKey.objects.filter(key_id=stranger.key_id).delete()
    assert device.send(device.alert(stranger)).results == [("refused", "unknown_recipient")]
    assert device.send(device.alert(stranger, lead_key)).results == [("stored", None)]


def test_an_update_extends_its_incident(database, device, lead_key, deputy_key):
    alert = uuid4()
    device.send(device.alert(lead_key, alert=alert, urgent=False))
    first = Incident.objects.get()
    device.send(device.alert(lead_key, deputy_key, alert=alert, revision=2, urgent=True))
    kept = Incident.objects.get()
    assert (kept.urgent, kept.revision, kept.reference) == (True, 2, first.reference)
    assert kept.ended > first.ended
    assert kept.started == first.started
    newest = AlertRecord.objects.get(revision=2)
    assert dict(IncidentRecipient.objects.values_list("key_id", "record_id")) == {
        lead_key.key_id: newest.pk,
        deputy_key.key_id: newest.pk,
    }


def test_an_older_revision_that_comes_late_is_kept_and_changes_nothing(database, device, lead_key):
    alert = uuid4()
    device.send(device.alert(lead_key, alert=alert, revision=2))
    newest = Incident.objects.get()
    assert device.send(device.alert(lead_key, alert=alert, revision=1)).results == [("stored", None)]
    assert Incident.objects.get().ended == newest.ended
    assert IncidentRecipient.objects.get().record.revision == 2
    assert AlertRecord.objects.count() == 2


def test_nobody_adds_to_another_devices_incident(database, device, other_device, lead_key):
    alert = uuid4()
    device.send(device.alert(lead_key, alert=alert))
    assert other_device.send(other_device.alert(lead_key, alert=alert, revision=5)).results == [
        ("refused", "wrong_device")
    ]
    assert AlertRecord.objects.count() == 1


def test_a_late_update_never_reopens_a_closed_incident(database, device, lead_key, people, sealed_note):
    alert = uuid4()
    device.send(device.alert(lead_key, alert=alert))
    cases.close(people.lead, alert, sealed_note(alert, lead_key))
    assert device.send(device.alert(lead_key, alert=alert, revision=1)).results == [("stored", None)]
    kept = Incident.objects.get()
    assert (kept.state, kept.new_since_closing) == ("closed", True)


def test_nothing_readable_of_an_alert_is_in_the_store(database, device, lead_key):
    device.send(device.alert(lead_key, name="very-secret.example", category="self_harm", person="amira-unlikely-name"))
    record = AlertRecord.objects.get()
    blob = b"".join(bytes(getattr(record, part)) for part in ("header", "heading", "evidence"))
    for secret in (b"very-secret", b"self_harm", b"amira-unlikely-name"):
        assert secret not in blob


# --- anything at all ---------------------------------------------------------------------------------------------

FUZZ = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@FUZZ
@given(value=json_values, field=st.sampled_from(["version", "device", "records", "extra"]))
def test_no_signed_json_makes_it_fail(database, device, value, field):
    whole = msgspec.json.decode(encode(Batch(1, device.id, (device.totals(),))))
    whole[field] = value
    reply = device.post("/v1/records", msgspec.json.encode(whole))
    assert reply.status in {200, 400} or reply.code == "version_too_new"


@FUZZ
@given(data=st.data())
def test_no_record_makes_it_fail(database, device, lead_key, data):
    make = data.draw(st.sampled_from([device.totals, device.heartbeat, lambda: device.alert(lead_key)]))
    parcel = make()
    body = msgspec.json.decode(bytes(parcel.body))
    field = data.draw(st.sampled_from(sorted(body)))
    body[field] = data.draw(json_values)
    reply = device.send(msgspec.structs.replace(parcel, body=msgspec.Raw(msgspec.json.encode(body))))
    assert reply.status == 200
    assert reply.results[0][0] in {"stored", "refused"}
