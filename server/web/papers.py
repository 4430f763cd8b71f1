"""The page of papers, for managers and the data protection officer: each is made, when asked, from what is in force."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from server import papers, papers_formats
from server.errors import NotAllowed, SetUpError
from server.store.models import Role
from server.web.access import page, person

READERS = (Role.DPO, Role.MANAGER)
_TYPES = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}


@page(*READERS)
def paper_list(request: HttpRequest) -> HttpResponse:
    """Show every paper with what it is for."""
    _for_all_groups(request)
    problem = ""
    try:
        _facts()
    except SetUpError as fault:
        problem = str(fault)
    return render(request, "web/papers.html", {"papers": papers_formats.PAPERS, "problem": problem})


@page(*READERS)
def as_file(request: HttpRequest, paper: str, form: str) -> HttpResponse:
    """Give one paper as a file, made now."""
    _for_all_groups(request)
    try:
        made = papers_formats.render(_facts(), paper, form)
    except SetUpError as fault:
        return HttpResponse(f"{fault}.", status=409, content_type="text/plain; charset=utf-8")
    answer = HttpResponse(made, content_type=_TYPES[form])
    answer["Content-Disposition"] = f'attachment; filename="fairwatch-{paper}.{form}"'
    return answer


def _for_all_groups(request: HttpRequest) -> None:
    # A partner's manager has some groups; who else may open cases here, and where the organisation falls short, isn't
    # theirs to read.
    if person(request).groups:
        raise NotAllowed(gettext("the papers are for those who are for all groups"))


def _facts() -> papers.Facts:
    return papers.of_collector(settings.DATA_DIR, settings.CONFIG, datetime.now(UTC))
