"""A person sets how they are told and when they are away; what makes no sense is refused, and each change audited."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from server import preferences
from server.channels import CHANNELS_MAX
from server.errors import NotDelivered, NotThere, WrongState
from server.store.models import Absence, AuditDetail, AuditEntry, NotifyChannel, NotifySettings, User

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
URL = "ntfys://ntfy.example/secret-topic"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_recent_test(monkeypatch):
    monkeypatch.setattr(preferences, "_tests", {})


def add(user, url=URL, label="Phone"):
    return preferences.add_channel(user, label, url, NOW, urgent_only=True)


def test_settings_are_kept_and_a_new_address_forgets_the_old_ones_fault(people):
    NotifySettings.objects.create(
        user=people.lead, email="old@x.example", email_fault="address", digested_on=NOW.date()
    )
    preferences.save(people.lead, NotifySettings(user=people.lead, email="new@x.example", days="135"), NOW)
    kept = NotifySettings.objects.get()
    assert (kept.email, kept.days, kept.email_fault, kept.digested_on) == ("new@x.example", "135", "", NOW.date())


def test_a_way_is_kept_tested_and_removed_and_only_by_its_owner(people, hook):
    channel = add(people.lead, f"json://127.0.0.1:{hook.port}/x")
    for act in (preferences.remove_channel, preferences.send_test):
        with pytest.raises(NotThere):
            act(people.deputy, channel.pk, NOW)
    preferences.send_test(people.lead, channel.pk, NOW)
    assert b"a test" in hook.posted[0][2]
    preferences.remove_channel(people.lead, channel.pk, NOW)
    assert not NotifyChannel.objects.exists()


def test_a_test_that_fails_is_told_and_remembered_and_one_that_works_clears_it(people, hook, monkeypatch):
    channel = add(people.lead, f"json://127.0.0.1:{hook.port}/x")
    hook.status = 500
    with pytest.raises(NotDelivered):
        preferences.send_test(people.lead, channel.pk, NOW)
    assert NotifyChannel.objects.get().fault == "service"
    with pytest.raises(WrongState, match="a moment ago"):
        preferences.send_test(people.lead, channel.pk, NOW)
    monkeypatch.setattr(preferences, "_tests", {})
    hook.status = 200
    preferences.send_test(people.lead, channel.pk, NOW)
    assert NotifyChannel.objects.get().fault == ""


def test_a_test_by_mail_goes_to_the_chosen_address(people, by_mail):
    NotifySettings.objects.create(user=people.lead, email="home@x.example")
    preferences.send_test(people.lead, None, NOW)
    assert by_mail.taken[0].to == ["home@x.example"]


def test_without_an_address_there_is_nowhere_to_test(people):
    User.objects.update(email="")
    people.lead.refresh_from_db()
    with pytest.raises(NotDelivered):
        preferences.send_test(people.lead, None, NOW)


def test_ways_have_a_bound_and_nonsense_is_not_kept(people):
    with pytest.raises(WrongState):
        add(people.lead, "syslog://")
    for _ in range(CHANNELS_MAX):
        add(people.lead)
    with pytest.raises(WrongState, match="remove one first"):
        add(people.lead)
    assert add(people.deputy).user == people.deputy


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        ("2026-11-25", "2026-11-24", "before the first"),
        ("2026-11-10", "2026-11-19", "are over"),
        ("2026-11-20", "2126-11-20", "at most"),
        ("2126-11-20", "2126-11-21", "at most"),
    ],
)
def test_days_that_make_no_sense_are_refused(people, first, last, says):
    with pytest.raises(WrongState, match=says):
        preferences.enter_absence(people.lead, date.fromisoformat(first), date.fromisoformat(last), NOW)
    assert not Absence.objects.exists()


def test_absences_are_shown_to_colleagues_and_ended_by_their_owner_alone(people):
    one = preferences.enter_absence(people.lead, date(2026, 11, 20), date(2026, 11, 22), NOW)
    preferences.enter_absence(people.deputy, date(2026, 12, 1), date(2026, 12, 2), NOW)
    assert [away.name for away in preferences.absences(people.lead, NOW)] == [
        "The safeguarding lead",
        people.deputy.display_name,
    ]
    assert preferences.absences(people.partner, NOW) == []
    with pytest.raises(NotThere):
        preferences.end_absence(people.deputy, one.pk, NOW)
    preferences.end_absence(people.lead, one.pk, NOW)
    assert [away.name for away in preferences.absences(people.lead, NOW)] == [people.deputy.display_name]


def test_every_change_is_on_the_record_and_no_address_is(people):
    preferences.save(people.lead, NotifySettings(user=people.lead, email="secret@x.example"), NOW)
    preferences.remove_channel(people.lead, add(people.lead).pk, NOW)
    away = preferences.enter_absence(people.lead, date(2026, 11, 20), date(2026, 11, 22), NOW)
    preferences.end_absence(people.lead, away.pk, NOW)
    assert [one.action for one in AuditEntry.objects.order_by("seq")] == [
        "notify_settings_changed",
        "notify_channel_added",
        "notify_channel_removed",
        "absence_entered",
        "absence_ended",
    ]
    assert {one.subject for one in AuditEntry.objects.all()} == {f"user:{people.lead.pk}"}
    assert not AuditDetail.objects.exists()
