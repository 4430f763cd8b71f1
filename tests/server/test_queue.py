"""The queue has what is sealed to the lead, open and urgent first, and each incident once."""

from __future__ import annotations

from uuid import uuid4

import pytest

from server import cases, queue
from server.errors import NotAllowed
from server.store.models import LeadKey


def test_the_queue_has_what_is_sealed_to_the_lead_and_it_opens(database, people, case, lead_key, open_part):
    (row,) = queue.rows(people.lead)
    assert (row.id, row.key_id, row.state, row.device_name) == (case, lead_key.key_id, "open", "laptop-01")
    assert b"gambling" in open_part(row, lead_key, "heading")


def test_a_lead_who_left_opens_nothing(database, people, case):
    people.lead.is_active = False
    with pytest.raises(NotAllowed):
        queue.rows(people.lead)


def test_a_key_taken_out_of_use_opens_nothing(database, people, case):
    LeadKey.objects.update(active=False)
    assert queue.rows(people.lead) == []


def test_the_queue_is_open_and_urgent_first(database, device, people, lead_key, sealed_note):
    made = {}
    for name, urgent in (("routine", False), ("urgent", True), ("done", True)):
        made[name] = uuid4()
        device.send(device.alert(lead_key, alert=made[name], urgent=urgent))
    cases.close(people.lead, made["done"], sealed_note(made["done"], lead_key))
    assert [row.id for row in queue.rows(people.lead)] == [made["urgent"], made["routine"], made["done"]]
    assert [row.id for row in queue.rows(people.lead, closed=False)] == [made["urgent"], made["routine"]]


def test_the_queue_shows_the_newest_record_that_is_sealed_to_the_lead(database, device, people, lead_key, deputy_key):
    alert = uuid4()
    device.send(device.alert(lead_key, deputy_key, alert=alert))
    device.send(device.alert(deputy_key, alert=alert, revision=1))
    assert [row.revision for row in queue.rows(people.lead)] == [0]
    assert [row.revision for row in queue.rows(people.deputy)] == [1]


def test_a_lead_with_two_keys_sees_an_incident_once(database, device, people, lead_key, new_lead_key):
    device.send(device.alert(lead_key, new_lead_key(people.lead)))
    assert len(queue.rows(people.lead)) == 1
