"""Real names for leads; IT's page to import people, which shows nothing but what IT's file says."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from server import audit, directory, people_file, people_import
from server.csv_file import in_a_line
from server.errors import ImportRefused
from server.people_import import Preview
from server.store.models import Person, Role
from server.web.access import answer, data, page, person

SHOWN_MAX = 200
"""Lines of each kind in a preview: what is wrong shows in the first; the counts tell the rest."""


@data("GET", Role.LEAD, Role.DEPUTY)
def names(request: HttpRequest) -> HttpResponse:
    """Give the real names behind accounts, of the groups that this lead is for."""
    response = answer({"people": [asdict(one) for one in directory.shown_to(person(request))]})
    response.headers["Cache-Control"] = "no-store"
    return response


@page(Role.IT)
def people(request: HttpRequest) -> HttpResponse:
    """Show how many people are known, and the form to import a list."""
    known = Person.objects.count()
    gone = Person.objects.filter(gone_at__isnull=False).count()
    newest = Person.objects.order_by("-changed_at").values_list("changed_at", flat=True).first()
    counts = {"listed": known - gone, "gone": gone}
    return render(request, "web/people.html", {"counts": counts, "changed_at": newest, "known": known})


@data("POST", Role.IT)
def people_preview(request: HttpRequest) -> HttpResponse:
    """Say what a file would change, changing nothing; the file is not kept."""
    return answer(_told(people_import.preview(_given(request))))


@data("POST", Role.IT)
def people_confirm(request: HttpRequest) -> HttpResponse:
    """Import the file, if it still would change what the person looked at."""
    given = _given(request)
    looked_at = request.POST.get("counts", "")
    if looked_at != in_a_line(people_import.preview(given).counts):
        raise ImportRefused("something changed since you looked; look at what would change again")
    return answer(_told(people_import.apply(given, audit.actor_of(person(request)), datetime.now(UTC))))


def _given(request: HttpRequest) -> people_file.PeopleFile:
    file = request.FILES.get("file")
    if file is None:
        raise ImportRefused("no file was chosen")
    return people_file.read(file.read(people_file.FILE_MAX_BYTES + 1))


def _told(done: Preview) -> dict[str, object]:
    return {
        "counts": done.counts,
        "looked_at": in_a_line(done.counts),
        "most_gone": done.most_gone,
        "ignored": done.ignored,
        "problems": [[f"Line {one.line}", one.problem] for one in done.problems[:SHOWN_MAX]],
        "new": [[one.account, one.name, one.group, one.partner] for one in done.new[:SHOWN_MAX]],
        "changed": [
            [one.entry.account, one.entry.name, ", ".join([*one.what, *(["listed again"] if one.back else [])])]
            for one in done.changed[:SHOWN_MAX]
        ],
        "gone": [[one.account, one.name] for one in done.gone[:SHOWN_MAX]],
    }
