"""The harmless tests of the whole way: asked of a group's device, timed on arrival, told of when they don't arrive.

A test is no incident: it is kept apart from them, and stands in no queue, figure or digest. A record that claims to be
one and is a real flag hides it from nobody but whoever made it so: a device that would do that could as well send
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext

from protocol.codes import Code
from protocol.errors import Refused
from protocol.messages import TripAnswer, TripHeader, TripReport
from server import audit, notify, policy_in_force
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import Device, Role, Trip, TripDevice, User
from server.summary_document import EndToEnd
from server.working_hours import organisation_zone

EVERY = timedelta(days=7)
"""How often each group is tested without anybody's asking."""

ARRIVE_WITHIN = timedelta(minutes=10)
"""From a device's taking up a test: an alert takes seconds, and a line that needs longer delays urgent ones too."""

VISIT_WITHIN = timedelta(minutes=40)
"""The same for a visit by hand: the half hour that the device waits for it, and the trip."""

FETCH_WITHIN = timedelta(hours=1)
"""Until a device takes up a test for which somebody pressed; it asks every five minutes while it is on."""

FETCH_WEEKLY_WITHIN = timedelta(days=3)
"""The same for the weekly one: a laptop may be off over a weekend."""

CLOCKS_DIFFER = timedelta(minutes=5)
"""What two collectors' clocks may differ; one that was asked for later was so before the clock was set back."""

TELLS = (Role.IT, Role.LEAD, Role.DEPUTY)
"""Who is told that a test failed, and may ask for one: who can mend it, and who must know that they may be blind."""

Outcome = Literal["waiting", "arrived", "late", "not_fetched", "not_arrived"]


@dataclass(frozen=True)
class Standing:
    """One group: the device that makes its tests, whether IT chose it, the test under way and the last one over."""

    group: str
    name: str
    device: Device | None
    chosen: bool
    waiting: Trip | None
    last: Trip | None


def outcome(trip: Trip) -> Outcome:
    """Return how a test stands."""
    if trip.received_at is not None:
        return "arrived" if trip.failed_at is None else "late"
    if trip.failed_at is None:
        return "waiting"
    return "not_fetched" if trip.fetched_at is None else "not_arrived"


# --- what people do ------------------------------------------------------------------------------------------------


def standing(user: User) -> list[Standing]:
    """Return every group that this person is for, by name; raises NotAllowed."""
    _may(user)
    named = group_names()
    return [_standing(group, named[group]) for group in sorted(named, key=named.__getitem__) if user.in_scope(group)]


def earlier(user: User, most: int = 50) -> list[Trip]:
    """Return the tests that are over, of the groups that this person is for, newest first; raises NotAllowed."""
    _may(user)
    over = _over().select_related("device").order_by("-asked_at")
    return [trip for trip in over[: most * 4] if user.in_scope(trip.group)][:most]


def choosable(group: str) -> QuerySet[Device]:
    """Return the devices of a group that can make its tests, those heard of last first.

    A phone behind a gateway can't: it runs nothing of ours that would come for one.
    """
    active = Device.objects.filter(group=group, status=Device.Status.ACTIVE, sample=False, public_key__isnull=False)
    return active.order_by(F("last_seen").desc(nulls_last=True), "number")


def choose(user: User, group: str, device_id: UUID | None, now: datetime) -> None:
    """Let one device make a group's tests, or (None) the one heard of last; IT only. Raises NotAllowed, NotThere."""
    if not (user.is_active and user.role == Role.IT):
        raise NotAllowed(gettext("only IT administrators choose which device is tested"))
    if group not in group_names():
        raise NotThere(gettext("there is no such group"))
    device = choosable(group).filter(pk=device_id).first() if device_id is not None else None
    if device_id is not None and device is None:
        raise NotThere(gettext("there is no such device in that group"))
    with transaction.atomic():
        TripDevice.objects.filter(group=group).delete()
        if device is not None:
            TripDevice.objects.create(group=group, device=device, chosen_at=now)
        subject = f"device:{device.pk}" if device is not None else "device:last"
        audit.write(audit.actor_of(user), "test_device_chosen", subject, now=now)


def ask(user: User, group: str, by: str, now: datetime) -> Trip:
    """Ask a group's device for a test now. Raises NotAllowed, NotThere, or WrongState while one is under way."""
    _may(user)
    if not user.in_scope(group) or group not in group_names():
        raise NotThere(gettext("there is no such group"))
    return _begin(group, Trip.By(by), now, user)


# --- what the collector does by itself -----------------------------------------------------------------------------


def tend(now: datetime) -> None:
    """Begin the weekly tests that are due, and give up and tell of those that did not arrive."""
    fail_overdue(now)
    for group in group_names():
        newest = Trip.objects.filter(group=group, asked_at__lte=now + CLOCKS_DIFFER).order_by("-asked_at").first()
        due = newest is None or (newest.asked_at <= now - EVERY and outcome(newest) != "waiting")
        if due and _device_of(group)[0] is not None:
            _begin(group, Trip.By.SERVICE, now, None)


def fail_overdue(now: datetime) -> int:
    """Give up the tests that did not arrive in time, tell of each once, and return how many."""
    late = (
        Q(fetched_at__isnull=True, weekly=True, asked_at__lte=now - FETCH_WEEKLY_WITHIN)
        | Q(fetched_at__isnull=True, weekly=False, asked_at__lte=now - FETCH_WITHIN)
        | Q(asked_at__gt=now + CLOCKS_DIFFER)
        | Q(fetched_at__lte=now - ARRIVE_WITHIN, by=Trip.By.SERVICE)
        | Q(fetched_at__lte=now - VISIT_WITHIN, by=Trip.By.VISIT)
    )
    failed = 0
    for trip in _under_way().filter(late):
        with transaction.atomic():
            # Who changes the row tells of it: of two processes, or of a record that arrives meanwhile, one.
            if _under_way().filter(pk=trip.pk).update(failed_at=now):
                trip.failed_at = now
                audit.write("job:tests", "test_failed", f"test:{trip.pk}", now=now)
                _tell(trip, now)
                failed += 1
    return failed


def wanted_of(device_id: UUID, now: datetime) -> TripAnswer:
    """Return the test that a device is to make, and note when it first came for it."""
    trip = _under_way().filter(device_id=device_id).order_by("asked_at").first()
    if trip is None:
        return TripAnswer()
    if trip.fetched_at is None:
        Trip.objects.filter(pk=trip.pk, fetched_at__isnull=True).update(fetched_at=now)
    return TripAnswer(trip.pk, "visit" if trip.by == Trip.By.VISIT else "service")


def record(report: TripReport, header: TripHeader, device: Device, now: datetime) -> None:
    """Note that a checked test arrived; the same test again changes nothing. Call inside ingest's transaction.

    Raises Refused for a test that was never asked of this device: a device can't make up a success.
    """
    if not Trip.objects.filter(pk=header.trip, device=device, fetched_at__isnull=False).exists():
        raise Refused(Code.BAD_RECORD, "no such test was asked of this device")
    Trip.objects.filter(pk=header.trip, received_at__isnull=True).update(
        received_at=now,
        record=header.record,
        source=header.source,
        seen_at=header.seen,
        sealed_to=" ".join(header.sealed_to),
        header=report.header,
        envelope=report.envelope,
        signature=report.signature,
    )


def of_month(first: date, after: date, zone: str) -> tuple[EndToEnd, ...]:
    """Return each group's last test that was over in a month (`after` is the day after it), by group."""
    here = ZoneInfo(zone)
    begin, end = (datetime(day.year, day.month, day.day, tzinfo=here) for day in (first, after))
    found: dict[str, EndToEnd] = {}
    for trip in _over().filter(asked_at__gte=begin, asked_at__lt=end).order_by("asked_at"):
        arrived, took = trip.received_at is not None and trip.failed_at is None, trip.took
        seconds = took.total_seconds() if arrived and took is not None else None
        found[trip.group] = EndToEnd(trip.group, trip.asked_at.astimezone(UTC), arrived, seconds)
    return tuple(found[group] for group in sorted(found))


def group_names() -> dict[str, str]:
    """Return every group that has devices here or rules, with its name."""
    policy = policy_in_force.in_force()
    named = {group.id: group.name for group in policy.groups} if policy is not None else {}
    there = set(Device.objects.filter(sample=False).values_list("group", flat=True)) - set(named)
    return {**named, **{group: group.replace("_", " ").replace("-", " ").capitalize() for group in there}}


# --- parts ---------------------------------------------------------------------------------------------------------


def _may(user: User) -> None:
    if not (user.is_active and user.role in TELLS):
        raise NotAllowed(gettext("only IT administrators and safeguarding leads test the whole way"))


def _under_way() -> QuerySet[Trip]:
    return Trip.objects.filter(received_at__isnull=True, failed_at__isnull=True)


def _over() -> QuerySet[Trip]:
    return Trip.objects.filter(Q(received_at__isnull=False) | Q(failed_at__isnull=False))


def _standing(group: str, name: str) -> Standing:
    device, chosen = _device_of(group)
    waiting = _under_way().filter(group=group).select_related("device").order_by("-asked_at").first()
    last = _over().filter(group=group).select_related("device").order_by("-asked_at").first()
    return Standing(group, name, device, chosen, waiting, last)


def _device_of(group: str) -> tuple[Device | None, bool]:
    """Return the device that makes a group's tests, and whether IT chose it; a chosen one that left counts no more."""
    there = choosable(group)
    chosen = there.filter(tripdevice__group=group).first()
    return (chosen, True) if chosen is not None else (there.first(), False)


def _begin(group: str, by: Trip.By, now: datetime, user: User | None) -> Trip:
    device, _ = _device_of(group)
    if device is None:
        raise NotThere(gettext("no device of this group can be tested"))
    with transaction.atomic():
        # The device's row is locked, so that two who press at once begin one test.
        Device.objects.select_for_update().get(pk=device.pk)
        if _under_way().filter(group=group).exists():
            raise WrongState(gettext("a test of this group is under way"))
        trip = Trip.objects.create(group=group, device=device, by=by, weekly=user is None, asked_at=now, asked_by=user)
        actor = audit.actor_of(user) if user is not None else "job:tests"
        audit.write(actor, "test_asked", f"test:{trip.pk}", now=now)
    return trip


def _tell(trip: Trip, now: datetime) -> None:
    """Tell those whom it concerns, in words that hold no device and no person."""
    name = group_names().get(trip.group, trip.group)
    asked = trip.asked_at.astimezone(organisation_zone())
    why = (
        "The device that makes the test did not come for it. It may be off, or unable to reach the collector."
        if trip.fetched_at is None
        else "The device came for it, but its record did not arrive in time. Its alerts may not arrive either."
    )
    body = (
        f"The harmless test of {asked.day} {asked:%B %Y, %H:%M} in the group {name} did not arrive. {why} "
        f"No incident is behind this message. What to look at is on this page: {_page()}"
    )
    everyone = User.objects.filter(role__in=TELLS, is_active=True)
    notify.plain(
        [user for user in everyone if user.in_scope(trip.group)],
        "Fairwatch: a test did not arrive",
        body,
        f"test:{trip.pk}",
        now,
    )


def _page() -> str:
    return f"{settings.CONFIG.url.rstrip('/')}/tests/"
