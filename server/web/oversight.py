"""The manager's summary and the data protection officer's log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from server import published_use
from server.store.models import Device, Role
from server.web.access import page, person
from server.web.words import category, category_names

SILENT_AFTER = timedelta(days=7)


@page(Role.MANAGER)
def summary(request: HttpRequest) -> HttpResponse:
    """Show the last full month's use by category and group, as far as it may be shown."""
    now = datetime.now(UTC)
    here = now.astimezone(ZoneInfo(timezone.get_current_timezone_name()))
    first = (here.replace(day=1) - timedelta(days=1)).replace(day=1).date()
    user = person(request)
    # Whole cells only: what a partner's manager sees is what everybody is shown of that group.
    shown = [cell for cell in published_use.by_group(first.year, first.month) if user.in_scope(cell.group)]
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
    if user.groups:
        devices = devices.filter(group__in=user.groups)
    silent = devices.exclude(last_seen__gte=now - SILENT_AFTER)
    context = {
        "month_words": f"{first:%B %Y}",
        "groups": groups,
        "lines": lines,
        "coverage": {"all": devices.count(), "silent": silent.count()},
    }
    return render(request, "web/summary.html", context)
