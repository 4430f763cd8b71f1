"""The yearly review's page: what people record for it, the review to read and save, and the pack for an inspection."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from server import board, year_formats, yearly_review
from server.errors import CollectorError, NotAllowed, NotThere, WrongState
from server.partners import may_edit
from server.store.models import BoardRecord, Role, User
from server.web.access import View, data, page, person
from server.year_headlines import month_name
from server.year_words import shown

READERS = (Role.MANAGER, Role.DPO)
HISTORY_MAX = 200
"""Lines of the history that the page shows: some years of a board's work."""

_TYPES = {"html": "text/html; charset=utf-8", "pdf": "application/pdf", "json": "application/json"}
Kind = BoardRecord.Kind


class RecordForm(forms.Form):
    """Everything that a form of the page may hold; each kind of record needs some of it."""

    kind = forms.ChoiceField(choices=Kind.choices)
    text = forms.CharField(max_length=board.TEXT_MAX_CHARS, required=False)
    people = forms.CharField(max_length=board.TEXT_MAX_CHARS, required=False)
    on = forms.DateField(required=False)
    next_on = forms.DateField(required=False)
    until = forms.CharField(max_length=7, required=False)
    point = forms.IntegerField(required=False)


def _whole(view: View) -> View:
    """Keep out a partner's manager: figures of the whole organisation and its decisions aren't theirs to read."""

    @wraps(view)
    def guarded(request: HttpRequest, **given: str) -> HttpResponse:
        if not may_edit(person(request)):
            raise NotAllowed(_("the yearly review is kept by management and the data protection officer"))
        return view(request, **given)

    return guarded


@page(*READERS)
@_whole
def overview(request: HttpRequest) -> HttpResponse:
    """Show what holds, what can be saved, and the forms to record more."""
    return _overview(request)


@page(*READERS)
@_whole
def read(request: HttpRequest) -> HttpResponse:
    """Show the review of the twelve months up to the one that is asked for."""
    try:
        made = yearly_review.of(request.GET.get("until", ""), datetime.now(UTC))
    except CollectorError as fault:
        return _overview(request, problem=str(fault), status=404)
    return render(request, "web/review_read.html", {"shown": shown(made), "until": made.until})


@page(*READERS)
@_whole
def as_file(request: HttpRequest) -> HttpResponse:
    """Give the review as a file, made now."""
    form = request.GET.get("form", "pdf")
    try:
        made = yearly_review.of(request.GET.get("until", ""), datetime.now(UTC))
    except CollectorError as fault:
        return _overview(request, problem=str(fault), status=404)
    if form not in _TYPES:
        raise NotThere(_("there is no form %(form)s") % {"form": repr(form)})
    return _download(year_formats.review_as(made, form), form, f"fairwatch-review-{made.until}")


@page(*READERS)
@_whole
def pack(request: HttpRequest) -> HttpResponse:
    """Give the pack for an inspection as PDF, made now."""
    now = datetime.now(UTC)
    try:
        made = year_formats.inspection(now)
    except CollectorError as fault:
        return _overview(request, problem=str(fault), status=409)
    return _download(made, "pdf", f"fairwatch-inspection-{now:%Y-%m-%d}")


@data("POST", *READERS)
@_whole
def record(request: HttpRequest) -> HttpResponse:
    """Record what a form says; nothing that was recorded before is changed."""
    form = RecordForm(request.POST)
    if not form.is_valid():
        problem = _("a day is missing or is none, or a text is too long; nothing was recorded")
        return _overview(request, form, problem, status=422)
    try:
        _RECORD[Kind(form.cleaned_data["kind"])](person(request), form.cleaned_data, datetime.now(UTC))
    except WrongState as fault:
        return _overview(request, form, str(fault), status=422)
    messages.success(request, _("Recorded, beside what was recorded before."))
    return HttpResponseRedirect(reverse("review"))


def _needed(day: date | None) -> date:
    if day is None:
        raise WrongState(_("the day is missing"))
    return day


def _decided(by: User, said: dict[str, Any], now: datetime) -> object:
    given = board.Decision(_needed(said["on"]), said["text"], said["people"], said["until"], said["next_on"])
    return board.decide(by, given, now)


_RECORD: dict[BoardRecord.Kind, Callable[[User, dict[str, Any], datetime], object]] = {
    Kind.SENIOR_LEADER: lambda by, said, now: board.name(by, Kind.SENIOR_LEADER, said["text"], now),
    Kind.GOVERNOR: lambda by, said, now: board.name(by, Kind.GOVERNOR, said["text"], now),
    Kind.ASSESSMENT: lambda by, said, now: board.assess(by, _needed(said["on"]), said["text"], now),
    Kind.NEXT_REVIEW: lambda by, said, now: board.plan(by, _needed(said["on"]), now),
    Kind.POINT: lambda by, said, now: board.raise_point(by, said["text"], now),
    Kind.SETTLED: lambda by, said, now: board.settle(by, said["point"] or 0, said["text"], now),
    Kind.DECISION: _decided,
}
"""What is done with a form of each kind."""


def _overview(
    request: HttpRequest, form: RecordForm | None = None, problem: str = "", status: int = 200
) -> HttpResponse:
    now = datetime.now(UTC)
    # What was typed stays in the form that was refused, and in no other.
    typed = form.data if form is not None else {}
    months = yearly_review.months_to_review(now)
    history = board.history()
    context = {
        "found": board.standing(now),
        "months": [(one, month_name(one)) for one in months],
        "history": history[:HISTORY_MAX],
        "more": max(0, len(history) - HISTORY_MAX),
        "problem": problem,
        "typed": typed,
        "asked": typed.get("kind", ""),
        "name_max": board.NAME_MAX_CHARS,
        "text_max": board.TEXT_MAX_CHARS,
    }
    return render(request, "web/review.html", context, status=status)


def _download(content: bytes, form: str, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=_TYPES[form])
    answer["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return answer
