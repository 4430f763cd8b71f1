"""What the case page asks for: who has it, its timeline, decisions, parts and cases beside it, as leads get them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
from django.test import Client

from protocol.messages import encode
from server.store.models import AuditEntry, CaseEvent, Incident

pytestmark = pytest.mark.django_db


@pytest.fixture
def shared(device, lead_key, deputy_key):
    """A case that the lead and the deputy can open."""
    alert = uuid4()
    assert device.send(device.alert(lead_key, deputy_key, alert=alert)).results == [("stored", None)]
    return alert


@pytest.fixture
def desk(people):
    """`desk(user)(method, address, body)`: ask as somebody; gives status and JSON."""

    def ask_as(user):
        client = Client()
        client.force_login(user)

        def ask(method, address, body=None):
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            answer = client.generic(method, f"/desk/data/{address}", data, content_type="application/json")
            return answer.status_code, answer.json()

        return ask

    return ask_as


def test_two_leads_see_who_has_the_case_and_who_looks(shared, people, desk):
    lead, deputy = desk(people.lead), desk(people.deputy)
    place = f"incidents/{shared}/"
    assert lead("POST", f"{place}look")[1]["assigned"] is None
    status, standing = deputy("POST", f"{place}look")
    assert (status, standing["looking"], standing["is_open"]) == (200, ["The safeguarding lead"], True)
    assert lead("POST", f"{place}assign", {"to": people.lead.pk, "held_by": None})[0] == 200
    status, said = deputy("POST", f"{place}assign", {"to": people.deputy.pk, "held_by": None})
    assert (status, said["error"]) == (409, "The safeguarding lead has this case now.")
    assert deputy("POST", f"{place}look")[1]["assigned"]["id"] == people.lead.pk
    assert deputy("POST", f"{place}acknowledge")[1]["id"] == people.lead.pk


@pytest.mark.parametrize("body", [{}, {"to": "x", "held_by": None}, {"to": 1, "held_by": 1, "more": 1}, []])
def test_odd_assignments_are_refused(shared, people, desk, body):
    assert desk(people.lead)("POST", f"incidents/{shared}/assign", body)[0] == 400


def test_notes_come_with_the_timeline_only_once_the_case_was_opened_on_the_record(
    shared, people, desk, lead_key, deputy_key, sealed_note
):
    lead, deputy = desk(people.lead), desk(people.deputy)
    note = sealed_note(shared, lead_key, deputy_key, text=b"Zebrafish")
    assert lead("POST", f"incidents/{shared}/notes", encode(note))[0] == 200
    assert deputy("GET", f"incidents/{shared}/timeline")[1]["notes"] == []
    assert deputy("POST", f"incidents/{shared}/release")[0] == 200
    found = deputy("GET", f"incidents/{shared}/timeline")[1]
    assert [one["id"] for one in found["notes"]] == [str(note.id)]
    assert [(one["what"], one["by"]) for one in found["events"]] == [("opened", "The deputy safeguarding lead")]
    assert AuditEntry.objects.filter(action="evidence_released").count() == 1


def test_a_decision_with_a_day_closes_and_a_reason_reopens(shared, people, desk, lead_key, sealed_note):
    lead = desk(people.lead)
    soon = datetime.now(UTC).date() + timedelta(days=30)
    decision = msgspec.json.decode(encode(sealed_note(shared, lead_key))) | {"back_on": soon.isoformat()}
    assert lead("POST", f"incidents/{shared}/close", decision) == (200, {"id": decision["id"], "state": "closed"})
    assert Incident.objects.get().back_on == soon
    assert lead("POST", f"incidents/{shared}/reopen", encode(sealed_note(shared, lead_key)))[0] == 200
    assert Incident.objects.get().state == "open"
    odd = msgspec.json.decode(encode(sealed_note(shared, lead_key))) | {"back_on": "soon"}
    assert lead("POST", f"incidents/{shared}/close", odd)[0] == 400


def test_a_part_is_named_at_the_whole_and_to_nobody_who_can_not_open_it(shared, people, desk, device, lead_key, now):
    mine = uuid4()
    device.send(device.alert(lead_key, alert=mine))
    lead, deputy = desk(people.lead), desk(people.deputy)
    assert lead("POST", f"incidents/{mine}/merge", {"into": str(shared)})[0] == 200
    seen = lead("GET", f"incidents/{shared}/timeline")[1]
    assert [one["id"] for one in seen["parts"]] == [str(mine)]
    assert seen["events"][0]["other"]["id"] == str(mine)
    hidden = deputy("GET", f"incidents/{shared}/timeline")[1]
    assert (hidden["parts"], hidden["events"][0]["other"]) == ([], None)
    assert deputy("POST", f"incidents/{mine}/apart")[0] == 404
    assert lead("POST", f"incidents/{mine}/apart")[0] == 200
    assert CaseEvent.objects.filter(what="taken_apart").count() == 1


def test_the_page_of_a_part_leads_to_the_whole(shared, people, device, lead_key, desk):
    part = uuid4()
    device.send(device.alert(lead_key, alert=part))
    desk(people.lead)("POST", f"incidents/{part}/merge", {"into": str(shared)})
    client = Client()
    client.force_login(people.lead)
    page = client.get(f"/desk/incidents/{part}/").content.decode()
    assert f"This case is a part of {Incident.objects.get(pk=shared).reference}" in page


def test_cases_beside_come_sealed_and_in_pages(shared, people, desk, device, lead_key, monkeypatch):
    monkeypatch.setattr("server.nearby.PAGE_CASES", 1)
    others = {uuid4() for _ in range(2)}
    device.send(*(device.alert(lead_key, alert=one) for one in others))
    lead = desk(people.lead)
    first = lead("GET", f"incidents/{shared}/near")[1]
    second = lead("GET", first["next"].removeprefix("/desk/data/"))[1]
    assert {one["alert"]["incident"] for one in first["cases"] + second["cases"]} == set(map(str, others))
    assert second["next"] is None
    assert first["cases"][0]["alert"]["evidence"] is None
    assert "gambling" not in json.dumps(first)


def test_a_case_is_found_by_number_only_by_who_can_open_it(shared, people, desk, device, lead_key):
    mine = uuid4()
    device.send(device.alert(lead_key, alert=mine))
    number = Incident.objects.get(pk=mine).reference
    assert desk(people.lead)("GET", f"case?reference={number}") == (200, {"id": str(mine), "reference": number})
    assert desk(people.deputy)("GET", f"case?reference={number}")[0] == 404
