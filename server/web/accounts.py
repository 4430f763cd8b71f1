"""IT's page of accounts: who signs in, with what role, and whether they have a second factor."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Final

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render

from server import account_care, invitations, second_factor, sign_in_mail
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import Role, User
from server.web.access import View, page, person

KEYS: Final = {"none": "no key yet", "waiting": "waits for the custodians", "signed": "on the signed list"}


@page(Role.IT)
def account_list(request: HttpRequest) -> HttpResponse:
    """Show every account."""
    accounts = account_care.listing(person(request), _now())
    return render(request, "web/accounts.html", {"accounts": accounts, "keys": KEYS, "roles": Role.choices})


@page(Role.IT)
def account(request: HttpRequest, user_id: int) -> HttpResponse:
    """Show one account and what can be done with it."""
    return _shown(request, user_id)


def _shown(request: HttpRequest, user_id: int, problem: str = "", link: str = "") -> HttpResponse:
    found = account_care.one(person(request), user_id, _now())
    context = {
        "account": found,
        "key": KEYS[found.key],
        "roles": Role.choices,
        "problem": problem,
        "link": link,
        "own": found.user.pk == person(request).pk,
    }
    return render(request, "web/account.html", context, status=409 if problem else 200)


def _change(view: View) -> View:
    """Guard a form of IT's: a fresh sign-in, POST only, and a refusal shown on the page that it came from."""

    @wraps(view)
    def guarded(request: HttpRequest, user_id: int = 0) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login("/accounts/")
        if person(request).role != Role.IT:
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        # An open screen that somebody finds must not be enough to make themselves an account.
        raise_if_reauthentication_required(request, app="allauth.mfa")
        try:
            return view(request, user_id)
        except NotThere:
            raise Http404 from None
        except (NotAllowed, WrongState) as fault:
            problem = f"{str(fault)[:1].upper()}{str(fault)[1:]}."
            if user_id:
                return _shown(request, user_id, problem)
            messages.error(request, problem)
            return redirect("accounts")

    return guarded


@_change
def add(request: HttpRequest, user_id: int) -> HttpResponse:  # noqa: ARG001
    """Add somebody and invite them."""
    username, name, email, role = (_given(request, key) for key in ("username", "name", "email", "role"))
    user = account_care.add(person(request), username, name, email, role, _now(), _given(request, "groups"))
    return _invite(request, user)


@_change
def change(request: HttpRequest, user_id: int) -> HttpResponse:
    """Change name, address and role."""
    name, email, role = (_given(request, key) for key in ("name", "email", "role"))
    user = account_care.change(person(request), user_id, name, email, role, _now(), _given(request, "groups"))
    messages.success(request, f"{user.get_full_name()} was changed.")
    return redirect("accounts" if person(request).pk != user.pk or user.role == Role.IT else "home")


@_change
def invite(request: HttpRequest, user_id: int) -> HttpResponse:
    """Send a new invitation; older ones end."""
    return _invite(request, account_care.one(person(request), user_id, _now()).user)


@_change
def withdraw(request: HttpRequest, user_id: int) -> HttpResponse:
    """End an invitation."""
    return _done(request, user_id, lambda by, user: invitations.withdraw(user, by, _now()), "The invitation has ended.")


@_change
def reset(request: HttpRequest, user_id: int) -> HttpResponse:
    """Take away a second factor that was lost."""
    words = "The second factor was reset. They set up a new one when they next sign in."
    return _done(request, user_id, lambda by, user: second_factor.reset(user, by), words)


@_change
def close(request: HttpRequest, user_id: int) -> HttpResponse:
    """Close an account; its sessions end at once."""
    words = "The account is closed, and signed out everywhere."
    return _done(request, user_id, lambda by, user: account_care.close(by, user.pk, _now()), words)


@_change
def reopen(request: HttpRequest, user_id: int) -> HttpResponse:
    """Open an account again."""
    return _done(request, user_id, lambda by, user: account_care.reopen(by, user.pk, _now()), "The account is open.")


@_change
def disconnect(request: HttpRequest, user_id: int) -> HttpResponse:
    """Forget the identity of the single sign-on."""
    words = "The account is no longer connected to single sign-on."
    return _done(request, user_id, lambda by, user: account_care.disconnect(by, user.pk, _now()), words)


def _done(request: HttpRequest, user_id: int, work: Callable[[User, User], object], words: str) -> HttpResponse:
    by = person(request)
    work(by, account_care.one(by, user_id, _now()).user)
    messages.success(request, words)
    return redirect("account", user_id=user_id)


def _invite(request: HttpRequest, user: User) -> HttpResponse:
    link = invitations.invite(user, person(request), _now())
    if not sign_in_mail.can_send() or not user.email:
        return _shown(request, user.pk, link=link)
    try:
        invitations.send(user, link)
    except (OSError, smtplib.SMTPException):
        return _shown(
            request, user.pk, "The mail server did not take the invitation. Hand the link over yourself", link
        )
    messages.success(request, f"An invitation was sent to {user.email}. It is good for 72 hours.")
    return redirect("account", user_id=user.pk)


def _given(request: HttpRequest, key: str) -> str:
    return request.POST.get(key, "").strip()


def _now() -> datetime:
    return datetime.now(UTC)
