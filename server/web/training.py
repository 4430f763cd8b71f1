"""Who is due for training: the list for IT, management and leads, and the import of dates."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from server import audit, csv_file, training, training_file, training_import
from server.csv_file import in_a_line
from server.errors import ImportRefused, NotAllowed
from server.store.models import Role, User
from server.training_import import Preview
from server.web.access import LEADS, answer, data, page, person
from server.working_hours import organisation_zone

SHOWN_MAX = 500
"""Lines of a table; the command gives all, and a group's own list is shorter."""

PREVIEW_MAX = 200
"""Lines of each kind in a preview: what is wrong shows in the first; the counts tell the rest."""


@page(Role.IT, Role.MANAGER, *LEADS)
def due(request: HttpRequest) -> HttpResponse:
    """Show who is due, worst first, of the groups that this account is for, and the numbers by group."""
    user = person(request)
    found = training.register(_today(), user.in_scope)
    groups = sorted({one.group for one in found.standings})
    chosen = request.GET.get("group")
    chosen = chosen if chosen in groups else None
    rows = [one for one in found.due if chosen in (None, one.group)]
    states = Counter(one.state for one in found.standings)
    shown: dict[str, Any] = {
        "rows": rows[:SHOWN_MAX],
        "more": max(0, len(rows) - SHOWN_MAX),
        "counts": found.counts,
        "states": {state: states[state] for state in training.STATES},
        "unplaced": found.unplaced,
        "groups": groups,
        "chosen": chosen,
        "may_import": _may_import(user),
    }
    return render(request, "web/training.html", shown)


@data("POST", Role.IT, Role.MANAGER)
def preview(request: HttpRequest) -> HttpResponse:
    """Say what a file would change, changing nothing; the file is not kept."""
    given, whole = _given(request)
    return answer(_told(training_import.preview(given, whole=whole)))


@data("POST", Role.IT, Role.MANAGER)
def take(request: HttpRequest) -> HttpResponse:
    """Import the file, if it still would change what the person looked at."""
    given, whole = _given(request)
    if request.POST.get("counts", "") != in_a_line(training_import.preview(given, whole=whole).counts):
        raise ImportRefused("something changed since you looked; look at what would change again")
    actor = audit.actor_of(person(request))
    return answer(_told(training_import.apply(given, actor, datetime.now(UTC), whole=whole)))


def _may_import(user: User) -> bool:
    # A partner's manager would see, in what a file would change, people who are not theirs.
    return user.role in {Role.IT, Role.MANAGER} and not user.groups


def _given(request: HttpRequest) -> tuple[training_file.TrainingFile, bool]:
    if not _may_import(person(request)):
        raise NotAllowed(gettext("training dates are imported by IT or by managers of the whole organisation"))
    file = request.FILES.get("file")
    if file is None:
        raise ImportRefused("no file was chosen")
    read = training_file.read(file.read(csv_file.FILE_MAX_BYTES + 1), _today())
    return read, request.POST.get("whole") == "yes"


def _today() -> date:
    return datetime.now(UTC).astimezone(organisation_zone()).date()


def _told(done: Preview) -> dict[str, object]:
    return {
        "counts": done.counts,
        "looked_at": in_a_line(done.counts),
        "most_gone": done.most_gone,
        "ignored": done.ignored,
        "courses": [[one.name, one.lines, one.new] for one in done.courses],
        "strangers": [[one] for one in done.strangers[:PREVIEW_MAX]],
        "strangers_count": len(done.strangers),
        "new": [[one.account, one.course, one.done_on, one.due_on] for one in done.new[:PREVIEW_MAX]],
        "changed": [
            [entry.account, entry.course, row.due_on, entry.due_on] for row, entry in done.changed[:PREVIEW_MAX]
        ],
        "gone": [[row.account, row.course, row.done_on] for row in done.gone[:PREVIEW_MAX]],
    }
