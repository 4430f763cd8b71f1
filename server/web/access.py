"""Who may enter which page: every view names its roles; strangers are sent to sign in, others are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import msgspec
from allauth.core.internal import ratelimit
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils.translation import gettext, gettext_noop

from protocol.errors import Refused
from server.errors import CollectorError, NotAllowed, NotThere
from server.store.models import Role, User

View = Callable[..., HttpResponse]
LEADS = (Role.LEAD, Role.DEPUTY)


@dataclass(frozen=True)
class Room:
    """A page of the navigation, by its name in British English; `whole` is for accounts that are for all groups."""

    name: str
    address: str
    roles: tuple[Role, ...]
    whole: bool = False

    def is_for(self, user: User) -> bool:
        """Whether this person may enter."""
        return user.role in self.roles and not (self.whole and user.groups)


ROOMS = (
    Room(gettext_noop("Queue"), "/desk/", LEADS),
    Room(gettext_noop("Record a concern"), "/desk/concern/", LEADS),
    Room(gettext_noop("Exceptions"), "/desk/exceptions/", LEADS),
    Room(gettext_noop("Lists on trial"), "/desk/trial/", LEADS),
    Room(gettext_noop("Requests for data"), "/desk/requests/", LEADS),
    Room(gettext_noop("Your key"), "/desk/key/", LEADS),
    Room(gettext_noop("Devices"), "/devices/", (Role.IT,)),
    Room(gettext_noop("Phones"), "/devices/phones/", (Role.IT,)),
    Room(gettext_noop("Accounts"), "/accounts/", (Role.IT,)),
    Room(gettext_noop("Lists"), "/lists/", (Role.IT,)),
    Room(gettext_noop("People"), "/people/", (Role.IT,)),
    Room(gettext_noop("Messages"), "/messages/", (Role.IT,)),
    Room(gettext_noop("Tests"), "/tests/", (Role.IT, *LEADS)),
    Room(gettext_noop("Summary"), "/summary/", (Role.MANAGER, *LEADS)),
    Room(gettext_noop("Training"), "/training/", (Role.IT, Role.MANAGER, *LEADS)),
    Room(gettext_noop("Audit log"), "/audit/", (Role.DPO,)),
    Room(gettext_noop("Going live"), "/go-live/", (Role.IT, Role.DPO)),
    Room(gettext_noop("Subject access"), "/subject-access/", (Role.DPO,)),
    Room(gettext_noop("Partners"), "/partners/", (Role.MANAGER, Role.DPO), whole=True),
    Room(gettext_noop("Data life"), "/data-life/", (Role.DPO,)),
    Room(gettext_noop("Yearly review"), "/review/", (Role.MANAGER, Role.DPO), whole=True),
    Room(gettext_noop("Papers"), "/papers/", (Role.MANAGER, Role.DPO), whole=True),
    Room(gettext_noop("Documents"), "/documents/", tuple(Role)),
    Room(gettext_noop("Your notifications"), "/notifications/", tuple(Role)),
    Room(gettext_noop("Rules in force"), "/rules/", tuple(Role)),
)
"""The pages with a place in the navigation, each role's first one being where it lands."""


def rooms_of(user: Any) -> list[Room]:
    """Return the pages that a person may enter; none for a stranger."""
    return [room for room in ROOMS if user.is_authenticated and room.is_for(user)]


def person(request: HttpRequest) -> User:
    """Return who is signed in; only for views behind `page` or `data`."""
    assert isinstance(request.user, User)
    return request.user


def page(*roles: Role) -> Callable[[View], View]:
    """Let these roles see a page: a stranger is sent to sign in, another role gets 403, what is not there 404."""

    def around(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if request.method not in {"GET", "HEAD"}:
                return HttpResponseNotAllowed(["GET", "HEAD"])
            if person(request).role not in roles:
                raise PermissionDenied
            try:
                return view(request, *args, **kwargs)
            except NotAllowed:
                raise PermissionDenied from None
            except NotThere:
                raise Http404 from None

        return guarded

    return around


def open_page(view: View) -> View:
    """Let everybody see a page, signed in or not; it must show nothing about any person, device or case."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return view(request, *args, **kwargs)

    return guarded


def limited(action: str) -> Callable[[View], View]:
    """Bound how often one address may ask for a page, GET too; the figures are in `ACCOUNT_RATE_LIMITS`."""

    def around(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not ratelimit.consume(request, app="allauth.account", action=action, limit_get=True):
                refused: HttpResponse = ratelimit.respond_429(request)
                return refused
            return view(request, *args, **kwargs)

        return guarded

    return around


def data(method: str, *roles: Role) -> Callable[[View], View]:
    """Let these roles ask for JSON with that method: refusals are JSON too, with one sentence for the person."""

    def around(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return _refusal(401, gettext("Sign in first."))
            if person(request).role not in roles:
                return _refusal(403, gettext("This is not for your role."))
            if request.method != method:
                return HttpResponseNotAllowed([method])
            try:
                return view(request, *args, **kwargs)
            except NotAllowed as fault:
                return _refusal(403, _sentence(fault))
            except NotThere as fault:
                return _refusal(404, _sentence(fault))
            except CollectorError as fault:
                return _refusal(409, _sentence(fault))
            except (Refused, msgspec.MsgspecError, UnicodeDecodeError):
                return _refusal(400, gettext("The collector did not understand what the page sent."))

        return guarded

    return around


def answer(content: Any) -> JsonResponse:
    """Return JSON; bytes become base64, ids and times text."""
    return JsonResponse(json.loads(msgspec.json.encode(content)))


def _refusal(status: int, sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence}, status=status)


def _sentence(fault: CollectorError) -> str:
    words = str(fault)
    return words[:1].upper() + words[1:] + "."
