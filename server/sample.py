"""A made-up organisation for demonstrations: its devices, people, days and cases. Nothing here is anybody's.

Everything follows from a seed, so that the same sample can be made again. Names of sites in cases end in `.example`,
which is reserved (RFC 2606): no real site is named as somebody's visit.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from protocol.messages import Kind
from server.errors import SetUpError
from server.figures import shifted

GROUPS = ("learners", "apprentices", "staff", "tutors", "partners")
DEVICES_A_GROUP = {"learners": 14, "apprentices": 8, "staff": 8, "tutors": 6, "partners": 4}
ACCOUNTS_A_DEVICE = {"learners": 2, "apprentices": 1, "staff": 1, "tutors": 1, "partners": 2}
DAYS = 92
CASES = 60
SEED = 2026
GROUPS_MAX, MONTHS_MAX = 40, 36
CASES_TIMES_MAX = 10
"""At most six hundred cases: each is really sealed, and nobody reads more of a sample."""

PERSON_MONTHS_MAX = 60_000
"""People times months of made-up history: about seventy million rows, a gigabyte and a half."""


@dataclass(frozen=True)
class SampleDevice:
    """A device of the sample and the accounts that use it."""

    name: str
    group: str
    accounts: tuple[str, ...]


@dataclass(frozen=True)
class Use:
    """What one account did of one thing on one day."""

    account: str
    day: date
    kind: Kind
    category: str
    name: str | None
    seconds: int
    visits: int


@dataclass(frozen=True)
class Case:
    """One flagged thing: who, on which device, what, when, how often, and whether a lead has closed it since."""

    device: int
    account: str
    category: str
    urgent: bool
    entry: str
    started: datetime
    minutes: int
    count: int
    closed: bool


@dataclass(frozen=True)
class Shape:
    """How many people each group has, and for how many months there is history."""

    groups: tuple[int, ...]
    months: int

    @classmethod
    def of(cls, groups: str | None, devices: int | None, months: int) -> Shape:
        """Read what the command was given; raises SetUpError in a sentence."""
        if groups is not None and devices is not None:
            raise SetUpError("--groups and --devices can't go together: --devices 50 is --groups 50")
        text = groups if groups is not None else str(devices)
        try:
            sizes = tuple(int(one) for one in text.split(","))
        except ValueError:
            raise SetUpError(f"--groups is a list of sizes like 20,30,7,3, not {text!r}") from None
        if len(sizes) > GROUPS_MAX or min(sizes) < 1:
            raise SetUpError(f"there can be 1 to {GROUPS_MAX} groups, each of at least one person, not {text}")
        if not 1 <= months <= MONTHS_MAX:
            raise SetUpError(f"--months is 1 to {MONTHS_MAX}, not {months}")
        if sum(sizes) * months > PERSON_MONTHS_MAX:
            most = PERSON_MONTHS_MAX // months
            raise SetUpError(f"{sum(sizes):,} people are too many: of {months} months there can be {most:,}")
        return cls(sizes, months)

    def fleet(self) -> list[SampleDevice]:
        """Return a device with one account for each person."""
        named = [*GROUPS, *(f"group-{number}" for number in range(len(GROUPS) + 1, GROUPS_MAX + 1))]
        return [
            SampleDevice(f"SAMPLE-{group.upper()}-{number:04}", group, (f"sample-{group}-{number:04}",))
            for group, size in zip(named, self.groups, strict=False)
            for number in range(1, size + 1)
        ]

    def begins(self, now: datetime, zone: ZoneInfo) -> date:
        """Return the first day of the history, which ends with the last month that is over."""
        return shifted(now.astimezone(zone).date().replace(day=1), -self.months)

    @property
    def cases_times(self) -> int:
        """How many times as many cases there are as in the sample of forty devices and three months."""
        return min(CASES_TIMES_MAX, max(1, sum(self.groups) * self.months // 180))


# category, kind, nameable name, likely minutes a day, chance that a day has it
_HABITS: tuple[tuple[str, Kind, str | None, int, float], ...] = (
    ("work_tools", "host", None, 95, 0.95),
    ("reference", "host", "wikipedia.org", 14, 0.6),
    ("news", "host", "bbc.co.uk", 12, 0.5),
    ("streaming", "host", "youtube.com", 31, 0.55),
    ("social_networking", "host", "linkedin.com", 9, 0.3),
    ("social_networking", "host", None, 22, 0.5),
    ("shopping", "host", "amazon.co.uk", 11, 0.25),
    ("generative_ai", "host", None, 18, 0.4),
    ("games", "host", None, 16, 0.15),
    ("other", "host", None, 25, 0.9),
    ("work_tools", "app", None, 160, 0.9),
    ("other", "app", None, 40, 0.9),
)

_CASES: tuple[tuple[str, bool, int, str], ...] = (
    ("gambling", False, 14, "odds-and-slots.example"),
    ("pornography", False, 9, "adult-videos.example"),
    ("anonymisers", False, 9, "hidden-vpn.example"),
    ("drugs", False, 7, "pills-by-post.example"),
    ("weapons", False, 4, "replica-blades.example"),
    ("file_sharing", False, 4, "torrents.example"),
    ("self_harm", True, 5, "hurting-forum.example"),
    ("extremism", True, 4, "one-cause-only.example"),
    ("suicide", True, 2, "no-way-on.example"),
    ("eating_disorders", True, 2, "thin-diary.example"),
)

# So that there is always something to do: minutes since a case of each of these came in.
_THIS_MORNING = {"self_harm": 35, "extremism": 95, "gambling": 12}


def devices() -> list[SampleDevice]:
    """Return the forty devices."""
    found: list[SampleDevice] = []
    for group in GROUPS:
        for number in range(1, DEVICES_A_GROUP[group] + 1):
            each = ACCOUNTS_A_DEVICE[group]
            accounts = tuple(f"sample-{group[:-1]}-{(number - 1) * each + one + 1:02}" for one in range(each))
            found.append(SampleDevice(f"SAMPLE-{group[:4].upper()}-{number:02}", group, accounts))
    return found


def uses(device: SampleDevice, last: date, chance: random.Random) -> Iterator[Use]:
    """Yield three months of working days up to `last`, with less on Fridays and none in the last week of October."""
    for back in range(DAYS, 0, -1):
        day = last - timedelta(days=back)
        if day.weekday() > 4 or (day.month == 10 and day.day > 24 and device.group in {"learners", "tutors"}):
            continue
        for account in device.accounts:
            if chance.random() < 0.08:
                continue  # away
            for category, kind, name, minutes, likely in _HABITS:
                if chance.random() > likely:
                    continue
                seconds = int(60 * minutes * chance.uniform(0.3, 1.7) * (0.8 if day.weekday() == 4 else 1.0))
                yield Use(account, day, kind, category, name, seconds, 1 + seconds // 400 if kind == "host" else 0)


def cases(
    fleet: list[SampleDevice], last: datetime, chance: random.Random, *, days: int = DAYS, times: int = 1
) -> list[Case]:
    """Return the cases of so many days up to `last`, oldest first: `times` as many as the sample has.

    Urgent ones are closed within the day, nearly all others within four days.
    """
    found: list[Case] = []
    taken: set[datetime] = set()
    young = [place for place, device in enumerate(fleet) if device.group in {"learners", "apprentices"}]
    young = young or list(range(len(fleet)))
    for category, urgent, number, entry in _CASES:
        for which in range(number * times):
            place = chance.choice(young) if urgent or chance.random() < 0.7 else chance.randrange(len(fleet))
            back = chance.uniform(0.05, 3) if chance.random() < 0.2 else chance.uniform(3, days - 1)
            day = (last - timedelta(days=back)).astimezone(UTC)
            started = min(
                day.replace(hour=chance.randint(8, 17), minute=chance.randint(0, 59), second=chance.randint(0, 59)),
                last - timedelta(minutes=chance.randint(20, 600)),
            ).replace(microsecond=0)
            if which == 0 and category in _THIS_MORNING:
                started = (last - timedelta(minutes=_THIS_MORNING[category])).replace(microsecond=0)
            while started in taken:  # each case is known by when it began
                started -= timedelta(seconds=1)
            taken.add(started)
            age = last - started
            closed = age > timedelta(hours=20) if urgent else age > timedelta(days=4) and chance.random() < 0.97
            found.append(
                Case(
                    device=place,
                    account=chance.choice(fleet[place].accounts),
                    category=category,
                    urgent=urgent,
                    entry=entry,
                    started=started,
                    minutes=chance.randint(0, 14),
                    count=chance.choice((1, 1, 2, 3, 5, 9)),
                    closed=closed,
                )
            )
    return sorted(found, key=lambda case: case.started)
