"""The monthly summary's page: a kept month as it was made, narrowed to a group, as PDF, CSV and JSON too."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from server import audit, month_totals, summary, summary_calendar, summary_formats, summary_scope
from server.errors import CollectorError, NotThere
from server.store.models import MonthlySummary, Role
from server.summary_words import month_words, shown
from server.web.access import data, page, person

READERS = (Role.MANAGER, Role.LEAD, Role.DEPUTY)
"""Managers, whom it is for, and leads, who hand in what only they can count and stand by it before the board."""

MIME_TYPES = {
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "html": "text/html; charset=utf-8",
}


@page(*READERS)
def month_page(request: HttpRequest) -> HttpResponse:
    """Show a kept summary, or say of a month without one when it is made."""
    return _page(request, request.GET.get("month", ""), request.GET.get("group", ""))


@page(*READERS)
def as_file(request: HttpRequest, month: str, form: str) -> HttpResponse:
    """Give a kept summary as a file."""
    group = request.GET.get("group", "")
    made = summary_scope.for_reader(summary.newest(month), person(request))
    if form not in MIME_TYPES:
        raise NotThere(gettext("there is no form %(form)s") % {"form": repr(form)})
    answer = HttpResponse(summary_formats.render(made, form, group or None), content_type=MIME_TYPES[form])
    name = "-".join(part for part in ("fairwatch", made.month, group) if part)
    answer["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return answer


@data("POST", *READERS)
def make(request: HttpRequest) -> HttpResponse:
    """Make a month's summary now, where it is not there yet."""
    month = request.POST.get("month", "")
    try:
        summary.newest_or_made(month, datetime.now(UTC), audit.actor_of(person(request)))
    except CollectorError as fault:
        return _page(request, month, "", str(fault))
    return redirect(f"{reverse('summary')}?{urlencode({'month': month})}")


def _page(request: HttpRequest, month: str, group: str, problem: str = "") -> HttpResponse:
    user, now, zone = person(request), datetime.now(UTC), timezone.get_current_timezone_name()
    months = summary_calendar.months(now, zone)
    kept = set(MonthlySummary.objects.values_list("month", flat=True).distinct())
    chosen = month or next((one for one in months if one in kept), summary_calendar.last_over(now, zone))
    context = {
        "months": [(one, month_words(summary_calendar.bounds(one)[0]), one in kept) for one in months],
        "chosen": chosen,
        "group": group,
        "leads": user.opens_evidence,
        "problem": problem,
    }
    try:
        made = summary_scope.for_reader(summary.newest(chosen), user) if chosen in kept else None
        part = summary_scope.of_group(made, group) if made is not None and group else made
        first, _ = summary_calendar.bounds(chosen)
    except CollectorError as fault:
        return render(request, "web/summary.html", {**context, "problem": str(fault)}, status=404)
    if user.opens_evidence and not user.groups and summary_calendar.is_over(chosen, now, zone):
        context |= {"counting": True, "given": month_totals.newest(chosen)}
    if made is not None and part is not None:
        context |= {"shown": shown(part), "groups": [(one.group, one.name) for one in made.groups]}
    else:
        context |= {
            "month_words": month_words(first),
            "over": summary_calendar.is_over(chosen, now, zone),
            "told_at": summary_calendar.told_at(chosen, zone),
        }
    return render(request, "web/summary.html", context, status=409 if problem else 200)
