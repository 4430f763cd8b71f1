"""IT's page of fetched lists: how each stands, what would change, and the pack to sign on IT's own computer."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from server import lists
from server.audit import actor_of
from server.list_difference import Difference
from server.lists import ListRow
from server.store.models import Role
from server.web.access import data, page, person
from server.web.words import ago, category, category_names, span

# Those that wait for a person first.
_STATES = {
    "held": ("urgent", "held back"),
    "failing": ("urgent", "last try failed"),
    "offered": ("warn", "offered, not published yet"),
    "new": ("plain", "not fetched yet"),
    "published": ("good", "published"),
}


@page(Role.IT)
def fetched_lists(request: HttpRequest) -> HttpResponse:
    """Show every list of collector.toml, those that wait for a person first."""
    now, names = datetime.now(UTC), category_names()
    rows = sorted(lists.overview(), key=lambda row: list(_STATES).index(row.state))
    return render(request, "web/lists.html", {"lists": [_told(row, names, now) for row in rows]})


@page(Role.IT)
def download(request: HttpRequest, list_id: str, kind: str) -> HttpResponse:  # noqa: ARG001
    """Give a file of what is offered: the pack, its build report, or the difference."""
    path = lists.offered_file(list_id, kind)
    answer = FileResponse(path.open("rb"), as_attachment=True, filename=path.name)
    answer.headers["Content-Type"] = "application/json" if path.suffix == ".json" else "application/octet-stream"
    return answer  # type: ignore[return-value]


@data("POST", Role.IT)
def release(request: HttpRequest, list_id: str) -> HttpResponse:
    """Offer what was held back, if it still is what the person looked at."""
    lists.release(list_id, actor_of(person(request)), datetime.now(UTC), request.POST.get("version", "") or "none")
    return HttpResponseRedirect(reverse("lists"))


def _told(row: ListRow, names: dict[str, str], now: datetime) -> dict[str, object]:
    look, words = _STATES[row.state]
    due = row.next_at
    return {
        "row": row,
        "look": look,
        "words": words,
        "category": category(names, row.category),
        "checked": ago(row.checked_at, now),
        "changed": ago(row.changed_at, now),
        "next": "at the next look, within the hour" if due is None or due <= now else f"in {span(due - now)}",
        "offered": _difference(row.offered),
        "held": _difference(row.held_back),
        "checksum": row.checked_by.upper(),
    }


def _difference(change: Difference | None) -> dict[str, object] | None:
    if change is None:
        return None
    return {
        "change": change,
        "after": f"{change.after:,}",
        "before": f"{change.before:,}",
        "added": f"{change.added:,}",
        "removed": f"{change.removed:,}",
        "read": f"{change.read:,}",
        "refused": f"{change.refused:,}",
        "refusals": [(reason, f"{count:,}") for reason, count in change.refusals.items()],
        "protected": f"{change.protected_count:,}" if change.protected_count else "",
        "popular": [site for site in change.popular if site.refused is None],
        "popular_refused": [site for site in change.popular if site.refused is not None],
        "popular_more": max(0, change.popular_count - len(change.popular)),
        "overlap": [(pack_id, f"{count:,}") for pack_id, count in change.overlap.items()],
    }
