"""IT's page of messages: whether the mail server takes ours, and who can't be reached. It knows of no case.

Everything here comes from asking the mail server without sending (see `mail_check`), never from messages about cases:
IT must not be able to tell from this page whether, or when, there was one. Monthly summaries are about none.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from server import channels, faults, mail_check, responders, summary_mail
from server.store.models import NotifySettings, Role
from server.summary_calendar import bounds
from server.summary_mail import Standing
from server.summary_words import month_words
from server.web.access import data, page
from server.web.words import ago


@page(Role.IT)
def delivery(request: HttpRequest) -> HttpResponse:
    """Show how the mail server stands, and who has no address, or one that is refused."""
    now, latest = datetime.now(UTC), mail_check.latest()
    refused = NotifySettings.objects.exclude(email_fault="").filter(user__is_active=True).select_related("user")
    steps = settings.CONFIG.escalation
    context = {
        "summaries": [(one, month_words(bounds(one.month)[0]), _standing(one)) for one in summary_mail.standings()],
        "named": settings.CONFIG.summary.mail_to,
        "mail": settings.CONFIG.mail,
        "latest": latest,
        "checked": ago(latest.checked_at, now) if latest is not None else "",
        "failing": ago(latest.failing_since, now) if latest is not None and latest.failing_since else "",
        "fault": faults.SENTENCES.get(latest.fault, "") if latest is not None else "",
        "silent": responders.unreachable(),
        "refused": [one.user for one in refused.order_by("user__username")],
        "contacts": [
            (one.name, channels.kind(one.address), responders.is_usable(one)) for one in settings.CONFIG.contacts
        ],
        "steps": steps.minutes,
        "repeat": steps.repeat_minutes,
    }
    return render(request, "web/delivery.html", context)


@data("POST", Role.IT)
def check(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view takes its request
    """Ask the mail server now."""
    mail_check.check(datetime.now(UTC))
    return HttpResponseRedirect(reverse("delivery"))


def _standing(one: Standing) -> str:
    if one.sent_at is not None:
        return ""
    return faults.SENTENCES.get(one.fault, "it is on its way")
