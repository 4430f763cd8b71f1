"""The words of every message. About cases: urgency, reference, times and a link; nothing else may ever be in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse

from server import summary_letter
from server.channels import Letter
from server.store.models import Incident, OutboxMessage

NAMED_MAX = 20
"""Cases that one message names; of more only the number is told, and the page shows them all."""

Kind = OutboxMessage.Kind


def letter(rows: Sequence[OutboxMessage], zone: ZoneInfo) -> Letter:
    """Return what to tell of rows of one kind for one recipient; each case is told of once. Times are in `zone`."""
    first = rows[0]
    once = "\n".join(sorted(row.once_key for row in rows))
    if first.kind in {Kind.PLAIN, Kind.DIGEST}:
        return Letter(first.subject, first.body, once)
    if first.kind == Kind.SUMMARY:
        return summary_letter.letter(first)
    cases = list({row.incident_id: row.incident for row in rows if row.incident is not None}.values())
    if first.kind == Kind.URGENT:
        return _urgent(cases, rows, zone, once)
    return _routine(cases, zone, once)


def waiting_page(case: Incident | None = None) -> str:
    """Return the address of the page on which urgent cases are taken."""
    path = reverse("waiting") if case is None else reverse("waiting_case", args=[case.reference])
    return f"{settings.CONFIG.url.rstrip('/')}{path}"


def _urgent(cases: list[Incident], rows: Sequence[OutboxMessage], zone: ZoneInfo, once: str) -> Letter:
    outside = bool(rows[0].contact)
    if len(cases) == 1:
        subject, begins = (
            f"Fairwatch: urgent {cases[0].reference}",
            "An urgent case waits, and nobody has taken it yet.",
        )
        page = waiting_page(cases[0])
    else:
        subject = f"Fairwatch: urgent, {len(cases)} cases"
        begins, page = f"{len(cases)} urgent cases wait, and nobody has taken them yet.", waiting_page()
    asks = f"Sign in and press “I am taking this”:\n{page}"
    ends = "Until somebody does, the deputies and the out-of-hours contacts are told too."
    if outside:
        asks = f"Please ring the safeguarding lead or a deputy now. They sign in here:\n{page}"
        ends = "You are told because nobody in the organisation has answered."
    return Letter(subject, "\n\n".join([begins, _listed(cases, zone), asks, ends]) + "\n", once, urgent=True)


def _routine(cases: list[Incident], zone: ZoneInfo, once: str) -> Letter:
    one = len(cases) == 1
    subject = f"Fairwatch: {cases[0].reference}" if one else f"Fairwatch: {len(cases)} cases"
    begins = "A routine case waits for you." if one else f"{len(cases)} routine cases wait for you."
    page = f"{settings.CONFIG.url.rstrip('/')}{reverse('desk')}"
    return Letter(subject, "\n\n".join([begins, _listed(cases, zone), f"Look at it here:\n{page}"]) + "\n", once)


def _listed(cases: list[Incident], zone: ZoneInfo) -> str:
    lines = [_line(one, zone) for one in sorted(cases, key=lambda one: one.received_at)[:NAMED_MAX]]
    if len(cases) > NAMED_MAX:
        lines.append(f"and {len(cases) - NAMED_MAX} more")
    return "\n".join([*lines, f"(times in {zone.key})"])


def _line(case: Incident, zone: ZoneInfo) -> str:
    return f"{case.reference}: visit {_time(case.started, zone)}, received {_time(case.received_at, zone)}"


def _time(at: datetime, zone: ZoneInfo) -> str:
    here = at.astimezone(zone)
    return f"{here.day} {here:%b %Y, %H:%M}"
