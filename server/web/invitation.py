"""The page behind an invitation: choose a password or make a passkey, and be signed in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.webauthn.internal import auth as passkeys
from allauth.mfa.webauthn.internal import flows
from django import forms
from django.contrib.auth import logout, password_validation
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.urls import reverse

from server import invitations, sign_in_mail
from server.errors import NotThere
from server.store.models import User
from server.web.access import limited
from server.web.factor_forms import FirstPasskey


class ChoosePassword(forms.Form):
    """A new password, twice."""

    password1 = forms.CharField(strip=False)
    password2 = forms.CharField(strip=False)

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user

    def clean(self) -> dict[str, Any]:
        """Refuse a password that is weak, or typed differently the second time."""
        given = super().clean() or {}
        first, second = given.get("password1", ""), given.get("password2", "")
        if first and second and first != second:
            raise ValidationError("The two passwords differ. Type the same one twice.")
        if first:
            try:
                password_validation.validate_password(first, self._user)
            except ValidationError as fault:
                self.add_error("password1", fault)
        return given


@limited("invitation")
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Show the form, as often as it is opened; only what the person sends uses the invitation up."""
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    try:
        user = invitations.whose(secret, datetime.now(UTC))
        if request.method == "POST" and "credential" in request.POST:
            return _with_passkey(request, user, secret)
        if request.method == "POST":
            return _with_password(request, user, secret)
    except NotThere:
        return render(request, "account/invitation_over.html", status=410)
    return _page(request, user, ChoosePassword(user))


def _with_password(request: HttpRequest, user: User, secret: str) -> HttpResponse:
    form = ChoosePassword(user, request.POST)
    if not form.is_valid():
        return _page(request, user, form)
    with transaction.atomic():
        user = invitations.use(secret, datetime.now(UTC))
        user.set_password(form.cleaned_data["password1"])
        user.save(update_fields=["password"])
    _leave_other_account(request)
    record_authentication(request, user, "invitation")
    return _sign_in(request, Login(user=user))


def _with_passkey(request: HttpRequest, user: User, secret: str) -> HttpResponse:
    form = FirstPasskey(user=user, data={"name": "My passkey", "credential": request.POST["credential"]})
    if not form.is_valid():
        return _page(request, user, ChoosePassword(user), problem="The passkey was not accepted. Try again.")
    with transaction.atomic():
        user = invitations.use(secret, datetime.now(UTC))
        _leave_other_account(request)
        made = flows.signup_authenticator(request, user, form.cleaned_data["name"], form.cleaned_data["credential"])
        RecoveryCodes.activate(user)
    sign_in_mail.tell(user, sign_in_mail.TOLD["webauthn_added"])
    login = Login(user=user, redirect_url=reverse("mfa_view_recovery_codes"))
    answer: HttpResponse = flows.perform_passwordless_login(request, made, login)
    return answer


def _sign_in(request: HttpRequest, login: Login) -> HttpResponse:
    answer: HttpResponse = perform_login(request, login)
    return answer


def _leave_other_account(request: HttpRequest) -> None:
    """Sign out whoever uses this browser: a lead's key must not stay open under another name."""
    if request.user.is_authenticated:
        logout(request)


def _page(request: HttpRequest, user: User, form: ChoosePassword, problem: str = "") -> HttpResponse:
    options = {"creation_options": passkeys.begin_registration(user, passwordless=True)}
    context = {"invited": user, "form": form, "options": options, "problem": problem}
    return render(request, "account/invitation.html", context)
