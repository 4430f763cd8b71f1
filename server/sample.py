"""A made-up organisation for demonstrations: its devices, people, days and cases. Nothing here is anybody's.

Everything follows from a seed, so that the same sample can be made again. Names of sites in cases end in `.example`,
which is reserved (RFC 2606): no real site is named as somebody's visit.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from protocol.messages import Kind

GROUPS = ("learners", "apprentices", "staff", "tutors", "partners")
DEVICES_A_GROUP = {"learners": 14, "apprentices": 8, "staff": 8, "tutors": 6, "partners": 4}
ACCOUNTS_A_DEVICE = {"learners": 2, "apprentices": 1, "staff": 1, "tutors": 1, "partners": 2}
DAYS = 92
CASES = 60
SEED = 2026


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


def cases(fleet: list[SampleDevice], last: datetime, chance: random.Random) -> list[Case]:
    """Return the cases, oldest first: urgent ones closed within the day, nearly all others within four days."""
    found: list[Case] = []
    young = [place for place, device in enumerate(fleet) if device.group in {"learners", "apprentices"}]
    for category, urgent, number, entry in _CASES:
        for which in range(number):
            place = chance.choice(young) if urgent or chance.random() < 0.7 else chance.randrange(len(fleet))
            back = chance.uniform(0.05, 3) if chance.random() < 0.2 else chance.uniform(3, DAYS - 1)
            day = (last - timedelta(days=back)).astimezone(UTC)
            started = min(
                day.replace(hour=chance.randint(8, 17), minute=chance.randint(0, 59), second=chance.randint(0, 59)),
                last - timedelta(minutes=chance.randint(20, 600)),
            ).replace(microsecond=0)
            if which == 0 and category in _THIS_MORNING:
                started = (last - timedelta(minutes=_THIS_MORNING[category])).replace(microsecond=0)
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
