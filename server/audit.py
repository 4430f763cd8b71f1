"""Keep the audit log: append-only, each line's hash over the line before it, personal content only as salted hashes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from django.db import connection, transaction

from protocol.audit import GENESIS, START, AuditLine, Break, Head, detail_hash, follow, line_hash, time_text
from server.store.models import AuditDetail, AuditEntry, User

__all__ = ["GENESIS", "actor_of", "find_break", "guarded", "head", "lines", "verify", "write"]

_LOCK = 0x46574155  # one number for PostgreSQL's advisory lock: two writers must not take the same `seq`

_READ_AT_ONCE = 2000
_COLUMNS = ("seq", "at", "actor", "action", "subject", "detail_hash", "previous", "hash")
_TRIGGERS = {
    "sqlite": {"store_auditentry_no_update", "store_auditentry_no_delete"},
    "postgresql": {"store_auditentry_no_change", "store_auditentry_no_truncate"},
}


def actor_of(user: User) -> str:
    """Return how the log names a person: by id, so that a name can be erased and the log still holds."""
    return f"user:{user.pk}"


def write(
    actor: str,
    action: str,
    subject: str,
    detail: str = "",
    *,
    now: datetime | None = None,
    randomness: Callable[[int], str] = secrets.token_hex,
) -> AuditEntry:
    """Append one line and return it; committed when the caller's transaction is.

    `actor`, `action` and `subject` are ids and fixed words. `detail` may hold personal content: the line keeps its
    salted hash, the text lies apart and can be erased.
    """
    at = now if now is not None else datetime.now(UTC)
    with transaction.atomic():
        _one_writer()
        last = head()
        salt = randomness(16)
        entry = AuditEntry(
            seq=last[0] + 1,
            at=at,
            actor=actor,
            action=action,
            subject=subject,
            detail_hash=detail_hash(salt, detail),
            previous=last[1],
        )
        entry.hash = line_hash(entry.seq, time_text(at), actor, action, subject, entry.detail_hash, entry.previous)
        entry.save(force_insert=True)
        if detail:
            AuditDetail.objects.create(entry=entry, salt=salt, text=detail)
    return entry


def head() -> tuple[int, str]:
    """Return the newest line's `seq` and hash (0 and GENESIS when there is none)."""
    last = AuditEntry.objects.order_by("-seq").values_list("seq", "hash").first()
    return last if last is not None else (0, GENESIS)


def lines(after: int = 0, most: int | None = None) -> Iterator[AuditLine]:
    """Yield the lines after a number in their order, with the words kept beside them; at most so many."""
    left = most
    while left is None or left > 0:
        size = _READ_AT_ONCE if left is None else min(_READ_AT_ONCE, left)
        rows = list(AuditEntry.objects.filter(seq__gt=after).order_by("seq").values_list(*_COLUMNS)[:size])
        if not rows:
            return
        kept = AuditDetail.objects.filter(entry_id__gt=after, entry_id__lte=rows[-1][0])
        details = {seq: (salt, text) for seq, salt, text in kept.values_list("entry_id", "salt", "text")}
        for seq, at, *others in rows:
            actor, action, subject, digest, previous, own = others
            salt, text = details.get(seq, ("", ""))
            yield AuditLine(
                seq=seq,
                at=time_text(at),
                actor=actor,
                action=action,
                subject=subject,
                detail_hash=digest,
                previous=previous,
                hash=own,
                salt=salt,
                detail=text,
            )
        after = rows[-1][0]
        left = None if left is None else left - len(rows)


def find_break(start: Head = START, most: int | None = None) -> tuple[Head, Break | None]:
    """Check the lines after `start`, at most so many; return the last that holds, and where the chain breaks.

    Lines cut off the end, and a chain computed anew from end to end, can't be seen from here: heads leave the
    collector for that (`server.heads`).
    """
    last = start
    if start == START and AuditEntry.objects.filter(seq__lt=1).exists():
        return last, Break(1, "a line was put in before the first")
    for line in lines(start.seq, most):
        wrong = follow(line, last)
        if wrong is not None:
            return last, wrong
        last = Head(line.seq, line.hash)
    return last, None


def verify() -> int | None:
    """Return the `seq` of the first line that was changed, removed or slipped in; None when the whole chain holds."""
    wrong = find_break()[1]
    return wrong.seq if wrong is not None else None


def guarded() -> bool:
    """Whether the database itself still refuses changes to the log: whoever wants to alter it drops these first."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = 'store_auditentry'::regclass"
                " AND NOT tgisinternal AND tgenabled IN ('O', 'A')"
            )
        else:
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'store_auditentry'"
                " AND sql LIKE '%RAISE(ABORT%'"
            )
        there = {row[0] for row in cursor.fetchall()}
    return there >= _TRIGGERS[connection.vendor]


def _one_writer() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
