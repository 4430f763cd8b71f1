"""The chain is checked little by little: what is new at a look, all of it in steps or at night."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from protocol.audit import GENESIS, detail_hash, line_hash, time_text
from server import audit, audit_check
from server.errors import WrongState
from server.store.models import AuditCheck, AuditDetail, AuditEntry, OutboxMessage

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def _fill(count):
    for number in range(count):
        audit.write(f"user:{number}", "evidence_released", f"incident:{number}", "words")


def _alter(statement, *values):
    """Change the table as somebody with the database's password would, and leave its guard as it was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute(statement, values)
        for _, sql in triggers:
            cursor.execute(sql)


def test_an_empty_log_holds():
    standing = audit_check.look(NOW)
    assert standing.complete
    assert standing.guarded


def test_a_look_checks_only_what_is_new():
    _fill(30)
    assert audit_check.look(NOW).checked == 30
    _fill(2)
    assert audit_check.look(NOW).checked == 32
    # What lies before is not read again: that is the night's work.
    _alter("UPDATE store_auditentry SET actor = 'user:9' WHERE seq = 3")
    assert audit_check.look(NOW).complete
    assert audit_check.whole(NOW).seq == 3
    assert audit_check.look(NOW).broken.seq == 3


def test_the_officer_is_told_once_of_a_log_that_was_altered(people):
    _fill(5)
    assert audit_check.whole(NOW) is None
    assert not OutboxMessage.objects.exists()
    _alter("UPDATE store_auditentry SET actor = 'user:9' WHERE seq = 3")
    audit_check.whole(NOW)
    audit_check.whole(NOW + timedelta(days=1))
    told = OutboxMessage.objects.get()
    assert (told.user, told.subject) == (people.dpo, "Fairwatch: the audit log was altered")


def test_a_look_never_checks_more_than_a_page_can_wait_for(monkeypatch):
    monkeypatch.setattr(audit_check, "LOOK_MAX_LINES", 5)
    _fill(12)
    looks = [audit_check.look(NOW) for _ in range(3)]
    assert [one.checked for one in looks] == [5, 10, 12]
    assert [one.complete for one in looks] == [False, False, True]


@pytest.mark.parametrize("column", ["seq", "hash"])
def test_a_line_that_was_checked_and_is_another_now_is_found_at_the_next_look(column):
    _fill(6)
    assert audit_check.look(NOW).complete
    _alter(f"UPDATE store_auditentry SET {column} = %s WHERE seq = 6", 60 if column == "seq" else "0" * 64)
    assert audit_check.look(NOW).broken.seq == 6


def test_a_log_that_was_written_anew_is_found_at_the_next_look():
    _fill(4)
    assert audit_check.look(NOW).complete
    _alter("DELETE FROM store_auditentry")
    AuditDetail.objects.all().delete()
    _fill(5)
    wrong = audit_check.look(NOW).broken
    assert wrong.seq == 4
    assert "written anew" in wrong.reason


def test_a_break_stays_told_until_a_whole_check_finds_none():
    _fill(4)
    held = AuditEntry.objects.get(seq=2).actor
    _alter("UPDATE store_auditentry SET actor = 'user:9' WHERE seq = 2")
    assert audit_check.look(NOW).broken.seq == 2
    _alter("UPDATE store_auditentry SET actor = %s WHERE seq = 2", held)
    assert audit_check.look(NOW).broken.seq == 2
    assert audit_check.whole(NOW) is None
    assert audit_check.look(NOW).complete


def test_a_whole_check_goes_in_steps_and_says_when_it_was(monkeypatch):
    monkeypatch.setattr(audit_check, "STEP_LINES", 4)
    _fill(10)
    step, seen = audit_check.step("", NOW), []
    while step.cursor:
        seen.append((step.checked, step.newest))
        step = audit_check.step(step.cursor, NOW + timedelta(minutes=1))
    assert seen == [(4, 10), (8, 10)]
    assert (step.checked, step.broken) == (10, None)
    assert AuditCheck.objects.get().whole_at == NOW + timedelta(minutes=1)


def test_a_step_says_where_the_chain_breaks(monkeypatch):
    monkeypatch.setattr(audit_check, "STEP_LINES", 4)
    _fill(10)
    _alter("DELETE FROM store_auditentry WHERE seq = 7")
    first = audit_check.step("", NOW)
    second = audit_check.step(first.cursor, NOW)
    assert (second.cursor, second.checked, second.broken.seq) == ("", 6, 7)
    assert "line 7 is missing" in second.broken.reason


@pytest.mark.parametrize("cursor", ["x", "a:b:c", "9:1"])
def test_a_check_that_was_not_begun_here_is_refused(cursor):
    _fill(1)
    with pytest.raises(WrongState, match="begin it anew"):
        audit_check.step(cursor, NOW)


@pytest.mark.more
def test_a_look_at_a_hundred_thousand_lines_is_quick(monkeypatch):
    previous, made = GENESIS, []
    for seq in range(1, 100_001):
        parts = (seq, time_text(NOW), "user:1", "evidence_released", "incident:1", detail_hash("", ""), previous)
        previous = line_hash(*parts)
        made.append(AuditEntry(seq=seq, at=NOW, **dict(zip(_NAMES, parts[2:], strict=True)), hash=previous))
    AuditEntry.objects.bulk_create(made, batch_size=5000)
    assert audit_check.whole(NOW) is None
    begun = time.perf_counter()
    assert audit_check.look(NOW).complete
    assert time.perf_counter() - begun < 0.5


_NAMES = ("actor", "action", "subject", "detail_hash", "previous")
