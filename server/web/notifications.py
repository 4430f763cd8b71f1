"""A person's own page: how Fairwatch tells them, and when they are away. Secrets go in and are never shown again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from server import channels, faults, preferences, responders
from server.errors import NotDelivered, NotThere, WrongState
from server.store.models import NotifyChannel, NotifySettings, Role, User
from server.web.access import LEADS, data, page, person
from server.working_hours import organisation_zone

DAYS = (
    ("1", gettext_lazy("Monday")),
    ("2", gettext_lazy("Tuesday")),
    ("3", gettext_lazy("Wednesday")),
    ("4", gettext_lazy("Thursday")),
    ("5", gettext_lazy("Friday")),
    ("6", gettext_lazy("Saturday")),
    ("7", gettext_lazy("Sunday")),
)
ROUTINE = (
    ("soon", gettext_lazy("Soon after they come in")),
    ("digest", gettext_lazy("Only in my digest")),
)
DIGEST = (
    ("daily", gettext_lazy("Every day that I work")),
    ("weekly", gettext_lazy("On my first day of the week")),
    ("none", gettext_lazy("Never")),
)
QUARTERS = tuple((f"{minute // 60:02}:{minute % 60:02}",) * 2 for minute in range(0, 24 * 60, 15))


class AddressForm(forms.Form):
    """Where mails go."""

    email = forms.EmailField(required=False, max_length=254)


class HoursForm(AddressForm):
    """Where mails go, and when a lead is told what."""

    routine = forms.ChoiceField(choices=ROUTINE)
    hours_only = forms.BooleanField(required=False)
    days = forms.MultipleChoiceField(choices=DAYS)
    hours_from = forms.TimeField()
    hours_to = forms.TimeField()
    digest = forms.ChoiceField(choices=DIGEST)
    digest_at = forms.ChoiceField(choices=QUARTERS)

    def clean(self) -> dict[str, Any]:
        """Refuse hours that end before they begin."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        begins, ends = given.get("hours_from"), given.get("hours_to")
        if begins is not None and ends is not None and ends <= begins:
            self.add_error("hours_to", _("The end must be after the beginning."))
        return given


class ChannelForm(forms.Form):
    """One more way."""

    label = forms.CharField(max_length=40)
    url = forms.CharField(max_length=channels.URL_MAX)
    urgent_only = forms.BooleanField(required=False)


class AbsenceForm(forms.Form):
    """From when to when."""

    first_day = forms.DateField()
    last_day = forms.DateField()


@page(*Role)
def notifications(request: HttpRequest) -> HttpResponse:
    """Show how the person is told now."""
    return _shown(request)


@data("POST", *Role)
def save(request: HttpRequest) -> HttpResponse:
    """Keep what the person wants."""
    user = person(request)
    form = (HoursForm if user.opens_evidence else AddressForm)(request.POST)
    if not form.is_valid():
        return _shown(request, form=form)
    given = form.cleaned_data
    wanted = responders.settings_of(user)
    for name, value in given.items():
        setattr(wanted, name, "".join(sorted(value)) if name == "days" else value)
    preferences.save(user, wanted, datetime.now(UTC))
    messages.success(request, _("Saved."))
    return _back()


@data("POST", *Role)
def add_channel(request: HttpRequest) -> HttpResponse:
    """Keep one more way."""
    form = ChannelForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            preferences.add_channel(
                person(request), given["label"], given["url"], datetime.now(UTC), urgent_only=given["urgent_only"]
            )
        except WrongState as fault:
            form.add_error("url", _sentence(fault))
        else:
            messages.success(request, _("Added. Send yourself a test now."))
            return _back()
    return _shown(request, channel_form=form)


@data("POST", *Role)
def remove_channel(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Forget one way."""
    return _do(request, lambda user, now: preferences.remove_channel(user, channel_id, now), _("Removed."))


@data("POST", *Role)
def test_email(request: HttpRequest) -> HttpResponse:
    """Send a test e-mail."""
    return _do(request, lambda user, now: preferences.send_test(user, None, now), _("Sent. Look into your mail."))


@data("POST", *Role)
def test_channel(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Send a test by another way."""
    said = _("Sent. It should be with you in a moment.")
    return _do(request, lambda user, now: preferences.send_test(user, channel_id, now), said)


@data("POST", *LEADS)
def enter_absence(request: HttpRequest) -> HttpResponse:
    """Keep that a lead is away."""
    form = AbsenceForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            preferences.enter_absence(person(request), given["first_day"], given["last_day"], datetime.now(UTC))
        except WrongState as fault:
            form.add_error("last_day", _sentence(fault))
        else:
            messages.success(request, _("Entered. On these days the others are told instead of you."))
            return _back()
    return _shown(request, absence_form=form)


@data("POST", *LEADS)
def end_absence(request: HttpRequest, absence_id: int) -> HttpResponse:
    """Say that a lead is back."""
    said = _("Taken out. You are told again.")
    return _do(request, lambda user, now: preferences.end_absence(user, absence_id, now), said)


def _do(request: HttpRequest, act: Callable[[User, datetime], None], said: str) -> HttpResponse:
    try:
        act(person(request), datetime.now(UTC))
    except NotDelivered as missed:
        messages.error(request, _("Not sent: %(why)s.") % {"why": faults.SENTENCES[missed.fault]})
    except NotThere:
        messages.error(request, _("That is gone already."))
    except WrongState as fault:
        messages.error(request, _sentence(fault))
    else:
        messages.success(request, said)
    return _back()


def _back() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("notifications"))


def _sentence(fault: Exception) -> str:
    words = str(fault)
    return words[:1].upper() + words[1:] + "."


def _shown(request: HttpRequest, **faulty: forms.Form) -> HttpResponse:
    user, now = person(request), datetime.now(UTC)
    wanted = responders.settings_of(user)
    given = faulty.get("form")
    values: Any = _values(given) if given is not None else _kept(wanted)
    context = {
        **faulty,
        "wanted": values,
        "account_email": user.email,
        "reachable": responders.is_reachable(user),
        "email_fault": faults.SENTENCES.get(wanted.email_fault, ""),
        "channels": [_channel(one) for one in preferences.channels_of(user)],
        "channels_max": channels.CHANNELS_MAX,
        "is_lead": user.opens_evidence,
        "days": [(number, name, number in values["days"]) for number, name in DAYS],
        "routines": ROUTINE,
        "digests": DIGEST,
        "quarters": [value for value, _name in QUARTERS],
        "absences": preferences.absences(user, now) if user.opens_evidence else [],
        "today": now.astimezone(organisation_zone()).date(),
    }
    return render(request, "web/notifications.html", context, status=422 if faulty else 200)


def _kept(wanted: NotifySettings) -> dict[str, Any]:
    return {
        "email": wanted.email,
        "routine": wanted.routine,
        "hours_only": wanted.hours_only,
        "days": wanted.days,
        "hours_from": f"{wanted.hours_from:%H:%M}",
        "hours_to": f"{wanted.hours_to:%H:%M}",
        "digest": wanted.digest,
        "digest_at": f"{wanted.digest_at:%H:%M}",
    }


def _values(form: forms.Form) -> dict[str, Any]:
    # What the person typed, so that one slip does not cost the rest.
    typed = {name: form.data.get(name, "") for name in form.fields}
    return {**_kept(NotifySettings()), **typed, "days": form.data.getlist("days")}  # type: ignore[attr-defined]


def _channel(one: NotifyChannel) -> dict[str, Any]:
    return {
        "id": one.pk,
        "label": one.label,
        "kind": channels.kind(one.url),
        "urgent_only": one.urgent_only,
        "fault": faults.SENTENCES.get(one.fault, ""),
        "failing_since": one.failing_since,
    }
