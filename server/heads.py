"""The newest hash of the audit log leaves the collector: into browsers, and each day to people outside IT.

Whoever can write the database can compute the whole chain anew. What they can't do is change what others already hold:
a head that was kept elsewhere is found in the log for as long as the log is the one that was written.

What browsers hold is the head of the day before, by its hash alone: neither numbers nor times tell one role how much
another did today. A log of which each line were told at once would count the releases of a case kept from its reader.
"""

from __future__ import annotations

import hashlib
import json
import smtplib
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.core.mail import EmailMessage
from django.utils.crypto import salted_hmac

from protocol.audit import Head
from server import audit, audit_check, log
from server.errors import HeadNotSent
from server.store.models import AuditEntry, Organisation

if TYPE_CHECKING:
    from server.schedule import TimedJob

PREFIX_CHARS = 16
"""How much of a remembered hash a browser tells: enough to find the line, too little to answer the rest from."""

_WEBHOOK_SECONDS = 15
_HEX = set("0123456789abcdef")


def log_id() -> str:
    """Return what tells this log from another's under the same address; `init` made it, outside the database."""
    return salted_hmac("fairwatch.log", "id").hexdigest()[:16]


def day_head(now: datetime) -> Head | None:
    """Return the last line before today (UTC); None while there is none."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    row = AuditEntry.objects.filter(at__lt=today).order_by("-seq").values_list("seq", "hash").first()
    return Head(*row) if row is not None else None


def beginning_with(prefix: str) -> str:
    """Return the whole hash of the line whose hash begins so, or an empty text: what was lost can't be completed."""
    if len(prefix) != PREFIX_CHARS or set(prefix) - _HEX:
        return ""
    found = AuditEntry.objects.filter(hash__gte=prefix, hash__lt=f"{prefix}g").values_list("hash", flat=True).first()
    return found or ""


def report_missing(actor: str, prefix: str, now: datetime) -> bool:
    """Put on the record, once a hash, that somebody's browser remembers a line which the log no longer has."""
    subject = f"hash:{prefix[:PREFIX_CHARS]}"
    if len(prefix) != PREFIX_CHARS or set(prefix) - _HEX or beginning_with(prefix):
        return False
    if AuditEntry.objects.filter(action="head_missing", subject=subject).exists():
        return False
    audit.write(actor, "head_missing", subject, now=now)
    audit_check.tell_officer(f"head:{now:%Y-%m-%d}", now)  # once a day: whoever signs in can make hashes up
    log.event("audit_head_missing")
    return True


def holds(head: Head) -> bool:
    """Whether the log still has a head that was kept elsewhere."""
    return head.seq == 0 or AuditEntry.objects.filter(seq=head.seq, hash=head.hash).exists()


# --- daily, to people outside IT -------------------------------------------------------------------------------------


def timed_jobs(targets: tuple[str, ...]) -> tuple[TimedJob, ...]:
    """Return a daily job for each target: one that can't be reached is tried again, and keeps no other waiting."""
    from server.schedule import TimedJob

    def sender(target: str) -> Callable[[datetime], None]:
        return lambda now: send(target, now)

    return tuple(TimedJob(job_name(one), timedelta(days=1), sender(one)) for one in targets)


def job_name(target: str) -> str:
    """Return the job's name, without the address: names of jobs are logged."""
    return f"head-{hashlib.sha256(target.encode()).hexdigest()[:12]}"


def send(target: str, now: datetime) -> None:
    """Send today's head to `mailto:ADDRESS` or to an https address; raises HeadNotSent, which a later try may mend."""
    newest = Head(*audit.head())
    organisation = Organisation.objects.first()
    name = organisation.name if organisation is not None else "Fairwatch"
    wrong = audit.find_break()[1]
    try:
        if target.startswith("mailto:"):
            subject = f"Fairwatch audit log of {name}, {now:%Y-%m-%d}" + (": BROKEN" if wrong is not None else "")
            EmailMessage(subject, _letter(newest, name, wrong.seq if wrong else None, now), to=[target[7:]]).send()
        else:
            _post(target, newest, name, wrong.seq if wrong else None, now)
    except (OSError, smtplib.SMTPException) as fault:
        raise HeadNotSent(f"the audit log's head could not be sent ({type(fault).__name__})") from None


def _letter(newest: Head, name: str, broken: int | None, now: datetime) -> str:
    state = (
        "The chain holds: no line before this one was changed or removed."
        if broken is None
        else f"THE CHAIN IS BROKEN AT LINE {broken}. Tell the data protection officer today."
    )
    return f"""This is the newest line of the audit log of {name}, on {now:%d %B %Y} at {now:%H:%M} UTC:

{newest}

{state}

Keep this message. Nobody who can change the log on the collector can change your copy of this line. To check one that
you kept, ask for an export of the log and run, on any computer:

fairwatch-custody audit EXPORT --head {newest}

If a day passes without such a message, ask why. The message says nothing about any case, person or device.
"""


def _post(target: str, newest: Head, name: str, broken: int | None, now: datetime) -> None:
    said = {
        "text": f"Fairwatch audit log of {name}: {newest}" + (f" BROKEN at line {broken}" if broken else ""),
        "organisation": name,
        "at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "head": str(newest),
        "broken": broken,
    }
    request = urllib.request.Request(  # noqa: S310 - collector.toml takes https addresses only
        target, json.dumps(said).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    # No redirects: an address that was taken over must not send the collector elsewhere.
    with _OPENER.open(request, timeout=_WEBHOOK_SECONDS) as answer:
        answer.read(1024)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)
