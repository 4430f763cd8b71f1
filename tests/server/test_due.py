"""On a month's first working morning whoever can act is told how much is due, once, in numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from server import board, due, partners
from server.partners import Details
from server.store.models import Device, DeviceSign, OutboxMessage, Person, TrainingRecord

MORNING = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def waiting(people):
    for account, group in (("sam", "staff"), ("lee", "learners")):
        Person.objects.create(account=account, key=account, name=account, group=group, changed_at=MORNING)
        TrainingRecord.objects.create(
            account=account, key=account, course="Prevent", course_key="prevent", done_on=date(2020, 1, 1)
        )
    partners.add(None, Details("North College", "Dana Reed"), MORNING)
    return people


@pytest.mark.django_db
def test_each_is_told_once_of_what_they_can_act_on_and_no_name_is_in_it(waiting):
    due.tell(MORNING)
    due.tell(MORNING.replace(day=2))
    told = {one.user_id: one.body for one in OutboxMessage.objects.all()}
    people = waiting
    assert set(told) == {people.it.pk, people.manager.pk, people.dpo.pk}
    training = "Training: 2 overdue, 1 without a date, 0 due within 30 days; see the page “Training” for whose."
    partner = "Partners: 0 overdue, 1 without a date, 0 due within 30 days; see the page “Partners” for which."
    assert told[people.it.pk] == training
    assert told[people.dpo.pk] == partner
    assert told[people.manager.pk] == f"{training}\n{partner}"
    due.tell(datetime(2027, 1, 4, 9, 0, tzinfo=UTC))
    assert OutboxMessage.objects.count() == 6


@pytest.mark.django_db
def test_it_is_told_how_many_laptops_need_a_look_of_each_kind_and_nobody_else_is(people, device):
    Device.objects.update(last_seen=MORNING)
    for kind in ("clock_moved", "stopped_badly"):
        DeviceSign.objects.create(device_id=device.id, kind=kind, since=MORNING, last=MORNING)
    due.tell(MORNING)
    told = OutboxMessage.objects.get()
    assert told.user_id == people.it.pk
    assert told.body == (
        "Laptops that need a look: its service was killed, or kept from running: 1; "
        "its clock was moved by more than two minutes: 1. "
        "See the page “Devices that need a look”."
    )


@pytest.mark.django_db
def test_a_partners_manager_is_told_of_their_own_groups_alone(waiting):
    waiting.manager.groups = ["learners"]
    waiting.manager.save()
    due.tell(MORNING)
    body = OutboxMessage.objects.get(user=waiting.manager).body
    assert body == "Training: 1 overdue, 0 without a date, 0 due within 30 days; see the page “Training” for whose."


@pytest.mark.django_db
@pytest.mark.parametrize(
    "when",
    [
        datetime(2026, 12, 1, 7, 59, tzinfo=UTC),
        datetime(2026, 12, 5, 9, 0, tzinfo=UTC),
        datetime(2026, 12, 8, 9, 0, tzinfo=UTC),
    ],
)
def test_nobody_is_told_before_eight_at_a_weekend_or_after_the_first_week(waiting, when):
    due.tell(when)
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
def test_where_nothing_is_due_nobody_is_told(people):
    due.tell(MORNING)
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
def test_who_keeps_the_yearly_review_is_told_when_it_comes_near_and_when_it_is_past(people):
    board.plan(people.manager, date(2026, 12, 20), MORNING)
    due.tell(MORNING)
    bodies = {one.user_id: one.body for one in OutboxMessage.objects.all()}
    near = "The yearly review is due on 20 December 2026; see the page “Yearly review”."
    assert bodies == {people.manager.pk: near, people.dpo.pk: near}
    due.tell(datetime(2027, 1, 4, 9, 0, tzinfo=UTC))
    assert OutboxMessage.objects.filter(body__contains="was due on 20 December 2026").count() == 2
