"""Check the chain little by little: what is new at each look, everything on demand in steps, and everything nightly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.core import signing
from django.utils.translation import gettext

from protocol.audit import START, Break, Head
from server import audit, log, notify
from server.errors import WrongState
from server.store.models import AuditCheck, AuditEntry, Role

LOOK_MAX_LINES = 5_000
"""New lines checked while somebody waits for a page: a tenth of a second; more than that is left to the whole check."""

STEP_LINES = 20_000
"""Lines of one step of a whole check: under a second, so that its progress moves."""

_SALT = "fairwatch.audit-check"
_STEP_MAX_SECONDS = 3600


@dataclass(frozen=True)
class Standing:
    """How the log stands: the newest line, how far it was checked, and where it breaks if it does."""

    newest: Head
    checked: int
    whole_at: datetime | None
    broken: Break | None
    guarded: bool

    @property
    def complete(self) -> bool:
        """Whether every line was checked."""
        return self.broken is None and self.checked == self.newest.seq


@dataclass(frozen=True)
class Step:
    """One step of a whole check; `cursor` goes into the next, and is empty when it is done."""

    checked: int
    newest: int
    cursor: str
    broken: Break | None


def look(now: datetime) -> Standing:  # noqa: ARG001 - who looks says when, as everywhere
    """Check what is new since the last look, within `LOOK_MAX_LINES`, and say how the log stands."""
    kept = _kept()
    last, wrong = Head(kept.seq, kept.hash), _remembered_break(kept)
    if wrong is None and not _still_there(last):
        last, wrong = Head(0, START.hash), _locate(kept.seq)
    if wrong is None:
        last, wrong = audit.find_break(last, LOOK_MAX_LINES)
    if (last.seq, wrong is not None) != (kept.seq, kept.broken is not None):
        _keep(last, wrong, kept.whole_at)
    return Standing(Head(*audit.head()), last.seq, kept.whole_at, wrong, audit.guarded())


def step(cursor: str, now: datetime) -> Step:
    """Do one step of a whole check; an empty cursor begins one. Raises WrongState for a cursor that is not ours."""
    try:
        start = Head(*signing.loads(cursor, salt=_SALT, max_age=_STEP_MAX_SECONDS)) if cursor else START
    except signing.BadSignature:
        raise WrongState(gettext("this check is too old or was not begun here; begin it anew")) from None
    last, wrong = audit.find_break(start, STEP_LINES)
    newest = Head(*audit.head())
    done = wrong is not None or last.seq >= newest.seq
    if done:
        _keep(last, wrong, now)
    return Step(last.seq, newest.seq, "" if done else signing.dumps((last.seq, last.hash), salt=_SALT), wrong)


def whole(now: datetime) -> Break | None:
    """Check everything, keep the result and return where the chain breaks, if it does; that the officer is told of."""
    last, wrong = audit.find_break()
    _keep(last, wrong, now)
    if wrong is not None:
        tell_officer(f"audit:{wrong.seq}", now)
    log.event("audit_intact" if wrong is None else "audit_broken", **({} if wrong is None else {"seq": wrong.seq}))
    return wrong


def tell_officer(once_key: str, now: datetime) -> None:
    """Tell the data protection officer, once for each key, that the audit log is not what it was."""
    body = (
        "The audit log is no longer what it was: a line was changed, or is gone. Its page says where. "
        "Compare it with the heads that were sent to you, before anything else is done on the collector."
    )
    notify.plain([Role.DPO], "Fairwatch: the audit log was altered", body, once_key, now)


def _locate(last_seq: int) -> Break:
    """Say where, when the line that was checked last is no longer what it was."""
    wrong = audit.find_break()[1]
    if wrong is not None:
        return wrong
    return Break(last_seq, f"line {last_seq} was checked before and is no longer what it was: the log was written anew")


def _still_there(head: Head) -> bool:
    if head == START:
        return True
    return AuditEntry.objects.filter(seq=head.seq, hash=head.hash).exists()


def _kept() -> AuditCheck:
    return AuditCheck.objects.filter(pk=1).first() or AuditCheck(pk=1)


def _remembered_break(kept: AuditCheck) -> Break | None:
    return Break(kept.broken, kept.reason) if kept.broken is not None else None


def _keep(last: Head, wrong: Break | None, whole_at: datetime | None) -> None:
    AuditCheck.objects.update_or_create(
        pk=1,
        defaults={
            "seq": last.seq,
            "hash": last.hash,
            "whole_at": whole_at,
            "broken": wrong.seq if wrong is not None else None,
            "reason": wrong.reason[:200] if wrong is not None else "",
        },
    )
