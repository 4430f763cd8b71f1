"""Totals of use erased, or left out of figures, at a person's request: gone for good, and nobody can subtract."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from django.db import transaction

from protocol.messages import PeopleQuestion, UsageRow
from server import deletion_log, erasure, month_use, people, restore, subject_access, summary, usage
from server.directory_index import who
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import AuditEntry, Device, MonthBasis, Person, PersonMonth, SubjectRequest, Usage, UsageKey

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ALL = ("amira", "ben", "cai", "dee", "eve", "fay", "gus", "hal")


@pytest.fixture
def officer(database, people, device, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    Device.objects.update(enrolled_at=datetime(2026, 9, 1, tzinfo=UTC))
    for name in ALL:
        Person.objects.create(account=name, key=name, name=name.title(), group="staff", changed_at=NOW)
    return people.dpo


@pytest.fixture
def used(officer, device):
    """`used(account, hours, month="2026-10")`: write a total of games."""
    number = Device.objects.get(pk=device.id).number

    def write(account, hours, month="2026-10"):
        key, _ = UsageKey.objects.get_or_create(kind="host", category="games", name="")
        row, _ = PersonMonth.objects.get_or_create(month=month, account=account)
        usage.write([(row.pk, number, int(month.replace("-", "")) * 100 + 5, key.pk, int(hours * 3600), 1)])

    return write


def asked(officer, account="amira"):
    return subject_access.start(officer, account, "known", date(2026, 11, 19), NOW)


def hours(made):
    return {one.category: one.hours for one in made.totals}


def of_amira():
    return Usage.objects.filter(person__in=PersonMonth.objects.filter(account="amira").values("pk")).count()


def test_erased_totals_are_gone_and_what_comes_in_late_does_not_bring_them_back(officer, used, device):
    used("amira", 2)
    used("amira", 1, "2026-11")
    used("ben", 1)
    request = asked(officer)
    erasure.erase_use(officer, request.pk, NOW)
    assert of_amira() == 0
    assert Usage.objects.count() == 1
    number = Device.objects.get(pk=device.id).number
    ids = people.answer(PeopleQuestion(1, "2026-10", ("amira", "ben")), NOW).ids
    late = [UsageRow(ids[name], date(2026, 10, 9), "host", "games", None, 60, 1) for name in ("amira", "ben")]
    with transaction.atomic():
        usage.add(number, late)
    assert of_amira() == 0
    assert Usage.objects.count() == 2
    (line,) = AuditEntry.objects.filter(action="subject_use_erased")
    assert "amira" not in f"{line.actor}{line.subject}"


def test_a_published_month_stays_and_what_it_rests_on_names_the_person_no_more(officer, used):
    for name in ALL[:6]:
        used(name, 2)
    first = summary.make("2026-10", NOW)
    assert hours(first) == {"games": 12.0}
    number = who()("amira").person
    erasure.erase_use(officer, asked(officer).pk, NOW)
    again = summary.make("2026-10", NOW)
    assert again == first
    basis = summary.basis_of("2026-10")
    assert number not in basis.groups
    assert all(number not in shares for *_, shares in basis.blocks)
    assert MonthBasis.objects.count() == 1


def test_late_totals_of_too_few_do_not_show_what_an_erased_person_had(officer, used):
    for name in ALL[:6]:
        used(name, 2)
    summary.make("2026-10", NOW)
    erasure.erase_use(officer, asked(officer).pk, NOW)
    for name in ("ben", "cai", "dee"):
        used(name, 1)
    assert hours(summary.make("2026-10", NOW)) == {"games": 12.0}
    for name in ("eve", "fay"):
        used(name, 1)
    # Five people's late totals came in by now and may be told; what was published of the sixth stays in the figure.
    assert hours(summary.make("2026-10", NOW)) == {"games": 17.0}


def test_people_left_out_and_counted_again_never_make_the_difference_of_two_versions_one_person_s(officer, used):
    for name in ALL:
        used(name, 2)
    assert hours(summary.make("2026-10", NOW)) == {"games": 16.0}
    requests = {name: asked(officer, name).pk for name in ALL[:5]}
    for pk in requests.values():
        erasure.restrict_use(officer, pk, NOW, restricted=True)
    assert hours(summary.make("2026-10", NOW)) == {"games": 16.0}
    for name in ALL[:4]:
        erasure.restrict_use(officer, requests[name], NOW, restricted=False)
    used("fay", 1)
    assert hours(summary.make("2026-10", NOW)) == {"games": 16.0}  # not less by what Eve had, and more by what Fay has


def test_use_that_is_left_out_is_in_no_figure_until_it_counts_again(officer, used):
    for name in ALL[:6]:
        used(name, 2)
    request = asked(officer)
    erasure.restrict_use(officer, request.pk, NOW, restricted=True)
    found = month_use.of("2026-10", who())
    assert {one.person for one in found.uses} == {who()(name).person for name in ALL[1:6]}
    assert not found.unlisted
    assert of_amira() == 1
    subject_access.close(officer, request.pk, "answered", NOW)
    assert hours(summary.make("2026-10", NOW)) == {"games": 10.0}
    erasure.restrict_use(officer, request.pk, NOW, restricted=False)
    assert hours(summary.make("2026-10", NOW)) == {"games": 10.0}  # one person's use is never the difference of two
    assert len(month_use.of("2026-10", who()).uses) == 6


def test_a_backup_that_is_put_back_is_erased_again_by_ids_that_name_nobody(officer, used, tmp_path):
    used("amira", 2)
    used("ben", 2)
    erasure.erase_use(officer, asked(officer).pk, NOW)
    (line,) = map(json.loads, (tmp_path / deletion_log.FILE_NAME).read_text().splitlines())
    assert set(line) == {"at", "kind", "days", "before", "person"}
    lines = deletion_log.in_file(tmp_path / deletion_log.FILE_NAME)
    assert lines == deletion_log.in_database()
    PersonMonth.objects.update(erased_at=None)
    used("amira", 2)
    deletion_log.take_in(lines)
    restore.delete_again(lines, NOW)
    assert of_amira() == 0
    assert PersonMonth.objects.filter(erased_at__isnull=False).count() == 1


@pytest.mark.parametrize("role", ["lead", "it", "manager"])
def test_only_the_officer_erases_and_only_while_somebody_asks(officer, used, people, role):
    request = asked(officer)
    other = getattr(people, role)
    with pytest.raises(NotAllowed):
        erasure.erase_use(other, request.pk, NOW)
    with pytest.raises(NotAllowed):
        erasure.restrict_use(other, request.pk, NOW, restricted=True)
    with pytest.raises(NotThere):
        erasure.erase_use(officer, uuid4(), NOW)
    with pytest.raises(WrongState, match="so already"):
        erasure.restrict_use(officer, request.pk, NOW, restricted=False)
    subject_access.close(officer, request.pk, "answered", NOW)
    for work in (
        lambda: erasure.erase_use(officer, request.pk, NOW),
        lambda: erasure.restrict_use(officer, request.pk, NOW, restricted=True),
    ):
        with pytest.raises(WrongState, match="closed"):
            work()
    assert SubjectRequest.objects.get().erased_at is None
