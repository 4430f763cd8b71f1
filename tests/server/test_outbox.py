"""The outbox: each row is sent by one sender, comes up again after a fault or a dead sender, and a flood is paced."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from server import outbox
from server.outbox import LEASE, Kind, Recipient
from server.store.models import OutboxMessage

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def put(people, lead_key, new_incident):
    """`put(count, kind)`: so many cases to tell the lead of, at a time."""

    def rows(count=1, kind=Kind.URGENT, now=NOW, due=None):
        incident = new_incident(lead_key)
        outbox.put(outbox.of_case(kind, incident, people.lead, str(n), now, due or now) for n in range(count))

    return rows


@pytest.fixture
def lead(people):
    return Recipient(people.lead.pk, "")


def send(lead, now, kind=Kind.URGENT):
    held = outbox.claim(kind, lead, now)
    if held is not None:
        outbox.settle(held, {}, "", now)
    return 0 if held is None else len(held.rows)


def test_the_same_news_is_one_row(database, people, lead_key, new_incident):
    incident = new_incident(lead_key)
    for _ in range(2):
        outbox.put([outbox.of_case(Kind.URGENT, incident, people.lead, "0.0", NOW, NOW)])
    assert OutboxMessage.objects.count() == 1


def test_what_is_due_is_claimed_once_and_what_is_not_due_waits(database, put, lead):
    put(3)
    put(1, due=at(60))
    assert outbox.due(NOW) == [(Kind.URGENT, lead)]
    assert len(outbox.claim(Kind.URGENT, lead, NOW).rows) == 3
    assert outbox.claim(Kind.URGENT, lead, NOW) is None
    assert outbox.due(NOW) == []


def test_senders_that_look_at_once_share_the_rows_and_none_is_sent_twice(database, put, lead):
    put(200)
    start, found = threading.Barrier(4), []

    def sender():
        start.wait()
        held = outbox.claim(Kind.URGENT, lead, NOW)
        found.extend([row.pk for row in held.rows] if held is not None else [])
        connection.close()

    threads = [threading.Thread(target=sender) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == len(set(found)) == 200


def test_what_a_killed_sender_held_is_sent_after_the_lease_and_its_late_word_counts_no_more(database, put, lead):
    put()
    dead = outbox.claim(Kind.URGENT, lead, NOW)
    assert outbox.claim(Kind.URGENT, lead, NOW + LEASE - timedelta(seconds=1)) is None
    held = outbox.claim(Kind.URGENT, lead, NOW + LEASE)
    outbox.settle(dead, {}, "", NOW + LEASE)
    assert OutboxMessage.objects.get().sent_at is None
    outbox.settle(held, {}, "", NOW + LEASE)
    assert OutboxMessage.objects.get().sent_at == NOW + LEASE
    assert outbox.due(NOW + 9 * LEASE) == []


def test_an_urgent_message_is_tried_again_ever_more_slowly_and_never_given_up(database, put, lead):
    put()
    now, waits = NOW, []
    for _ in range(8):
        held = outbox.claim(Kind.URGENT, lead, now)
        outbox.settle(held, {}, "refused", now)
        row = OutboxMessage.objects.get()
        waits.append((row.due_at - now).total_seconds())
        now = row.due_at
    assert waits == [10, 30, 60, 120, 300, 600, 600, 600]
    held = outbox.claim(Kind.URGENT, lead, NOW + timedelta(days=400))
    outbox.settle(held, {}, "refused", NOW + timedelta(days=400))
    assert OutboxMessage.objects.get().given_up_at is None


def test_a_routine_message_is_given_up_after_three_days(database, put, lead):
    put(kind=Kind.ROUTINE)
    for days, given_up in ((2, False), (3, True)):
        now = NOW + timedelta(days=days)
        outbox.settle(outbox.claim(Kind.ROUTINE, lead, now), {}, "refused", now)
        assert (OutboxMessage.objects.get().given_up_at is not None) is given_up
    assert outbox.due(NOW + timedelta(days=9)) == []


def test_what_one_way_took_is_remembered_and_after_an_hour_is_enough(database, put, lead):
    put()
    held = outbox.claim(Kind.URGENT, lead, NOW)
    outbox.settle(held, {held.rows[0].pk: ["email"]}, "timeout", NOW)
    held = outbox.claim(Kind.URGENT, lead, at(10))
    assert held.rows[0].delivered_to == ["email"]
    outbox.settle(held, {held.rows[0].pk: ["email"]}, "timeout", at(3700))
    row = OutboxMessage.objects.get()
    assert (row.sent_at, row.fault) == (at(3700), "timeout")


def test_five_urgent_messages_go_at_once_and_then_one_a_minute_tells_of_all_that_came(database, put, lead):
    sent = {}
    for second in range(180):
        put(5, now=at(second))
        count = send(lead, at(second))
        if count:
            sent[second] = count
    assert sent == {0: 5, 1: 5, 2: 5, 3: 5, 4: 5, 64: 300, 124: 300}
    assert send(lead, at(184)) == 275


def test_others_are_not_paced_with_somebody_who_is_flooded(database, put, people, deputy_key, new_incident, lead):
    for second in range(6):
        put(now=at(second))
        send(lead, at(second))
    outbox.put([outbox.of_case(Kind.URGENT, new_incident(deputy_key), people.deputy, "0", at(6), at(6))])
    assert send(lead, at(6)) == 0
    assert send(Recipient(people.deputy.pk, ""), at(6)) == 1


def test_what_is_about_no_case_goes_alone(database, people, lead):
    for number in range(2):
        outbox.put(
            [
                OutboxMessage(
                    kind=Kind.PLAIN, once_key=str(number), user=people.lead, subject="S", created_at=NOW, due_at=NOW
                )
            ]
        )
    assert send(lead, NOW, Kind.PLAIN) == 1
    assert send(lead, NOW, Kind.PLAIN) == 1


def test_a_clock_that_is_set_back_holds_up_nothing_that_is_urgent_or_tried_again(database, put, lead):
    put()
    outbox.settle(outbox.claim(Kind.URGENT, lead, at(7200)), {}, "refused", at(7200))
    put(kind=Kind.ROUTINE)
    outbox.settle(outbox.claim(Kind.ROUTINE, lead, at(7200)), {}, "refused", at(7200))
    assert outbox.due(at(7100)) == []
    assert [kind for kind, _ in outbox.due(NOW)] == [Kind.URGENT, Kind.ROUTINE]
    assert send(lead, NOW) == 1


def test_what_was_put_by_a_clock_that_was_ahead_goes_once_it_is_put_right(database, put, lead):
    put(kind=Kind.ROUTINE, now=at(7200), due=at(9000))
    assert outbox.due(NOW) == [(Kind.ROUTINE, lead)]
    assert send(lead, NOW, Kind.ROUTINE) == 1


def test_what_was_planned_for_later_waits_for_it_and_a_sender_keeps_what_it_holds(database, put, lead):
    put(kind=Kind.ROUTINE, due=at(7200))
    assert outbox.due(NOW) == []
    put()
    assert outbox.claim(Kind.URGENT, lead, NOW) is not None
    assert outbox.due(at(-30)) == []


def test_what_was_claimed_before_the_clock_was_set_back_is_sent_though_its_sender_died(database, put, lead):
    put()
    assert outbox.claim(Kind.URGENT, lead, at(7200)) is not None
    assert len(outbox.claim(Kind.URGENT, lead, NOW).rows) == 1


def test_urgent_messages_that_were_sent_by_a_clock_that_was_ahead_hold_up_none_after_it_is_put_right(
    database, put, lead
):
    for second in range(5):
        put(now=at(7200 + second))
        send(lead, at(7200 + second))
    put()
    assert send(lead, NOW) == 1
