"""What use may be shown of a month: category by group, and nothing that rests on few people or mostly on one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.db.models import Sum

from server import policy_in_force
from server.store.models import Device, PersonMonth, Usage, UsageKey

PEOPLE_MIN = 5
"""Promise 7: every figure rests on at least five contributing people."""

SHARE_MAX = 0.8
"""Promise 7: none of them is over 80 % of it, or the figure would be that person's."""

FEWER = "fewer than five"
WITHHELD = "withheld"


@dataclass(frozen=True)
class Cell:
    """One figure, or why there is none. No sums over cells are given, so none can be had by differencing."""

    category: str
    group: str
    hours: int | None
    why: str

    @property
    def shown(self) -> str:
        """The figure as people read it."""
        return self.why if self.hours is None else f"{self.hours:,}"


def by_group(year: int, month: int) -> list[Cell]:
    """Return a month's cells, whole hours. A person counts by the monthly id.

    A group is the one that the policy in force gives the person's account, else the device's: not the one that a
    record claims, which a device's administrator could choose, nor the one that IT imported, since moving one person
    between groups would tell that person's use. A name never shows, and sensitive categories are `other` before they
    reach the collector.
    """
    first = year * 10000 + month * 100
    groups = dict(Device.objects.values_list("number", "group"))
    accounts = PersonMonth.objects.filter(month=f"{year:04}-{month:02}").values_list("id", "account")
    own = {person: group for person, account in accounts if (group := policy_in_force.group_of(account)) is not None}
    categories = dict(UsageKey.objects.values_list("id", "category"))
    rows = (
        Usage.objects.filter(day__gt=first, day__lt=first + 100)
        .values_list("person", "device", "key")
        .annotate(total=Sum("seconds"))
    )
    people: dict[tuple[str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for person, device, key, seconds in rows:
        if seconds > 0 and device in groups and key in categories:
            people[categories[key], own.get(person, groups[device])][person] += seconds
    return [_cell(category, group, list(shares.values())) for (category, group), shares in sorted(people.items())]


def _cell(category: str, group: str, seconds: list[int]) -> Cell:
    total = sum(seconds)
    if len(seconds) < PEOPLE_MIN:
        return Cell(category, group, None, FEWER)
    if max(seconds) > SHARE_MAX * total:
        return Cell(category, group, None, WITHHELD)
    return Cell(category, group, round(total / 3600), "")
