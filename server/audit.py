"""Keep the audit log: append-only, each line's hash over the line before it, personal content only as salted hashes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from django.db import connection, transaction

from server.store.models import AuditDetail, AuditEntry, User

GENESIS = "0" * 64
"""What the first line names as the line before it."""

_LOCK = 0x46574155  # one number for PostgreSQL's advisory lock: two writers must not take the same `seq`


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
        last = AuditEntry.objects.order_by("-seq").values_list("seq", "hash").first()
        seq, previous = (last[0] + 1, last[1]) if last is not None else (1, GENESIS)
        salt = randomness(16)
        detail_hash = hashlib.sha256(f"{salt}\0{detail}".encode()).hexdigest()
        entry = AuditEntry(
            seq=seq, at=at, actor=actor, action=action, subject=subject, detail_hash=detail_hash, previous=previous
        )
        entry.hash = _hash(entry)
        entry.save(force_insert=True)
        if detail:
            AuditDetail.objects.create(entry=entry, salt=salt, text=detail)
    return entry


def verify() -> int | None:
    """Return the `seq` of the first line that was changed, removed or slipped in; None when the chain holds.

    Lines cut off the end can't be seen from here: the newest hash (`head`) leaves the collector for that.
    """
    expected_seq, previous = 1, GENESIS
    for entry in AuditEntry.objects.order_by("seq").iterator(chunk_size=2000):
        if entry.seq != expected_seq or entry.previous != previous or entry.hash != _hash(entry):
            return expected_seq
        expected_seq, previous = expected_seq + 1, entry.hash
    return _first_altered_detail()


def head() -> tuple[int, str]:
    """Return the newest line's `seq` and hash (0 and GENESIS when there is none)."""
    last = AuditEntry.objects.order_by("-seq").values_list("seq", "hash").first()
    return last if last is not None else (0, GENESIS)


def _first_altered_detail() -> int | None:
    for one in AuditDetail.objects.select_related("entry").order_by("entry_id").iterator(chunk_size=2000):
        if hashlib.sha256(f"{one.salt}\0{one.text}".encode()).hexdigest() != one.entry.detail_hash:
            return one.entry_id
    return None


def _hash(entry: AuditEntry) -> str:
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    parts = (str(entry.seq), at, entry.actor, entry.action, entry.subject, entry.detail_hash, entry.previous)
    # Each part with its length, so that text can't move from one field into the next.
    return hashlib.sha256("".join(f"{len(part)}:{part}," for part in parts).encode()).hexdigest()


def _one_writer() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
