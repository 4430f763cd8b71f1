"""Let people end one of their own sign-ins; the library's page ends all the others."""

from __future__ import annotations

from allauth.usersessions.internal.flows import sessions
from allauth.usersessions.models import UserSession
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from server.web.access import person


@login_required
@require_POST
def end(request: HttpRequest, session_id: int) -> HttpResponse:
    """End a sign-in of one's own; somebody else's does not exist here."""
    one = get_object_or_404(UserSession, pk=session_id, user=person(request))
    sessions.end_sessions(request, [one])
    return redirect("usersessions_list")
