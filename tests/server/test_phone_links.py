"""One-time links: good once and for a day, the newest alone, and the id is made only when one is used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server import phone_links, phones
from server.errors import NotAllowed, NotThere, WrongState
from server.phones import NewPhone
from server.store.models import AuditEntry, Phone

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def phone(device):
    return phones.add(None, NewPhone("Sam's phone", "staff", "ios", noticed=True), NOW)[0]


def secret_of(link):
    return link.rstrip("/").rpartition("/")[2]


def test_a_link_gives_a_new_id_once(phone):
    before = bytes(phone.phone.id_hash)
    secret = secret_of(phone_links.make(None, phone.pk, NOW))
    assert phone_links.whose(secret, NOW) == phone
    assert phone_links.whose(secret, NOW) == phone
    device, ident = phone_links.use(secret, NOW)
    kept = Phone.objects.get()
    assert device == phone
    assert phones.is_id_of(kept, ident)
    assert bytes(kept.id_hash) != before
    for act in (phone_links.whose, phone_links.use):
        with pytest.raises(NotThere):
            act(secret, NOW)


def test_it_ends_after_a_day_by_a_newer_one_and_when_the_phone_is_changed_otherwise(phone):
    old = secret_of(phone_links.make(None, phone.pk, NOW))
    new = secret_of(phone_links.make(None, phone.pk, NOW))
    with pytest.raises(NotThere):
        phone_links.whose(old, NOW)
    assert phone_links.whose(new, NOW + timedelta(hours=23, minutes=59))
    with pytest.raises(NotThere):
        phone_links.whose(new, NOW + timedelta(hours=24))
    for change in (
        lambda: phones.new_id(None, phone.pk, NOW),
        lambda: phones.hand_on(None, phone.pk, "lee", NOW, noticed=True),
        lambda: phones.withdraw(None, phone.pk, NOW),
    ):
        secret = secret_of(phone_links.make(None, phone.pk, NOW))
        change()
        with pytest.raises(NotThere):
            phone_links.use(secret, NOW)


def test_neither_the_link_nor_an_id_is_in_the_database_or_the_audit_log(phone):
    secret = secret_of(phone_links.make(None, phone.pk, NOW))
    _, ident = phone_links.use(secret_of(phone_links.make(None, phone.pk, NOW)), NOW)
    kept = [str(row) for row in (*Phone.objects.values_list(), *AuditEntry.objects.values_list())]
    for word in (secret, ident):
        assert not [row for row in kept if word in row]
    assert [one.action for one in AuditEntry.objects.filter(action__startswith="phone_link").order_by("seq")] == [
        "phone_link_made",
        "phone_link_made",
        "phone_link_used",
    ]


def test_only_it_makes_one_and_not_for_what_is_set_up_by_policy(phone, people):
    with pytest.raises(NotAllowed):
        phone_links.make(people.manager, phone.pk, NOW)
    windows = phones.add(None, NewPhone("PC", "staff", "windows", noticed=True), NOW)[0]
    with pytest.raises(WrongState, match="set up by policy"):
        phone_links.make(people.it, windows.pk, NOW)
