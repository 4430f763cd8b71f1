"""The audit log takes no change, and one made behind its back is found and located."""

from __future__ import annotations

import threading

import pytest
from django.db import DatabaseError, connection, transaction

from protocol.audit import START, Head, detail_hash, line_hash, time_text
from server import audit, heads
from server.store.models import AuditDetail, AuditEntry


def _fill(count=6):
    for number in range(count):
        audit.write(f"user:{number}", "evidence_released", f"incident:{number}", f"about Amira {number}")


def _sql(statement, *values):
    """Change the table as somebody with the database's password would."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA foreign_keys = OFF")
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f"DROP TRIGGER {name}")
            cursor.execute(statement, values)
            for _, sql in triggers:
                cursor.execute(sql)
        else:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(statement, values)
            cursor.execute("SET session_replication_role = DEFAULT")


def _rewrite(entry):
    """Put a line in as an attacker who knows the rule would: bound to the one before it, with a hash that fits."""
    entry.previous = AuditEntry.objects.get(seq=entry.seq - 1).hash
    entry.detail_hash = entry.detail_hash or detail_hash("", "")
    parts = (entry.seq, time_text(entry.at), entry.actor, entry.action, entry.subject)
    entry.hash = line_hash(*parts, entry.detail_hash, entry.previous)
    _sql("DELETE FROM store_auditentry WHERE seq = %s", entry.seq)
    entry.save(force_insert=True)


def test_a_log_as_it_was_written_holds(database):
    assert audit.verify() is None
    assert audit.head() == (0, audit.GENESIS)
    _fill()
    assert audit.verify() is None
    assert audit.head()[0] == 6


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE store_auditentry SET actor = 'user:9' WHERE seq = 3",
        "DELETE FROM store_auditentry WHERE seq = 3",
        "DELETE FROM store_auditentry",
    ],
)
def test_the_database_refuses_a_change(database, statement):
    _fill()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEntry.objects.count() == 6
    assert audit.verify() is None


def test_postgresql_refuses_to_empty_the_table(database):
    if database != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    _fill()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE store_auditentry")


@pytest.mark.parametrize("column", ["actor", "action", "subject", "detail_hash", "previous", "hash"])
def test_a_changed_line_is_found_and_located(database, column):
    _fill()
    _sql(f"UPDATE store_auditentry SET {column} = %s WHERE seq = 4", "0" * 64)
    assert audit.verify() == 4


def test_a_changed_time_is_found(database):
    _fill()
    _sql("UPDATE store_auditentry SET at = %s WHERE seq = 2", "2020-01-01 00:00:00+00:00")
    assert audit.verify() == 2


def test_a_removed_line_is_found(database):
    _fill()
    _sql("DELETE FROM store_auditentry WHERE seq = 3")
    assert audit.verify() == 3


def test_a_line_slipped_in_with_a_hash_of_its_own_is_found(database):
    _fill()
    _sql("UPDATE store_auditentry SET seq = 99 WHERE seq = 6")
    assert audit.verify() == 6


def test_a_line_put_in_before_the_first_is_found(database):
    _fill()
    _sql(
        "INSERT INTO store_auditentry (seq, at, actor, action, subject, detail_hash, previous, hash)"
        " SELECT 0, at, actor, action, subject, detail_hash, previous, 'x' FROM store_auditentry WHERE seq = 1"
    )
    assert audit.verify() == 1


def test_a_line_put_in_between_with_good_hashes_is_found_where_it_meets_the_next(database):
    _fill()
    AuditDetail.objects.all().delete()
    # The attacker makes room, and computes the new line's hash as it should be, but not those of the lines after it.
    _sql("UPDATE store_auditentry SET seq = seq + 100 WHERE seq > 3")
    _sql("UPDATE store_auditentry SET seq = seq - 99 WHERE seq > 100")
    _rewrite(AuditEntry(seq=4, at=AuditEntry.objects.get(seq=3).at, actor="user:9", action="x", subject="y"))
    assert audit.find_break()[1].seq == 5


def test_two_lines_that_changed_places_are_found(database):
    _fill()
    for old, new in ((3, 99), (4, 3), (99, 4)):
        _sql("UPDATE store_auditentry SET seq = %s WHERE seq = %s", new, old)
    assert audit.verify() == 3


def test_lines_cut_off_the_end_are_missed_by_the_chain_and_found_by_a_kept_head(database):
    _fill()
    kept = Head(*audit.head())
    _sql("DELETE FROM store_auditentry WHERE seq > 4")
    assert audit.verify() is None
    assert not heads.holds(kept)


def test_a_chain_computed_anew_holds_in_itself_and_is_found_by_a_kept_head(database):
    _fill()
    kept, early = Head(*audit.head()), Head(2, AuditEntry.objects.get(seq=2).hash)
    _sql("UPDATE store_auditentry SET actor = 'user:9' WHERE seq = 3")
    for entry in list(AuditEntry.objects.filter(seq__gte=3).order_by("seq")):
        _rewrite(entry)
    assert audit.verify() is None, "this is what the chain alone can't see"
    assert not heads.holds(kept)
    assert heads.holds(early), "and a head from before tells since when"


def test_it_is_noticed_when_the_database_no_longer_refuses_changes(database):
    assert audit.guarded()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE name = 'store_auditentry_no_update'")
            ((name, sql),) = cursor.fetchall()
            cursor.execute(f"DROP TRIGGER {name}")
            assert not audit.guarded()
            cursor.execute(
                "CREATE TRIGGER store_auditentry_no_update BEFORE UPDATE ON store_auditentry BEGIN SELECT 1; END"
            )
            assert not audit.guarded(), "one of the same name that lets everything through"
            cursor.execute(f"DROP TRIGGER {name}")
            cursor.execute(sql)
        else:
            cursor.execute("ALTER TABLE store_auditentry DISABLE TRIGGER store_auditentry_no_change")
            assert not audit.guarded()
            cursor.execute("ALTER TABLE store_auditentry ENABLE TRIGGER store_auditentry_no_change")
    assert audit.guarded()


def test_the_lines_come_in_parts_with_the_words_kept_beside_them(database):
    _fill()
    assert [line.seq for line in audit.lines(2, 3)] == [3, 4, 5]
    assert [line.detail for line in audit.lines(4)] == ["about Amira 4", "about Amira 5"]
    last, wrong = audit.find_break(START, 4)
    assert (last.seq, wrong) == (4, None)


def test_text_moved_from_one_field_into_the_next_is_found(database):
    audit.write("user:1", "evidence", "incident:1")
    _sql("UPDATE store_auditentry SET actor = %s, action = %s WHERE seq = 1", "user:1e", "vidence")
    assert audit.verify() == 1


def test_personal_content_can_be_erased_and_the_chain_still_holds(database):
    _fill()
    assert not any("Amira" in str(row) for row in AuditEntry.objects.values())
    AuditDetail.objects.filter(pk=3).delete()
    assert audit.verify() is None


def test_personal_content_that_was_changed_is_found(database):
    _fill()
    AuditDetail.objects.filter(pk=3).update(text="about somebody else")
    assert audit.verify() == 3


def test_writers_at_once_make_one_chain(database):
    start = threading.Barrier(4)

    def write():
        start.wait()
        _fill(5)
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert AuditEntry.objects.count() == 20
    assert audit.verify() is None


def test_a_line_is_undone_with_the_change_it_belongs_to(database):
    def fails_after_writing():
        with transaction.atomic():
            _fill(1)
            raise KeyError

    with pytest.raises(KeyError):
        fails_after_writing()
    assert audit.head() == (0, audit.GENESIS)
