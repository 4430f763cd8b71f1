"""Months of made-up use in bulk, up to the last month's end: groups of any size, forty rows a person and day.

Written beside ingest and not through it: fourteen million rows would take a day that way. What is written is what
ingest would have left behind; cases still go through it (see `simulate`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import count
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from protocol.messages import Kind
from protocol.signing import DeviceKey
from server import coverage, sample, summary, summary_calendar
from server.figures import shifted
from server.sample import Shape
from server.sample_records import Sender
from server.store.models import Device, DeviceDay, Person, PersonMonth, SourceGap, UsageKey

ROWS_A_DAY = 40
"""What one busy person's day comes to: sites and apps that may be named, and the rest by category."""

PATTERNS = 48
"""Made-up days of a group and month; each person's day is one of them."""

DAYS_AT_ONCE = 2000
"""Rows in one statement where Django writes them: SQLite takes a limited number of values."""

Progress = Callable[[float, str], None]
"""What share is done, and what is under way."""

_THINGS: tuple[tuple[Kind, str, str, float], ...] = (
    *(("host", "work_tools", name, 9) for name in (
        "office.com", "google.com", "sharepoint.com", "outlook.com", "zoom.us", "canva.com", "trello.com",
        "dropbox.com",
    )),
    *(("host", "reference", name, 6) for name in (
        "wikipedia.org", "futurelearn.com", "w3schools.com", "github.com", "onefile.co.uk", "bksb.co.uk", "quizlet.com",
    )),
    *(("host", "news", name, 4) for name in ("bbc.co.uk", "theguardian.com", "news.sky.com", "skysports.com")),
    *(("host", "social_networking", name, 5) for name in (
        "facebook.com", "instagram.com", "linkedin.com", "whatsapp.com",
    )),
    *(("host", "streaming", name, 7) for name in ("youtube.com", "spotify.com", "netflix.com")),
    *(("host", "shopping", name, 3) for name in ("amazon.co.uk", "ebay.co.uk", "argos.co.uk")),
    *(("host", "public_services", name, 3) for name in ("gov.uk", "nationalrail.co.uk", "royalmail.com")),
    *(("host", "generative_ai", name, 4) for name in ("chatgpt.com", "claude.ai")),
    *(("host", "games", name, 3) for name in ("chess.com", "roblox.com")),
    *(("host", category, "", 5) for category in (
        "work_tools", "reference", "news", "social_networking", "streaming", "shopping", "public_services", "games",
        "generative_ai", "other",
    )),
    *(("app", "work_tools", name, 25) for name in (
        "linux:libreoffice-writer", "linux:libreoffice-calc", "linux:thunderbird", "linux:us.zoom.Zoom",
    )),
    ("app", "work_tools", "", 20), ("app", "other", "", 15), ("app", "streaming", "linux:spotify", 10),
)  # fmt: skip
"""Kind, category, name and usual minutes: of the nameable list, and by category alone; more than a day has rows."""

_LIVELY = {"learners": {"social_networking", "streaming", "games"}, "staff": {"work_tools", "news"}}
"""What a group does twice as much of."""

_TREND = {"generative_ai": 1.12, "games": 0.93, "streaming": 1.04}
"""By how much use changes from month to month, so that a summary has something to say."""

_WEEKEND = 0.2
"""The share of a working day's time that a day of a weekend has."""

_TABLES = (
    "CREATE TEMPORARY TABLE sample_row (pattern integer, key bigint, seconds integer, visits integer)",
    "CREATE TEMPORARY TABLE sample_day (person bigint, device integer, day integer, pattern integer)",
)

_SPREAD = """
INSERT INTO store_usage (person, device, day, key, seconds, visits)
SELECT d.person, d.device, d.day, r.key, r.seconds, r.visits
FROM sample_day d JOIN sample_row r ON r.pattern = d.pattern
ORDER BY d.person, d.device, d.day, r.key
"""
"""Made by the database from few patterns: a hundred times quicker than row by row. In the key's order, so that pages
are filled one after the other."""


class _Written(NamedTuple):
    """What a device has its numbers by, and whose it is."""

    number: int
    account: str
    group: str


def write(shape: Shape, now: datetime, zone: ZoneInfo, chance: random.Random, progress: Progress) -> list[Sender]:
    """Write devices, people, days and totals; returns the devices, for cases to come from."""
    fleet, begin = shape.fleet(), shape.begins(now, zone)
    after = shifted(begin, shape.months)
    senders = enrol(fleet, datetime(begin.year, begin.month, begin.day, 7, tzinfo=zone))
    list_people(fleet, now)
    numbers = dict(Device.objects.values_list("id", "number"))
    devices = [
        _Written(numbers[sender.device], each.accounts[0], each.group)
        for sender, each in zip(senders, fleet, strict=True)
    ]
    _write_use(devices, [shifted(begin, place) for place in range(shape.months)], chance, progress)
    report_days(senders, begin, after, chance)
    _leave_gaps(senders, begin, zone, chance)
    Device.objects.filter(sample=True).update(last_seen=datetime(after.year, after.month, after.day, tzinfo=zone))
    return senders


def enrol(fleet: Sequence[sample.SampleDevice], at: datetime) -> list[Sender]:
    """Make the devices, enrolled a second apart from `at` on."""
    last = Device.objects.order_by("-number").values_list("number", flat=True).first() or 0
    senders, rows = [], []
    for place, each in enumerate(fleet):
        key = DeviceKey.generate()
        device = Device(
            number=last + place + 1,
            name=each.name,
            group=each.group,
            public_key=key.public_key().public_bytes_raw(),
            platform="Linux (sample)",
            enrolled_at=at + timedelta(seconds=place),
            sample=True,
        )
        rows.append(device)
        senders.append(Sender(device.pk, key, each.group))
    Device.objects.bulk_create(rows, batch_size=DAYS_AT_ONCE)
    return senders


def list_people(fleet: Iterable[sample.SampleDevice], now: datetime) -> None:
    """List the people behind the accounts, as an import would: only listed people count in a summary."""
    Person.objects.bulk_create(
        [
            Person(account=account, key=account.casefold(), name=_name(account), group=device.group, changed_at=now)
            for device in fleet
            for account in device.accounts
        ],
        ignore_conflicts=True,
        batch_size=DAYS_AT_ONCE,
    )


def report_days(senders: Sequence[Sender], first: date, after: date, chance: random.Random) -> None:
    """Note the days on which each device reported: working days, but for holidays and the odd one."""
    working = [coverage.number_of(day) for day in _days(first, after) if day.weekday() < 5]
    for start in range(0, len(senders), 100):
        DeviceDay.objects.bulk_create(
            [
                DeviceDay(device_id=sender.device, day=day)
                for sender in senders[start : start + 100]
                for day in working
                if chance.random() < 0.93
            ],
            ignore_conflicts=True,
            batch_size=DAYS_AT_ONCE,
        )


def tell(begin: date, now: datetime, zone: str) -> int:
    """Make the summaries of the months that are over, each on its day, oldest first; returns how many."""
    month, made = begin, 0
    while summary_calendar.is_over(name := summary_calendar.name_of(month), now, zone):
        summary.make(name, min(now, summary_calendar.told_at(name, zone)))
        month, made = shifted(month, 1), made + 1
    return made


def analyse() -> None:
    """Let the database look at what it now holds: its plans were made for an empty table."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _name(account: str) -> str:
    return account.replace("-", " ").capitalize()


# --- use, in bulk ------------------------------------------------------------------------------------------------


def _write_use(devices: Sequence[_Written], months: Sequence[date], chance: random.Random, progress: Progress) -> None:
    keys, pattern = _keys(), count()
    groups = list(dict.fromkeys(device.group for device in devices))
    done = 0
    with connection.cursor() as cursor:
        for table in _TABLES:
            cursor.execute(table)
        for place, month in enumerate(months):
            people = _give_ids(devices, month)
            for group in groups:
                some = [device for device in devices if device.group == group]
                with transaction.atomic():
                    numbers = _write_patterns(cursor, group, place, keys, pattern, chance)
                    _write_days(cursor, some, people, month, numbers, chance)
                    cursor.execute(_SPREAD)
                done += len(some)
                progress(done / len(devices) / len(months), f"use in {month:%B %Y}")
        for table in ("sample_row", "sample_day"):
            cursor.execute(f"DROP TABLE {table}")


def _keys() -> list[int]:
    UsageKey.objects.bulk_create(
        [UsageKey(kind=kind, category=category, name=name) for kind, category, name, _ in _THINGS],
        ignore_conflicts=True,
    )
    known = {(key.kind, key.category, key.name): key.pk for key in UsageKey.objects.all()}
    return [known[kind, category, name] for kind, category, name, _ in _THINGS]


def _give_ids(devices: Iterable[_Written], month: date) -> dict[str, int]:
    """Give each account its number of that month."""
    name = summary_calendar.name_of(month)
    PersonMonth.objects.bulk_create(
        [PersonMonth(month=name, account=device.account) for device in devices], batch_size=DAYS_AT_ONCE
    )
    return dict(PersonMonth.objects.filter(month=name).values_list("account", "id"))


def _write_patterns(
    cursor: CursorWrapper, group: str, place: int, keys: Sequence[int], numbers: Iterator[int], chance: random.Random
) -> tuple[list[int], list[int]]:
    """Write days of a group in its history's month `place`; returns the numbers of weekdays and of weekends."""
    found: tuple[list[int], list[int]] = ([], [])
    rows = []
    for each in range(2 * PATTERNS):
        weekend, number = each >= PATTERNS, next(numbers)
        found[weekend].append(number)
        for spot in chance.sample(range(len(_THINGS)), ROWS_A_DAY):
            kind, category, _, minutes = _THINGS[spot]
            much = 2.0 if category in _LIVELY.get(group, ()) else 1.0
            usual = 60 * minutes * much * _TREND.get(category, 1.0) ** place * (_WEEKEND if weekend else 1.0)
            seconds = int(usual * chance.uniform(0.3, 1.7))
            rows.append((number, keys[spot], seconds, 1 + seconds // 200 if kind == "host" else 0))
    cursor.execute("DELETE FROM sample_row")
    cursor.executemany("INSERT INTO sample_row VALUES (%s, %s, %s, %s)", rows)
    return found


def _write_days(
    cursor: CursorWrapper,
    devices: Iterable[_Written],
    people: dict[str, int],
    month: date,
    numbers: tuple[list[int], list[int]],
    chance: random.Random,
) -> None:
    """Write which of those days each person has on each day of the month."""
    days = [(coverage.number_of(day), numbers[day.weekday() > 4]) for day in _days(month, shifted(month, 1))]
    rows = [
        (people[device.account], device.number, day, chance.choice(some)) for device in devices for day, some in days
    ]
    cursor.execute("DELETE FROM sample_day")
    cursor.executemany("INSERT INTO sample_day VALUES (%s, %s, %s, %s)", rows)


def _days(first: date, after: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((after - first).days))


def _leave_gaps(senders: Sequence[Sender], begin: date, zone: ZoneInfo, chance: random.Random) -> None:
    """Some devices could not see which app was in front, since some day in the first month."""
    blind = chance.sample(senders, max(1, len(senders) // 15))
    since = datetime(begin.year, begin.month, begin.day, 9, tzinfo=zone)
    reason = "The session uses Wayland with a compositor that does not say which app is in front."
    SourceGap.objects.bulk_create(
        SourceGap(
            device_id=one.device,
            source="foreground",
            state="unknown",
            reason=reason,
            since=since + timedelta(days=chance.randint(1, 25)),
        )
        for one in blind
    )
