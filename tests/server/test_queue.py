"""The queue has what is sealed to the lead, a page at a time in the order to look at it, and each incident once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from server import cases, merging, queue
from server.errors import NotAllowed, NotThere, WrongState
from server.review import Due
from server.store.models import AlertRecord, Incident, IncidentRecipient, LeadKey

DUE = Due(urgent=timedelta(hours=1), routine=timedelta(days=3))


def all_pages(user, view="open", size=3):
    """Read a queue page by page, as the browser does."""
    found, after = [], None
    for _ in range(50):
        page = queue.page(user, view, after, size)
        assert len(page.rows) <= size
        found += page.rows
        if page.following is None:
            return found
        after = queue.Cursor.read(str(page.following))
    raise AssertionError("the pages do not end")


def received(incident, at, **fields):
    """Set when an incident came, as its place follows from that."""
    for name, value in {"received_at": at, **fields}.items():
        setattr(incident, name, value)
    incident.save()
    return incident


def test_the_queue_has_what_is_sealed_to_the_lead_and_it_opens(database, people, case, lead_key, open_part):
    (row,) = queue.page(people.lead, sealed=True).rows
    assert (row.id, row.key_id, row.state, row.device_name) == (case, lead_key.key_id, "open", "laptop-01")
    assert b"gambling" in open_part(row, lead_key, "heading")
    assert queue.row(people.lead, case) == row
    assert not hasattr(queue.page(people.lead).rows[0], "heading")


def test_a_lead_who_left_sees_nothing(database, people, case):
    people.lead.is_active = False
    for look in (
        lambda: queue.page(people.lead),
        lambda: queue.counts(people.lead, datetime.now(UTC), DUE),
        lambda: queue.row(people.lead, case),
        lambda: queue.changes(people.lead, datetime.now(UTC)),
    ):
        with pytest.raises(NotAllowed):
            look()


def test_a_key_taken_out_of_use_opens_nothing(database, people, case):
    LeadKey.objects.update(active=False)
    assert queue.page(people.lead).rows == ()
    assert queue.counts(people.lead, datetime.now(UTC), DUE) == queue.Counts(0, 0, 0)
    assert queue.changes(people.lead, datetime(2020, 1, 1, tzinfo=UTC)) == []
    with pytest.raises(NotThere):
        queue.row(people.lead, case)


def test_what_is_sealed_to_others_is_neither_listed_nor_counted_nor_a_change(database, people, case, deputy_key):
    assert queue.page(people.deputy).rows == ()
    assert queue.some(people.deputy, [case]) == []
    assert queue.counts(people.deputy, datetime.now(UTC), DUE).open == 0
    assert queue.changes(people.deputy, datetime(2020, 1, 1, tzinfo=UTC)) == []


def test_urgent_comes_first_then_the_longest_waiting_and_closed_is_apart(
    database, device, people, lead_key, sealed_note
):
    now = datetime.now(UTC)
    made = {}
    for hours, (name, urgent) in enumerate((("young", False), ("old", False), ("new", True), ("late", True))):
        made[name] = uuid4()
        device.send(device.alert(lead_key, alert=made[name], urgent=urgent))
        received(Incident.objects.get(pk=made[name]), now - timedelta(hours=hours))
    done = uuid4()
    device.send(device.alert(lead_key, alert=done, urgent=True))
    cases.close(people.lead, done, sealed_note(done, lead_key))
    assert [row.id for row in queue.page(people.lead).rows] == [made[n] for n in ("late", "new", "old", "young")]
    assert [row.id for row in queue.page(people.lead, "closed").rows] == [done]


@pytest.mark.parametrize("view", ["open", "closed"])
def test_pages_follow_each_other_without_a_gap_or_a_repeat(database, device, people, lead_key, sealed_note, view):
    same = datetime.now(UTC)
    for number in range(11):
        alert = uuid4()
        device.send(device.alert(lead_key, alert=alert, urgent=number % 3 == 0))
        # Several of one moment: only the place settles their order.
        received(Incident.objects.get(pk=alert), same - timedelta(hours=number // 4))
        if view == "closed":
            cases.close(people.lead, alert, sealed_note(alert, lead_key), now=same - timedelta(hours=number // 4))
    whole = queue.page(people.lead, view, None, 500).rows
    assert len(whole) == 11
    assert [row.id for row in all_pages(people.lead, view)] == [row.id for row in whole]


@pytest.mark.parametrize("text", ["", "1.2", "1.x.3", "1.2.-3", "1.٣.3", "1.2.3.4", "1." + "9" * 20 + ".3"])
def test_a_cursor_that_is_none_is_refused(text):
    with pytest.raises(WrongState, match="open the queue again"):
        queue.Cursor.read(text)


def test_the_queue_shows_the_newest_record_that_is_sealed_to_the_lead(database, device, people, lead_key, deputy_key):
    alert = uuid4()
    device.send(device.alert(lead_key, deputy_key, alert=alert))
    device.send(device.alert(deputy_key, alert=alert, revision=1))
    assert [row.revision for row in queue.page(people.lead).rows] == [0]
    assert [row.revision for row in queue.page(people.deputy).rows] == [1]


def test_a_lead_with_two_keys_sees_each_incident_once_with_its_newest_record(
    database, device, people, lead_key, new_lead_key
):
    other = new_lead_key(people.lead)
    alert = uuid4()
    device.send(device.alert(lead_key, other, alert=alert), *(device.alert(lead_key, other) for _ in range(6)))
    device.send(device.alert(other, alert=alert, revision=1))
    rows = all_pages(people.lead, size=2)
    assert len(rows) == len({row.id for row in rows}) == 7
    assert {row.revision for row in rows if row.id == alert} == {1}
    assert queue.counts(people.lead, datetime.now(UTC), DUE).open == 7
    assert len(queue.changes(people.lead, datetime.now(UTC))) == 7


def test_the_counts_are_of_what_waits_and_overdue_is_by_urgency(database, device, people, lead_key, sealed_note):
    now = datetime.now(UTC)
    for urgent, waited in (
        (True, timedelta(minutes=59)),
        (True, timedelta(minutes=61)),
        (False, timedelta(days=2)),
        (False, timedelta(days=4)),
    ):
        alert = uuid4()
        device.send(device.alert(lead_key, alert=alert, urgent=urgent))
        received(Incident.objects.get(pk=alert), now - waited)
    closed = uuid4()
    device.send(device.alert(lead_key, alert=closed))
    cases.close(people.lead, closed, sealed_note(closed, lead_key))
    assert queue.counts(people.lead, now, DUE) == queue.Counts(open=4, urgent=2, overdue=2)
    assert sum(row.overdue(now, DUE) for row in queue.page(people.lead).rows) == 2


# --- places stay right -------------------------------------------------------------------------------------------


def places_are_right():
    """Whether every row's place is what its incident says."""
    rows = IncidentRecipient.objects.select_related("incident")
    return bool(rows) and all(
        (row.waiting, row.urgent, row.since) == (row.incident.waiting, row.incident.urgent, row.incident.since)
        for row in rows
    )


def test_the_place_moves_with_updates_closing_and_what_comes_after_closing(
    database, device, people, lead_key, deputy_key, sealed_note
):
    alert = uuid4()
    device.send(device.alert(lead_key, alert=alert))
    assert places_are_right()
    device.send(device.alert(lead_key, deputy_key, alert=alert, revision=1, urgent=True))
    assert places_are_right()
    assert queue.page(people.deputy).rows[0].urgent
    cases.close(people.lead, alert, sealed_note(alert, lead_key))
    assert places_are_right()
    assert queue.page(people.deputy).rows == ()
    device.send(device.alert(lead_key, alert=alert, revision=2))
    assert places_are_right()
    assert queue.page(people.deputy).rows[0].new_since_closing
    incident = Incident.objects.get()
    incident.state = Incident.State.OPEN
    incident.new_since_closing = False
    incident.save(update_fields=["state", "new_since_closing"])
    assert places_are_right()


def test_a_row_made_for_a_key_later_gets_the_incidents_place(database, people, case, lead_key, deputy_key, sealed_note):
    cases.close(people.lead, case, sealed_note(case, lead_key))
    kept = IncidentRecipient.objects.get()
    IncidentRecipient.objects.create(incident=kept.incident, key_id=deputy_key.key_id, record=kept.record)
    assert places_are_right()
    assert [row.id for row in queue.page(people.deputy, "closed").rows] == [case]


def test_what_moves_a_case_can_not_be_changed_past_its_place(database, people, case):
    with pytest.raises(NotImplementedError, match="state moves it in the queue"):
        Incident.objects.update(state="closed")
    assert Incident.objects.update(group="staff") == 1


# --- changes -----------------------------------------------------------------------------------------------------


def test_a_change_is_told_until_a_while_after_it_was_made(database, people, device, lead_key, sealed_note):
    first, second = uuid4(), uuid4()
    device.send(device.alert(lead_key, alert=first), device.alert(lead_key, alert=second))
    later = datetime.now(UTC) + queue.OVERLAP
    assert {row.id for row in queue.changes(people.lead, datetime.now(UTC))} == {first, second}
    assert queue.changes(people.lead, later) == []
    IncidentRecipient.objects.update(changed_at=datetime.now(UTC) - timedelta(hours=1))
    cases.close(people.lead, first, sealed_note(first, lead_key))
    (row,) = queue.changes(people.lead, datetime.now(UTC))
    assert (row.id, row.waiting, row.state) == (first, False, "closed")


def test_a_case_that_became_a_part_of_another_no_longer_waits_by_itself(database, people, device, lead_key):
    whole, part = uuid4(), uuid4()
    device.send(device.alert(lead_key, alert=whole), device.alert(lead_key, alert=part))
    merging.merge(people.lead, part, whole, datetime.now(UTC))
    assert {row.id: row.waiting for row in queue.changes(people.lead, datetime.now(UTC))} == {whole: True, part: False}
    assert queue.counts(people.lead, datetime.now(UTC), DUE).open == 1


# --- scale -------------------------------------------------------------------------------------------------------


def many(device, lead_key, case, count, waiting):
    """Write that many incidents behind a first one by bulk, all sealed to the lead."""
    pattern, kept = Incident.objects.get(pk=case), AlertRecord.objects.get()
    copied = [field.attname for field in Incident._meta.fields if field.name not in {"id", "reference", "state"}]
    state = Incident.State.OPEN if waiting else Incident.State.CLOSED
    made = Incident.objects.bulk_create(
        Incident(id=uuid4(), reference=f"X{n}{state}", state=state, **{name: getattr(pattern, name) for name in copied})
        for n in range(count)
    )
    IncidentRecipient.objects.bulk_create(
        IncidentRecipient(incident=one, key_id=lead_key.key_id, record=kept, **one.place()) for one in made
    )


def test_pages_and_counts_are_ranges_of_an_index_however_many_are_closed(database, people, device, case, lead_key):
    many(device, lead_key, case, 2000, waiting=False)
    many(device, lead_key, case, 60, waiting=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    middle = queue.page(people.lead, "closed", None, 500).following
    looks = (
        lambda: queue.page(people.lead),
        lambda: queue.page(people.lead, "closed", middle),
        lambda: queue.changes(people.lead, datetime.now(UTC) + timedelta(days=1)),
    )
    for look in looks:
        with CaptureQueriesContext(connection) as asked:
            look()
        ranges = [one["sql"] for one in asked if "ORDER BY" in one["sql"]]
        assert ranges
        for sql in ranges:
            with connection.cursor() as cursor:
                cursor.execute(("EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN ") + sql)
                plan = "\n".join(str(line) for line in cursor.fetchall())
            assert "queue_" in plan, plan
            assert "SCAN store_incidentrecipient" not in plan
            assert "Seq Scan on store_incidentrecipient" not in plan
            if "changed_at >" not in sql:
                assert "TEMP B-TREE" not in plan, plan
