"""Tell once a month, on its first working morning, what is due: laptops to look at, training, partners, the review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

from server import board, device_looks, notify, partners, policy_words, training
from server.store.models import Role, User
from server.training import State
from server.working_hours import organisation_zone

FROM_HOUR, LAST_DAY = 8, 7
"""On a weekday of the month's first week, after eight: whoever reads it can do something about it."""


def tell(now: datetime) -> None:
    """Tell IT and managers what is due in the groups they are for, and who keeps the partners; once a month each.

    The message has numbers and no name: mails lie about.
    """
    here = now.astimezone(organisation_zone())
    if here.day > LAST_DAY or here.hour < FROM_HOUR or here.weekday() > 4:
        return
    states = [one.state for one in partners.register(now)]
    review = _review(now)
    for user in User.objects.filter(role__in=(Role.IT, Role.MANAGER, Role.DPO), is_active=True):
        said = [
            *_devices(user, now),
            *_training(user, here.date()),
            *([*_partners(states), *review] if partners.may_edit(user) else ()),
        ]
        if said:
            notify.plain([user], "Fairwatch: what is due", "\n".join(said), f"due:{here:%Y-%m}", now)


def _devices(user: User, now: datetime) -> list[str]:
    """Say how many laptops need a look, of each kind, to IT; those of several kinds are in each."""
    if user.role != Role.IT:
        return []
    found = device_looks.sections(user, now, most=1)
    if not found:
        return []
    kinds = "; ".join(f"{one.what[:1].lower()}{one.what[1:]}: {one.count}" for one in found)
    return [f"Laptops that need a look: {kinds}. See the page “Devices that need a look”."]


def _training(user: User, today: date) -> list[str]:
    if user.role == Role.DPO:
        return []
    counts = Counter(one.state for one in training.register(today, user.in_scope).standings)
    return _sentence("Training", "see the page “Training” for whose", counts)


def _partners(states: Sequence[State]) -> list[str]:
    return _sentence("Partners", "see the page “Partners” for which", Counter(states))


def _review(now: datetime) -> list[str]:
    found = board.standing(now)
    if found.due_on is None or found.due not in {"overdue", "soon"}:
        return []
    verb = "was due" if found.due == "overdue" else "is due"
    return [f"The yearly review {verb} on {policy_words.day_words(found.due_on)}; see the page “Yearly review”."]


def _sentence(what: str, where: str, counts: Counter[State]) -> list[str]:
    if not any(counts[state] for state in training.DUE):
        return []
    overdue, missing, soon = (counts[state] for state in training.DUE)
    return [f"{what}: {overdue} overdue, {missing} without a date, {soon} due within 30 days; {where}."]
