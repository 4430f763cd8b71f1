"""Know the cases that nobody here may open: they wait for the recovery key, and the data protection officer is told.

So it is when a case is about the only lead, or when the last lead has left. Nobody else learns that there is such a
case: not IT, not a manager, not an out-of-hours contact, any of whom it may be about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from server import leadkeys, log, notify, responders
from server.store.models import Incident, IncidentRecipient, Role, User

SHOWN_MAX = 50
"""Cases shown at once, the longest waiting first: more means that there is no lead at all, which the first says too."""

_SUBJECT = "Fairwatch: a case waits for the recovery key"
_BODY = (
    "Nobody who is here may open case {reference}, so it waits for the recovery key. Ask the custodians: with that key "
    "they bring it to a lead whom it is not about. The audit log page lists the cases that wait."
)


@dataclass(frozen=True)
class Waiting:
    """One such case, without a word of what or whom it is about."""

    reference: str
    urgent: bool
    received_at: datetime


def recorded(incident: Incident, now: datetime) -> None:
    """Tell the data protection officer of a case that nobody here may open, once; call it in its transaction.

    A fault in here must not cost the alert: it is logged, and the page shows the case all the same.
    """
    if incident.sample:
        return
    try:
        with transaction.atomic():
            if not responders.readers(incident):
                body = _BODY.format(reference=incident.reference)
                notify.plain([Role.DPO], _SUBJECT, body, f"recovery:{incident.pk}", now)
    except Exception as fault:  # noqa: BLE001 - the alert is kept whatever happens here
        log.failure("notify_failed", fault)


def waiting() -> list[Waiting]:
    """Return the open cases that nobody here may open, the longest waiting first."""
    rows = (
        Incident.objects.filter(Q(state=Incident.State.OPEN) | Q(new_since_closing=True))
        .filter(~Exists(IncidentRecipient.objects.filter(_of_somebody(), incident=OuterRef("pk"))))
        .order_by("received_at", "pk")
    )
    return [Waiting(one.reference, one.urgent, one.received_at) for one in rows[:SHOWN_MAX]]


def _of_somebody() -> Q:
    """What is sealed to a key of somebody here, of the groups that they are for or handed to them by name."""
    wanted = Q(pk__in=())
    for user in User.objects.filter(is_active=True, role__in=(Role.LEAD, Role.DEPUTY)):
        keys = list(user.lead_keys.filter(active=True).values_list("key_id", flat=True))
        own = Q(key_id__in=keys if leadkeys.still_listed(keys) else ())
        wanted |= own & (Q(incident__group__in=user.groups) | Q(handed_over=True)) if user.groups else own
    return wanted
