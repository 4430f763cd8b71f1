"""The manager's summary and the data protection officer's log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from server import audit, published_use
from server.store.models import AuditDetail, AuditEntry, Device, Incident, Role, User
from server.web.access import page
from server.web.words import ACTIONS, category, category_names

ENTRIES_SHOWN = 50
SILENT_AFTER = timedelta(days=7)


@page(Role.MANAGER)
def summary(request: HttpRequest) -> HttpResponse:
    """Show the last full month's use by category and group, as far as it may be shown."""
    now = datetime.now(UTC)
    here = now.astimezone(ZoneInfo(timezone.get_current_timezone_name()))
    first = (here.replace(day=1) - timedelta(days=1)).replace(day=1).date()
    shown = published_use.by_group(first.year, first.month)
    names = category_names()
    groups = sorted({cell.group for cell in shown if cell.hours is not None})
    told = {cell.category for cell in shown if cell.hours is not None}
    cells = {(cell.category, cell.group): cell for cell in shown}
    absent = published_use.Cell("", "", None, published_use.FEWER)
    lines = [
        {
            "category": category(names, one),
            "cells": [(group, cells.get((one, group), absent)) for group in groups],
        }
        for one in sorted(told, key=lambda one: (one == "other", category(names, one)))
    ]
    devices = Device.objects.filter(status=Device.Status.ACTIVE)
    silent = devices.exclude(last_seen__gte=now - SILENT_AFTER)
    context = {
        "month_words": f"{first:%B %Y}",
        "groups": groups,
        "lines": lines,
        "coverage": {"all": devices.count(), "silent": silent.count()},
    }
    return render(request, "web/summary.html", context)


@page(Role.DPO)
def audit_log(request: HttpRequest) -> HttpResponse:
    """Show the log, newest first, and whether its chain holds."""
    before = request.GET.get("before", "")
    rows = AuditEntry.objects.order_by("-seq")
    if before.isascii() and before.isdigit() and len(before) < 18:
        rows = rows.filter(seq__lt=int(before))
    entries = list(rows[: ENTRIES_SHOWN + 1])
    newest, head = audit.head()
    context = {
        "broken": audit.verify(),
        "length": newest,
        "head": head if newest else "",
        "entries": _in_words(entries[:ENTRIES_SHOWN]),
        "older": entries[ENTRIES_SHOWN - 1].seq if len(entries) > ENTRIES_SHOWN else None,
        "newer": bool(before),
    }
    return render(request, "web/audit.html", context)


def _in_words(entries: list[AuditEntry]) -> list[dict[str, object]]:
    people = {f"user:{user.pk}": f"{user.get_full_name()}, {user.get_role_display()}" for user in User.objects.all()}
    ids = {entry.subject.partition(":")[2] for entry in entries if entry.subject.startswith("incident:")}
    references = {
        f"incident:{pk}": f"Case {reference}"
        for pk, reference in Incident.objects.filter(pk__in=ids).values_list("pk", "reference")
    }
    details = dict(
        AuditDetail.objects.filter(entry_id__in=[entry.seq for entry in entries]).values_list("entry_id", "text")
    )
    return [
        {
            "seq": entry.seq,
            "at": entry.at,
            "who": people.get(entry.actor, entry.actor),
            "what": ACTIONS.get(entry.action, entry.action.replace("_", " ").capitalize()),
            "about": references.get(entry.subject, entry.subject),
            "detail": details.get(entry.seq, ""),
        }
        for entry in entries
    ]
