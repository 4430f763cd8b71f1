"""Leads' keys at the collector: kept once, only for those who open evidence, and worth nothing until signed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from protocol import leadkeys as keyfile
from protocol.errors import Refused
from protocol.messages import encode
from protocol.publication import Recipient, RecipientList
from server import leadkeys, preferences
from server.errors import NotAllowed, WrongState
from server.leadkeys import Openers
from server.store.models import AuditEntry, LeadKey

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def file():
    return keyfile.make("words")


@pytest.fixture
def publish(tmp_path, monkeypatch):
    monkeypatch.setattr("django.conf.settings.RULES_DIR", tmp_path)
    folder = tmp_path / "targets" / "recipients"
    folder.mkdir(parents=True)

    def write(version, *files):
        rows = [Recipient(one.key_id, one.public_key, "lead", "A lead") for one in files]
        rows.append(Recipient(RECOVERY.key_id, RECOVERY.public_key, "recovery", "Recovery"))
        (folder / f"{version}.recipients.json").write_bytes(encode(RecipientList(version, True, tuple(rows))))

    return write


RECOVERY = keyfile.make("shares")


def test_a_lead_keeps_a_key_once_and_the_log_says_so(people, file, publish):
    assert leadkeys.held(people.lead).state == "none"
    leadkeys.keep(people.lead, encode(file))
    leadkeys.keep(people.lead, encode(file))
    assert LeadKey.objects.count() == 1
    assert AuditEntry.objects.filter(action="lead_key_made", subject=f"key:{file.key_id}").count() == 1


def test_a_key_waits_until_the_newest_list_names_it(people, file, publish):
    leadkeys.keep(people.lead, encode(file))
    assert leadkeys.held(people.lead).state == "waiting"
    publish(1, file)
    held = leadkeys.held(people.lead)
    assert (held.state, held.files, held.fingerprint) == ("signed", (file,), keyfile.fingerprint(file.public_key))
    publish(2, keyfile.make("other"))
    assert leadkeys.held(people.lead).state == "waiting"


@pytest.mark.parametrize("role", ["it", "manager", "dpo"])
def test_other_roles_keep_no_key(people, file, role):
    with pytest.raises(NotAllowed):
        leadkeys.keep(getattr(people, role), encode(file))
    assert not LeadKey.objects.exists()


def test_a_key_of_somebody_else_or_with_a_wrong_id_is_refused(people, file):
    leadkeys.keep(people.lead, encode(file))
    with pytest.raises(WrongState, match="somebody else"):
        leadkeys.keep(people.deputy, encode(file))
    with pytest.raises(WrongState, match="id"):
        leadkeys.keep(people.deputy, encode(msgspec.structs.replace(file, key_id="0" * 32)))


@pytest.mark.parametrize("change", [{"iterations": 1}, {"private_key": "AAAA"}, {"wrapped": "AAAA"}, {"version": 2}])
def test_a_file_with_anything_odd_in_it_is_refused(people, file, change):
    data = msgspec.json.encode({**msgspec.json.decode(encode(file)), **change})
    with pytest.raises(Refused):
        leadkeys.keep(people.lead, data)


def test_a_flood_of_keys_is_refused(people, file, monkeypatch):
    monkeypatch.setattr(leadkeys, "KEYS_EACH_MAX", 1)
    leadkeys.keep(people.lead, encode(file))
    with pytest.raises(WrongState, match="more than 1"):
        leadkeys.keep(people.lead, encode(keyfile.make("second")))


def test_notes_go_to_who_is_on_the_list_now_and_to_oneself(people, file, publish):
    gone = keyfile.make("gone")
    leadkeys.keep(people.deputy, encode(gone))
    publish(1, file, gone)
    publish(2, file)
    ids = (file.key_id, gone.key_id, RECOVERY.key_id)
    assert set(leadkeys.readers(ids, ())) == {file.public_key, RECOVERY.public_key}
    assert set(leadkeys.readers(ids, [gone.key_id])) == {file.public_key, RECOVERY.public_key, gone.public_key}
    assert leadkeys.readers([file.key_id], ()) == [file.public_key]


def test_a_list_that_can_not_be_read_is_no_list(tmp_path, publish):
    (tmp_path / "targets" / "recipients" / "9.recipients.json").write_text("{")
    assert leadkeys.signed_list() is None


def test_people_who_can_open_new_incidents_are_counted_once_and_only_while_they_are_here(people, file, publish):
    assert leadkeys.openers(TODAY) is None
    second, others = keyfile.make("second"), keyfile.make("others")
    leadkeys.keep(people.lead, encode(file))
    leadkeys.keep(people.lead, encode(second))
    publish(1, file, second)
    assert leadkeys.openers(TODAY) == Openers(1, 1)
    leadkeys.keep(people.deputy, encode(others))
    publish(2, file, second, others)
    assert leadkeys.openers(TODAY) == Openers(2, 2)
    preferences.enter_absence(people.lead, TODAY, TODAY, NOW)
    assert leadkeys.openers(TODAY) == Openers(2, 1)
    assert leadkeys.openers(TODAY + timedelta(days=1)) == Openers(2, 2)
    people.deputy.is_active = False
    people.deputy.save()
    assert leadkeys.openers(TODAY) == Openers(1, 0)


def test_a_key_counts_until_none_of_its_holders_keys_is_on_the_newest_list(people, file, publish):
    other = keyfile.make("second")
    assert leadkeys.still_listed([file.key_id])
    publish(1, other)
    assert leadkeys.still_listed([file.key_id])
    publish(2, file, other)
    publish(3, other)
    assert not leadkeys.still_listed([file.key_id])
    assert leadkeys.still_listed([file.key_id, other.key_id])
