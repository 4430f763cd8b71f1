"""The audit log's chain, as the collector writes it and as an export of it is checked away from the collector."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

GENESIS = "0" * 64
"""What the first line names as the hash of the line before it."""

EXPORT_FORMAT = "fairwatch-audit/1"
"""What an export says it is, in its first line."""

CSV_COLUMNS = ("seq", "at", "actor", "action", "subject", "detail_hash", "previous", "hash", "salt", "detail", "who")
"""The columns of an export as a table; `who` is a name for the reader and is not covered by the chain."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


class AuditLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of an export. `at` is ISO 8601 in UTC with microseconds, exactly as it was hashed."""

    seq: int
    at: str
    actor: str
    action: str
    subject: str
    detail_hash: str
    previous: str
    hash: str
    salt: str = ""
    detail: str = ""
    who: str = ""


@dataclass(frozen=True)
class Head:
    """A place in the log: a line's number and its hash."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


START = Head(0, GENESIS)
"""Where a whole check begins."""


@dataclass(frozen=True)
class Break:
    """Where the chain does not hold, and what is wrong there, in words."""

    seq: int
    reason: str


def time_text(at: datetime) -> str:
    """Return a line's time as it is hashed."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def line_hash(seq: int, at: str, actor: str, action: str, subject: str, detail_hash: str, previous: str) -> str:
    """Return the SHA-256 (hex) that a line must carry."""
    parts = (str(seq), at, actor, action, subject, detail_hash, previous)
    # Each part with its length, so that text can't move from one field into the next.
    return hashlib.sha256("".join(f"{len(part)}:{part}," for part in parts).encode()).hexdigest()


def detail_hash(salt: str, detail: str) -> str:
    """Return the salted SHA-256 (hex) by which a line holds personal words that lie apart."""
    return hashlib.sha256(f"{salt}\0{detail}".encode()).hexdigest()


def follow(line: AuditLine, before: Head) -> Break | None:
    """Return what is wrong with a line that should come after `before`; None when it fits."""
    due = before.seq + 1
    if line.seq > due:
        gone = f"line {due} is" if line.seq == due + 1 else f"lines {due} to {line.seq - 1} are"
        return Break(due, f"{gone} missing")
    if line.seq < due:
        return Break(line.seq, f"line {line.seq} stands twice or in the wrong place")
    if line.previous != before.hash:
        where = f"line {before.seq} was replaced, or line {due}" if before.seq else f"line {due}"
        return Break(due, f"{where} was put in another's place: it does not follow the line before it")
    own = line_hash(line.seq, line.at, line.actor, line.action, line.subject, line.detail_hash, line.previous)
    if line.hash != own:
        return Break(due, f"line {due} was changed after it was written")
    if (line.salt or line.detail) and detail_hash(line.salt, line.detail) != line.detail_hash:
        return Break(due, f"the words kept beside line {due} were changed")
    return None


def read_head(text: str) -> Head:
    """Return a kept head, written as SEQ:HASH; raises ValueError with a sentence."""
    seq, found, digest = text.strip().partition(":")
    digest = digest.lower()
    good = found and seq.isascii() and seq.isdigit() and len(seq) < 18
    if not good or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError(
            f"a kept head looks like 1234:9f86d0… (a number, a colon, 64 digits and letters), not {text!r}"
        )
    return Head(int(seq), digest)


def for_table(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula; `from_table` undoes it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def from_table(text: str) -> str:
    """Return the text that `for_table` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text
