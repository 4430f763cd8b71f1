"""The register of partners: what each signed and confirmed and what is due, kept by management and the DPO."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from server import partners
from server.errors import NotAllowed, WrongState
from server.store.models import Role
from server.training import STATES
from server.web.access import View, data, page, person

WORDS = {
    "agreement_on": gettext_noop("Agreement signed on"),
    "policy_on": gettext_noop("Policy confirmed on"),
    "training_on": gettext_noop("Training confirmed on"),
    "due_on": gettext_noop("Next due"),
}
"""The dates of the form, as it says them."""


class PartnerForm(forms.Form):
    """What is kept of a partner."""

    name = forms.CharField(max_length=partners.TEXT_MAX_CHARS)
    lead = forms.CharField(max_length=partners.TEXT_MAX_CHARS, required=False)
    contact = forms.CharField(max_length=partners.TEXT_MAX_CHARS, required=False)
    agreement_on = forms.DateField(required=False)
    policy_on = forms.DateField(required=False)
    training_on = forms.DateField(required=False)
    due_on = forms.DateField(required=False)


def _for_editors(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, **given: int) -> HttpResponse:
        if not partners.may_edit(person(request)):
            raise NotAllowed(_("the register of partners is kept by management and the data protection officer"))
        return view(request, **given)

    return guarded


@page(Role.MANAGER, Role.DPO)
@_for_editors
def register(request: HttpRequest) -> HttpResponse:
    """Show every partner, those that want something done first, and the form to add one."""
    return _listed(request)


@page(Role.MANAGER, Role.DPO)
@_for_editors
def partner(request: HttpRequest, partner_id: int) -> HttpResponse:
    """Show one partner's form."""
    return _shown(request, partner_id)


@data("POST", Role.MANAGER, Role.DPO)
@_for_editors
def add(request: HttpRequest) -> HttpResponse:
    """Take a partner in."""
    return _kept(
        request,
        lambda details: partners.add(person(request), details, datetime.now(UTC)),
        lambda form: _listed(request, form),
        _("%(name)s is in the register."),
    )


@data("POST", Role.MANAGER, Role.DPO)
@_for_editors
def change(request: HttpRequest, partner_id: int) -> HttpResponse:
    """Change what is kept of a partner, if nobody else did meanwhile."""
    partners.one(partner_id, datetime.now(UTC))
    try:
        seen = datetime.fromisoformat(request.POST.get("seen", ""))
    except ValueError:
        raise WrongState(_("the page is too old; load it again")) from None
    return _kept(
        request,
        lambda details: partners.change(person(request), partner_id, details, datetime.now(UTC), seen),
        lambda form: _shown(request, partner_id, form),
        _("%(name)s was changed."),
    )


@data("POST", Role.MANAGER, Role.DPO)
@_for_editors
def end(request: HttpRequest, partner_id: int) -> HttpResponse:
    """Take a partner out."""
    now = datetime.now(UTC)
    name = partners.one(partner_id, now).details.name
    partners.end(person(request), partner_id, now)
    messages.success(request, _("%(name)s is no longer in the register.") % {"name": name})
    return HttpResponseRedirect(reverse("partners"))


def _kept(
    request: HttpRequest,
    keep: Callable[[partners.Details], object],
    again: Callable[[PartnerForm], HttpResponse],
    said: str,
) -> HttpResponse:
    form = PartnerForm(request.POST)
    if form.is_valid():
        try:
            keep(partners.Details(**form.cleaned_data))
        except WrongState as fault:
            words = str(fault)
            form.add_error(None, f"{words[:1].upper()}{words[1:]}.")
        else:
            messages.success(request, said % {"name": form.cleaned_data["name"]})
            return HttpResponseRedirect(reverse("partners"))
    return again(form)


def _listed(request: HttpRequest, form: PartnerForm | None = None) -> HttpResponse:
    found = partners.register(datetime.now(UTC))
    states = Counter(one.state for one in found)
    context = {
        "partners": found,
        "states": {state: states[state] for state in STATES},
        "unregistered": partners.unregistered(),
        **_fields(form, partners.Details("")),
    }
    return render(request, "web/partners.html", context, status=200 if form is None else 422)


def _shown(request: HttpRequest, partner_id: int, form: PartnerForm | None = None) -> HttpResponse:
    found = partners.one(partner_id, datetime.now(UTC))
    # After a refusal the form still speaks of what the person had looked at.
    seen = found.changed_at.isoformat() if form is None else request.POST.get("seen", "")
    context = {"partner": found, "seen": seen, **_fields(form, found.details)}
    return render(request, "web/partner.html", context, status=200 if form is None else 422)


def _fields(form: PartnerForm | None, kept: partners.Details) -> dict[str, object]:
    """What the form's fields hold: what was typed, so that one slip does not cost the rest, else what is kept."""
    names = PartnerForm.base_fields
    held = {name: getattr(kept, name) if form is None else form.data.get(name, "") for name in names}
    days = [(name, _(words), held[name] or "") for name, words in WORDS.items()]
    return {"held": held, "days": days, "form": form}
