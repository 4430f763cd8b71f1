"""Legal hold: a lead or the data protection officer keeps a case from being deleted by age, until a day to look again.

Which cases are on hold is kept in a file beside the database as well (`holds.json`: ids and fixed words), so that a
backup from before a hold does not end it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext

from server import notify, timeline
from server.errors import NotAllowed, NotThere, SetUpError, WrongState
from server.files import save
from server.incidents import addressed
from server.store.models import CaseHold, Incident, Role, User
from server.timeline import What
from server.working_hours import organisation_zone

FILE_NAME = "holds.json"

REVIEW_WITHIN = timedelta(days=730)
"""A hold that nobody looks at for two years is keeping for its own sake."""


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One hold as the file has it."""

    incident: UUID
    reason: str
    review_on: date
    set_at: datetime


def put(user: User, incident_id: UUID, reason: str, review_on: date, now: datetime) -> CaseHold:
    """Hold a case, or hold it anew for another reason or until another day.

    Raises NotAllowed for other roles, NotThere for a case that is not theirs to know, WrongState in a sentence.
    """
    may(user, incident_id)
    if reason not in CaseHold.Reason.values:
        raise WrongState(gettext("choose a reason"))
    if not first_review(now) <= review_on <= last_review(now):
        raise WrongState(gettext("the day to look at it again must be after today, and within two years"))
    with transaction.atomic():
        incident = _locked(incident_id)
        CaseHold.objects.filter(incident=incident, lifted_at__isnull=True).update(lifted_at=now, lifted_by=user)
        hold = CaseHold.objects.create(incident=incident, reason=reason, review_on=review_on, set_at=now, set_by=user)
        timeline.add(incident, What.HELD, user, now)
    mirror()
    return hold


def lift(user: User, incident_id: UUID, now: datetime) -> None:
    """End the hold of a case, which is then deleted when its period is over; raises as `put`."""
    may(user, incident_id)
    with transaction.atomic():
        incident = _locked(incident_id)
        if not CaseHold.objects.filter(incident=incident, lifted_at__isnull=True).update(lifted_at=now, lifted_by=user):
            raise WrongState(gettext("this case is not on hold"))
        timeline.add(incident, What.HOLD_LIFTED, user, now)
    mirror()


def may(user: User, incident_id: UUID) -> None:
    """Raise NotAllowed or NotThere for whoever may not hold a case: leads who can't open it, and other roles."""
    if user.role == Role.DPO and user.is_active:
        if not Incident.objects.filter(pk=incident_id).exists():
            raise NotThere(gettext("there is no such incident"))
    else:
        addressed(user, incident_id)


def of(incident_id: UUID) -> CaseHold | None:
    """Return a case's hold, if it is on hold; the caller has made sure that the case may be known."""
    return standing().filter(incident_id=incident_id).first()


def standing() -> QuerySet[CaseHold]:
    """Return every hold there is, those to look at again first."""
    rows = CaseHold.objects.filter(lifted_at__isnull=True).select_related("incident", "set_by")
    return rows.order_by("review_on", "set_at")


def by_reference(user: User, reference: str) -> UUID:
    """Return the case of that number, for the data protection officer, who knows numbers from the audit log."""
    if user.role != Role.DPO:
        raise NotAllowed(gettext("only the data protection officer looks cases up here"))
    found = Incident.objects.filter(reference__iexact=reference.strip()).values_list("pk", flat=True).first()
    if found is None:
        raise NotThere(gettext("there is no case of that number"))
    return found


def first_review(now: datetime) -> date:
    """Return the first day on which a hold can be looked at again: tomorrow."""
    return _today(now) + timedelta(days=1)


def last_review(now: datetime) -> date:
    """Return the last such day."""
    return _today(now) + REVIEW_WITHIN


def overdue(hold: CaseHold, now: datetime) -> bool:
    """Whether the day to look at a hold again has come."""
    return hold.review_on <= _today(now)


def tell_of_reviews(now: datetime) -> None:
    """Tell the data protection officer, and whoever set it, once that a hold is due for a look; the hold goes on."""
    for hold in standing().filter(review_on__lte=_today(now)):
        to: list[Role | User] = [Role.DPO]
        if hold.set_by is not None and hold.set_by.is_active:
            to.append(hold.set_by)
        body = (
            f"The day has come to look at the hold of case {hold.incident.reference} again. It goes on until somebody "
            "lifts it: a lead on the page of the case, the data protection officer on the page Data life."
        )
        notify.plain(to, "Fairwatch: look at a hold again", body, f"hold:{hold.pk}", now)


def carried() -> list[Held]:
    """Return the holds in this database."""
    rows = CaseHold.objects.filter(lifted_at__isnull=True).order_by("set_at", "pk")
    return [Held(*row) for row in rows.values_list("incident_id", "reason", "review_on", "set_at")]


def in_file(path: Path) -> list[Held]:
    """Return the holds in a file, none where there is no file; raises SetUpError for one that is something else."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Held])
    except FileNotFoundError:
        return []
    except msgspec.MsgspecError:
        raise SetUpError(f"{path} is no list of cases on hold") from None


def take_in(held: Iterable[Held], now: datetime) -> int:
    """Hold again what was on hold before a backup was put back, where the case is there; return how many that were.

    One that was lifted in between is on hold again: a case too many is kept rather than one too few.
    """
    count = 0
    for one in held:
        with transaction.atomic():
            incident = Incident.objects.select_for_update(of=("self",)).filter(pk=one.incident).first()
            if incident is None or of(incident.pk) is not None or one.reason not in CaseHold.Reason.values:
                continue
            CaseHold.objects.create(incident=incident, reason=one.reason, review_on=one.review_on, set_at=one.set_at)
            timeline.add(incident, What.HELD, None, now)
            count += 1
    mirror()
    return count


def mirror() -> None:
    """Write the file beside the database anew."""
    save(Path(settings.DATA_DIR) / FILE_NAME, msgspec.json.encode(carried()))


def _locked(incident_id: UUID) -> Incident:
    # Of this table alone: PostgreSQL locks no row of an outer join.
    return Incident.objects.select_for_update(of=("self",)).get(pk=incident_id)


def _today(now: datetime) -> date:
    return now.astimezone(organisation_zone()).date()
