"""What passkeys wrap is kept for its owner alone, bounded, and gone when removed."""

from __future__ import annotations

import os

import msgspec
import pytest

from protocol import leadkeys as keyfile
from protocol.errors import Refused
from protocol.messages import encode
from server import leadkeys, passkeys
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import AuditEntry, UnlockPasskey


@pytest.fixture(scope="module")
def file():
    return keyfile.make("six words")


@pytest.fixture
def given(database, people, file):
    """`given(**changes)`: a passkey of the lead's key, as the browser hands it in."""
    leadkeys.keep(people.lead, encode(file))

    def make(**changes):
        parts = (file.key_id, os.urandom(32), os.urandom(32), file.opening, file.signing, "Laptop")
        return encode(msgspec.structs.replace(passkeys.Passkey(*parts), **changes))

    return make


def test_a_passkey_is_kept_once_and_handed_to_its_owners_form_alone(people, given, file, now):
    body = given(credential=bytes(16))
    passkeys.add(people.lead, body, now=now)
    passkeys.add(people.lead, body, now=now)
    (kept,) = msgspec.json.decode(passkeys.for_unlocking(people.lead), type=list[passkeys.KeptPasskey])
    assert (kept.key_id, kept.public_key, kept.opening) == (file.key_id, file.public_key, file.opening)
    assert passkeys.for_unlocking(people.deputy) == "[]"
    assert [entry.action for entry in AuditEntry.objects.order_by("seq")][-1] == "passkey_added"


def test_nobody_adds_to_uses_or_removes_anothers(people, given, now):
    made = passkeys.add(people.lead, given())
    with pytest.raises(NotThere):
        passkeys.add(people.deputy, given())
    with pytest.raises(NotAllowed):
        passkeys.add(people.it, given())
    for act in (
        lambda: passkeys.remove(people.deputy, made.pk, now=now),
        lambda: passkeys.used(people.deputy, made.pk, now),
    ):
        with pytest.raises(NotThere):
            act()
    assert UnlockPasskey.objects.count() == 1


def test_using_is_remembered_and_removing_forgets(people, given, now):
    made = passkeys.add(people.lead, given())
    passkeys.used(people.lead, made.pk, now)
    assert passkeys.of(people.lead)[0].last_used_at == now
    passkeys.remove(people.lead, made.pk, now=now)
    assert passkeys.of(people.lead) == []


def test_there_is_a_bound_and_odd_ones_are_refused(people, given, monkeypatch):
    monkeypatch.setattr(passkeys, "PASSKEYS_EACH_MAX", 1)
    passkeys.add(people.lead, given())
    with pytest.raises(WrongState, match="more than 1"):
        passkeys.add(people.lead, given())
    for change in ({"salt": b"short"}, {"credential": b""}, {"label": "x" * 1000}):
        with pytest.raises(Refused):
            passkeys.add(people.lead, given(**change))


def test_a_key_out_of_use_takes_its_passkeys_along(people, given, file):
    passkeys.add(people.lead, given())
    people.lead.lead_keys.update(active=False)
    assert passkeys.for_unlocking(people.lead) == "[]"
