"""How one person wants to be told: addresses, hours, digest, and the days on which they are away."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext

from server import audit, channels, responders
from server.errors import NotDelivered, NotThere, WrongState
from server.store.models import Absence, NotifyChannel, NotifySettings, Role, User
from server.working_hours import organisation_zone

AWAY_MAX = timedelta(days=400)
"""A typing slip must not take somebody off for a century; parental leave of a year fits."""

TEST_SECONDS = 10.0
"""Between two tests of one person, so that nobody floods an address by pressing a button."""

_tests: dict[int, float] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Away:
    """Days on which somebody is away, as colleagues may see them."""

    id: int
    user_id: int
    name: str
    first_day: date
    last_day: date


def save(user: User, wanted: NotifySettings, now: datetime) -> None:
    """Keep how somebody wants to be told."""
    fields = ("email", "routine", "hours_only", "days", "hours_from", "hours_to", "digest", "digest_at")
    with transaction.atomic():
        kept, _ = NotifySettings.objects.select_for_update().get_or_create(user=user)
        if kept.email != wanted.email:
            kept.email_fault = ""
        for name in fields:
            setattr(kept, name, getattr(wanted, name))
        kept.save()
        audit.write(audit.actor_of(user), "notify_settings_changed", f"user:{user.pk}", now=now)


def channels_of(user: User) -> QuerySet[NotifyChannel]:
    """Return somebody's further ways, in the order in which they are tried."""
    return NotifyChannel.objects.filter(user=user).order_by("pk")


def add_channel(user: User, label: str, url: str, now: datetime, *, urgent_only: bool) -> NotifyChannel:
    """Keep one more way; raises WrongState, in a sentence, when it can't be used or there are too many."""
    channels.check_url(url)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        if channels_of(user).count() >= channels.CHANNELS_MAX:
            raise WrongState(
                gettext("at most %(count)s further ways; remove one first") % {"count": channels.CHANNELS_MAX}
            )
        audit.write(audit.actor_of(user), "notify_channel_added", f"user:{user.pk}", now=now)
        return NotifyChannel.objects.create(user=user, label=label, url=url, urgent_only=urgent_only, added_at=now)


def remove_channel(user: User, channel_id: int, now: datetime) -> None:
    """Forget one way; raises NotThere when it is not one of theirs."""
    with transaction.atomic():
        if not channels_of(user).filter(pk=channel_id).delete()[0]:
            raise NotThere(gettext("there is no such way"))
        audit.write(audit.actor_of(user), "notify_channel_removed", f"user:{user.pk}", now=now)


def send_test(user: User, channel_id: int | None, now: datetime) -> None:
    """Send a test by one way (`None` is e-mail) at once; raises NotDelivered, NotThere, or WrongState when too soon."""
    channel = channels_of(user).filter(pk=channel_id).first() if channel_id is not None else None
    if channel_id is not None and channel is None:
        raise NotThere(gettext("there is no such way"))
    address = channel.url if channel is not None else responders.email_of(user)
    if not address:
        raise NotDelivered("nowhere")
    _take_turn(user)
    here = now.astimezone(organisation_zone())
    words = f"This is the test that you asked for at {here:%H:%M}. It works; nothing has happened.\n"
    letter = channels.Letter("Fairwatch: a test", words, f"test:{user.pk}:{channel_id}:{now.isoformat()}")
    mine = channels_of(user).filter(pk=channel.pk if channel is not None else 0)
    try:
        channels.bring(address, letter)
    except NotDelivered as missed:
        mine.update(fault=missed.fault)
        raise
    mine.update(fault="", failing_since=None)


def enter_absence(user: User, first: date, last: date, now: datetime) -> Absence:
    """Keep that somebody is away from a day to a day, both included; raises WrongState for days that make no sense."""
    today = now.astimezone(organisation_zone()).date()
    if last < first:
        raise WrongState(gettext("the last day is before the first"))
    if last < today:
        raise WrongState(gettext("these days are over"))
    if last - first > AWAY_MAX or first - today > AWAY_MAX:
        raise WrongState(gettext("at most %(count)s days, and ahead") % {"count": AWAY_MAX.days})
    with transaction.atomic():
        audit.write(audit.actor_of(user), "absence_entered", f"user:{user.pk}", now=now)
        return Absence.objects.create(user=user, first_day=first, last_day=last, entered_at=now)


def end_absence(user: User, absence_id: int, now: datetime) -> None:
    """Say that somebody is back, or never goes; raises NotThere when it is not their own entry."""
    with transaction.atomic():
        if not Absence.objects.filter(user=user, pk=absence_id).delete()[0]:
            raise NotThere(gettext("there is no such absence"))
        audit.write(audit.actor_of(user), "absence_ended", f"user:{user.pk}", now=now)


def absences(user: User, now: datetime) -> list[Away]:
    """Return who of the leads and deputies is or will be away, soonest first; a partner's lead sees only themselves."""
    today = now.astimezone(organisation_zone()).date()
    rows = Absence.objects.filter(
        last_day__gte=today, user__is_active=True, user__role__in=(Role.LEAD, Role.DEPUTY)
    ).select_related("user")
    rows = rows.filter(user=user) if user.groups else rows
    return [
        Away(one.pk, one.user_id, one.user.get_full_name(), one.first_day, one.last_day)
        for one in rows.order_by("first_day", "pk")
    ]


def _take_turn(user: User) -> None:
    with _lock:
        last = _tests.get(user.pk)
        if last is not None and time.monotonic() - last < TEST_SECONDS:
            raise WrongState(gettext("a test was sent a moment ago; wait a little"))
        _tests[user.pk] = time.monotonic()
