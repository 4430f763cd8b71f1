"""Rows are over by the date that counts for them, and a backlog goes in a bounded number of stretches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from server.retention_rows import ROWS, STRETCHES
from server.store.models import Absence, DeviceDay, Job, LeadDocument

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def made(job: str, at: datetime) -> None:
    Job.objects.create(job=job, period="x", claimed_at=at, lease_until=at)


def test_stretches_are_of_a_day_at_least_and_reach_the_end(database):
    (rows,) = ROWS["jobs"]
    assert list(rows.stretches(NOW)) == []
    made("old", NOW - timedelta(days=3))
    ends = list(rows.stretches(NOW - timedelta(hours=1)))
    assert ends[-1] == NOW - timedelta(hours=1)
    assert len(ends) == 3


def test_a_backlog_of_years_goes_in_fifty_stretches_at_most(database):
    (rows,) = ROWS["jobs"]
    made("ancient", NOW - timedelta(days=4000))
    ends = list(rows.stretches(NOW))
    assert len(ends) <= STRETCHES
    assert ends[-1] == NOW
    assert ends == sorted(ends)


def test_days_are_those_of_the_organisation(database, device, people):
    DeviceDay.objects.create(device_id=device.id, day=20261120)
    days = ROWS["coverage"][0]
    # Midnight in London is midnight UTC in November.
    assert days.over(datetime(2026, 11, 20, 23, 0, tzinfo=UTC)).count() == 0
    assert days.over(datetime(2026, 11, 21, 0, 0, tzinfo=UTC)).count() == 1
    assert days.oldest() == datetime(2026, 11, 20, tzinfo=UTC)
    Absence.objects.create(user=people.lead, first_day="2026-07-01", last_day="2026-07-02", entered_at=NOW)
    (absences,) = ROWS["absences"]
    assert absences.oldest() == datetime(2026, 7, 1, 23, 0, tzinfo=UTC)


def test_a_paper_that_still_holds_is_not_over(database, people):
    shared = {"author": people.lead, "made_at": NOW, "envelope": b"", "signer": b"", "signature": b""}
    for number, ended in enumerate(({}, {"until": NOW - timedelta(days=1)}, {"settled_at": NOW - timedelta(days=1)})):
        LeadDocument.objects.create(id=f"{number:032}", kind="mute", **shared, **ended)
    over = {one.pk.int for rows in ROWS["lead_documents"] for one in rows.over(NOW)}
    assert over == {0x1, 0x2}


def test_where_somebody_signed_in_from_stays_while_the_session_does(database, people):
    for key in ("there", "ended"):
        UserSession.objects.create(user=people.lead, session_key=key, ip="127.0.0.1", user_agent="x")
    Session.objects.create(session_key="there", session_data="", expire_date=NOW + timedelta(days=900))
    (rows,) = ROWS["sign_ins"]
    assert [one.session_key for one in rows.over(datetime.now(UTC) + timedelta(days=1))] == ["ended"]
