"""Which of a month's cases are in figures: those kept from nobody, however they are looked at."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from msgspec import structs

from protocol.messages import decode_header, encode
from server import month_cases
from server.store.models import AlertRecord, Incident

pytestmark = pytest.mark.django_db
OCTOBER = (date(2026, 10, 1), date(2026, 11, 1), "Europe/London")
IN_IT = datetime(2026, 10, 6, 9, tzinfo=UTC)


def counted():
    return month_cases.of(*OCTOBER).counted


def test_a_case_that_is_kept_from_one_lead_is_in_no_figure(new_incident, lead_key, deputy_key, publish_list):
    publish_list(lead_key, deputy_key)
    for _ in range(6):
        new_incident(lead_key, deputy_key, at=IN_IT)
    before = month_cases.figures(*OCTOBER)
    new_incident(lead_key, at=IN_IT)  # about the deputy
    new_incident(deputy_key, at=IN_IT)  # about the lead
    assert month_cases.figures(*OCTOBER) == before
    assert before.urgency.total == 6


def test_a_case_that_is_kept_from_a_partners_lead_of_its_group_is_not_counted(
    new_incident, people, lead_key, new_lead_key, publish_list
):
    partner = new_lead_key(people.partner)
    publish_list(lead_key, (partner, "staff"))
    new_incident(lead_key, at=IN_IT)
    assert counted() == ()
    publish_list(lead_key, (partner, "learners"))
    assert len(counted()) == 1, "it is of another group, for which the partner's lead is not"


def test_what_was_sealed_under_a_list_that_is_not_known_is_not_counted(new_incident, lead_key, publish_list):
    publish_list(lead_key, version=2)
    new_incident(lead_key, at=IN_IT)
    assert counted() == ()


def test_who_became_a_lead_later_changes_no_count(new_incident, lead_key, deputy_key, publish_list):
    publish_list(lead_key)
    new_incident(lead_key, at=IN_IT)
    before = counted()
    publish_list(lead_key, deputy_key, version=2)
    assert counted() == before
    assert len(before) == 1


def test_a_header_that_can_not_be_read_costs_the_others_nothing(new_incident, lead_key, publish_list):
    publish_list(lead_key)
    broken, good = new_incident(lead_key, at=IN_IT), new_incident(lead_key, at=IN_IT)
    AlertRecord.objects.filter(incident=broken).update(header=b"odd")
    assert [one.id for one in counted()] == [good.pk]


def test_the_month_is_that_of_the_organisations_time(new_incident, lead_key, publish_list):
    publish_list(lead_key)
    for at in (datetime(2026, 9, 30, 22, 59, tzinfo=UTC), datetime(2026, 11, 1, 0, 0, tzinfo=UTC)):
        new_incident(lead_key, at=at)
    begin = new_incident(lead_key, at=datetime(2026, 9, 30, 23, 0, tzinfo=UTC))
    assert [one.id for one in counted()] == [begin.pk]


def test_what_became_urgent_after_the_month_was_routine_in_it(new_incident, lead_key, publish_list):
    publish_list(lead_key)
    incident = new_incident(lead_key, urgent=False, at=IN_IT)
    add_urgent(incident, IN_IT + timedelta(days=40))
    assert [one.urgent for one in counted()] == [False]
    add_urgent(incident, IN_IT + timedelta(days=4))
    assert [one.urgent for one in counted()] == [True]


def add_urgent(incident: Incident, at: datetime) -> None:
    """Keep one more record of a case, an urgent one, as it came at that time."""
    first = incident.records.get(revision=0)
    number = incident.records.count()
    header = structs.replace(decode_header(bytes(first.header)), record=uuid4(), urgent=True, revision=number)
    AlertRecord.objects.create(
        record=header.record, incident=incident, signer=incident.signer, revision=number, header=encode(header),
        heading=b"", evidence=b"", evidence_sha256=b"", signature=b"", received_at=at,
    )  # fmt: skip
