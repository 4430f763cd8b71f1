"""The data protection officer's page of what is kept for how long, what goes next, and what was deleted."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from server import data_life as life
from server import deletion_log
from server.retention_kinds import KEPT, KINDS
from server.store.models import Role
from server.web.access import page

DELETIONS_SHOWN = 100


@page(Role.DPO)
def data_life(request: HttpRequest) -> HttpResponse:
    """Show every kind of record with its period, and the log of deletions."""
    now = datetime.now(UTC)
    names = {kind.id: kind.name for kind in KINDS}
    context = {
        "outlooks": life.outlooks(now),
        "kept": KEPT,
        "long_open": life.long_open(now),
        "deletions": [(one, gettext(names.get(one.kind, one.kind))) for one in deletion_log.latest(DELETIONS_SHOWN)],
    }
    return render(request, "web/data_life.html", context)
