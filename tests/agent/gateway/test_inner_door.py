"""An app's use as a phone's companion tells it: judged, sealed and counted as the phone's once, or refused in words."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid5

import pytest

from agent.errors import AppUseRefused, SpoolUnavailableError
from agent.gateway.inner_door import AHEAD_SECONDS, LONGEST_SECONDS, InnerDoor
from agent.gateway.phones import Phone, Phones
from agent.gateway.visit_counts import VisitCounts
from agent.pipeline import Pipeline
from protocol.messages import decode_body

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
IDENT = "a" * 26
SAMS = Phone(UUID(int=21), "partners", "sam", NOON.timestamp() - 86_400)
FLAGGED, COUNTED = "org.torproject.torbrowser", "com.discord"
MONTHLY = UUID(int=77)


class Gateway:
    """The parts of a gateway behind its inner door, over a real spool and the shipped rules."""

    def __init__(self, open_spool, device, clock, bundle):
        self.phones = Phones()
        self.phones.replace([(hashlib.sha256(IDENT.encode()).digest(), SAMS)])
        self.since = NOON - timedelta(days=30)
        self.clock = clock
        self._parts = open_spool, device, bundle
        self.restart()

    def restart(self):
        open_spool, device, bundle = self._parts
        self.spool = open_spool()
        self.pipeline = Pipeline(
            spool=self.spool,
            identity=device,
            clock=self.clock,
            people=lambda month, accounts: {one: uuid5(MONTHLY, f"{month} {one}") for one in accounts},
            remind=lambda *_one: None,
            group_of=self.phones.group_of,
            totals=VisitCounts,
        )
        self.pipeline.use(bundle)
        self.door = InnerDoor(self.phones, self.pipeline.accept, self.spool.load, lambda: self.since, self.clock)

    def tell(self, package=COUNTED, started=NOON - timedelta(hours=1), seconds=600, phone=SAMS):
        return self.door.take(phone, package, started, seconds)

    def counted(self):
        self.clock.forward(minutes=20)
        self.pipeline.tick(self.clock())
        bodies = [decode_body(one) for one in self.spool.peek(10**7, 64) if one.kind == "totals"]
        return [(body.device, body.group, row.kind, row.category, row.day.day, row.seconds, row.visits)
                for body in bodies for row in body.rows]  # fmt: skip


@pytest.fixture
def gateway(open_spool, device, clock, bundle):
    return Gateway(open_spool, device, clock, bundle)


def test_a_flagged_app_is_sealed_for_the_phone_and_signed_by_the_gateway(gateway, opened, office, device):
    found = gateway.phones.find(IDENT)
    assert gateway.tell(FLAGGED, phone=found)
    ((header, heading, evidence),) = opened(gateway.spool, office, device)
    assert (header.device, header.signer, header.group) == (SAMS.device, device.device, "partners")
    assert (heading.person, heading.kind, heading.category) == ("sam", "app", "anonymisers")
    assert (heading.certainty, heading.identity) == ("visited", "proven")
    assert (evidence.source, evidence.seen[0].name) == ("companion", f"android:{FLAGGED}")


def test_its_minutes_are_counted_for_the_phones_person_and_day(gateway):
    assert gateway.tell(seconds=600)
    assert gateway.tell(started=NOON - timedelta(minutes=30), seconds=90.4)
    assert gateway.counted() == [(SAMS.device, "partners", "app", "social_networking", 4, 690, 2)]


def test_what_goes_on_over_midnight_is_counted_on_both_days(gateway):
    gateway.since = gateway.since.replace(year=2025)
    assert gateway.tell(started=NOON - timedelta(hours=13), seconds=7200, phone=SAMS)
    assert [row[4:] for row in gateway.counted()] == [(3, 3600, 1), (4, 3600, 0)]


def test_what_is_told_twice_counts_once_also_after_a_restart(gateway):
    assert gateway.tell()
    assert not gateway.tell()
    gateway.restart()
    assert not gateway.tell()
    assert not gateway.tell(started=NOON - timedelta(hours=2), seconds=60)
    assert [row[5:] for row in gateway.counted()] == [(600, 1)]


def test_no_time_counts_twice(gateway):
    assert gateway.tell()
    with pytest.raises(AppUseRefused, match="before the use that was told last had ended"):
        gateway.tell(FLAGGED, seconds=601)
    assert gateway.tell(FLAGGED, started=NOON - timedelta(minutes=50), seconds=601)


def test_what_the_disk_refused_is_told_again(gateway):
    refusing = [SpoolUnavailableError("full")]
    accept = gateway.pipeline.accept

    def full_at_first(batch):
        if refusing:
            raise refusing.pop()
        accept(batch)

    gateway.door = InnerDoor(gateway.phones, full_at_first, gateway.spool.load, lambda: gateway.since, gateway.clock)
    with pytest.raises(SpoolUnavailableError):
        gateway.tell()
    assert gateway.tell()
    assert [row[5:] for row in gateway.counted()] == [(600, 1)]


EAST = timezone(timedelta(hours=14))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"package": "discord"}, "the package is not as Android names one"),
        ({"package": ""}, "the package is not as Android names one"),
        ({"package": "com.dis cord"}, "the package is not as Android names one"),
        ({"package": "com.discord\n"}, "the package is not as Android names one"),
        ({"package": "com." + "d" * 400}, "longer than 300 characters"),
        ({"package": "https://discord.com/a?b"}, "the package is not as Android names one"),
        ({"package": None}, "a text such as com.discord"),
        ({"package": b"com.discord"}, "a text such as com.discord"),
        ({"started": NOON.replace(tzinfo=None)}, "a time with its zone"),
        ({"started": "2026-03-04T12:00:00Z"}, "a time with its zone"),
        ({"started": datetime.max.replace(tzinfo=UTC)}, "it ends in the future"),
        ({"started": datetime.min.replace(tzinfo=EAST)}, "before this phone was to be observed"),
        ({"started": NOON - timedelta(days=2)}, "before this phone was to be observed"),
        ({"started": NOON - timedelta(seconds=9), "seconds": 10 + AHEAD_SECONDS}, "it ends in the future"),
        ({"seconds": 0}, "more than nothing"),
        ({"seconds": -1}, "more than nothing"),
        ({"seconds": float("nan")}, "more than nothing"),
        ({"seconds": float("inf")}, "more than nothing"),
        ({"seconds": 10**400}, "at most a day"),
        ({"seconds": LONGEST_SECONDS + 1}, "at most a day"),
        ({"seconds": True}, "a number of seconds"),
        ({"seconds": "60"}, "a number of seconds"),
        ({"phone": Phone(UUID(int=99), "staff", "eve")}, "knows no such phone"),
    ],
)
def test_what_is_no_use_of_an_app_is_refused_in_one_sentence_and_nothing_is_kept(gateway, told, said):
    with pytest.raises(AppUseRefused, match=said) as refused:
        gateway.tell(**told)
    assert "\n" not in str(refused.value)
    assert gateway.counted() == []
    assert gateway.tell()


def test_nothing_is_taken_while_nothing_may_be_observed(gateway):
    gateway.since = None
    with pytest.raises(AppUseRefused, match="no signed rules"):
        gateway.tell()
