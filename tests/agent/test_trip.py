"""The harmless test, over the whole road and a real spool: sealed like an alert, about nobody, and hiding nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from agent.errors import SpoolUnavailableError
from agent.observation import Batch
from agent.pipeline import Pipeline
from agent.trip import TRIP_HOST, VISIT_WITHIN
from protocol.errors import Refused
from protocol.limits import ENVELOPE_SIZES_BYTES
from protocol.messages import TripEvidence, decode, decode_body, decode_trip_header
from protocol.sealing import Place, layout, open_envelope
from protocol.signing import sign_alert, verify_trip
from rules.compiler import compile_curated
from rules.curated import shipped_packs
from rules.engine import Rules
from rules.model import Taxonomy

ONE, OTHER = UUID(int=101), UUID(int=102)
NIGHT = datetime(2026, 3, 4, 23, 0, tzinfo=UTC)
BY_HAND = "fairwatch-test.example.org"


class Agent:
    """A pipeline over the spool on the disk, and the lead who opens what it sends."""

    def __init__(self, spool, device, clock, bundle, office) -> None:
        self.spool, self.device, self.clock, self.office = spool, device, clock, office
        self.pipeline = Pipeline(
            spool=spool,
            identity=device,
            clock=clock,
            people=lambda _month, accounts: {account: UUID(int=9) for account in accounts},
            remind=lambda *_: None,
        )
        if bundle is not None:
            self.pipeline.use(bundle)

    def see(self, *observations):
        self.pipeline.accept(Batch(observations=observations, bookmark=None))

    def waiting(self):
        return self.spool.peek(10**7, 64)

    def kinds(self):
        return sorted(parcel.kind for parcel in self.waiting())

    def tests(self):
        """Every test that waits, checked and opened: (header, evidence, body)."""
        return [self.open(parcel) for parcel in self.waiting() if parcel.kind == "trip"]

    def open(self, parcel):
        report = decode_body(parcel)
        verify_trip(self.device.key.public_key().public_bytes_raw(), report.signature, report.header, report.envelope)
        header = decode_trip_header(report.header)
        assert (header.record, header.counter) == (parcel.record, parcel.counter)
        place = Place(purpose="trip", subject=header.device, record=header.record, header=report.header)
        evidence = decode(open_envelope(report.envelope, self.office.keys["lead"], place), TripEvidence)
        return header, evidence, report


@pytest.fixture
def agent(open_spool, device, clock, bundle, office):
    return Agent(open_spool(), device, clock, bundle, office)


def test_a_test_goes_down_the_road_of_an_alert_and_is_about_nobody(agent, clock):
    agent.pipeline.test(ONE, "service")
    assert agent.kinds() == ["trip"]
    ((header, evidence, report),) = agent.tests()
    assert (header.trip, header.source, header.seen) == (ONE, "trip", clock())
    assert (evidence.name, evidence.entry) == (TRIP_HOST, TRIP_HOST)
    assert header.sealed_to == tuple(one.key_id for one in agent.office.listed().for_case(agent.device.group, ""))
    assert layout(report.envelope).padded_bytes == ENVELOPE_SIZES_BYTES[0]


def test_it_leaves_no_total_and_no_alert_behind(agent, clock):
    agent.pipeline.test(ONE, "service")
    clock.forward(hours=3)
    agent.pipeline.tick(clock())
    agent.pipeline.stop(clock())
    assert agent.kinds() == ["trip"]
    assert agent.pipeline.own_totals("") == []


def test_private_time_does_not_hold_it_up_since_it_is_of_no_person(agent, clock):
    clock.now = NIGHT
    agent.pipeline.test(ONE, "service")
    assert len(agent.tests()) == 1


def test_without_signed_rules_there_is_no_test_to_pass(open_spool, device, clock, office):
    agent = Agent(open_spool(), device, clock, None, office)
    agent.pipeline.test(ONE, "service")
    assert agent.kinds() == []


def test_lists_that_do_not_know_the_reserved_host_pass_no_test(agent, bundle, tmp_path):
    taxonomy = Taxonomy.shipped()
    text = (Path(__file__).parents[2] / "rules" / "categories.toml").read_bytes()
    compile_curated(tmp_path / "old", text, taxonomy, [pack for pack in shipped_packs(taxonomy) if pack.id != "trip"])
    old = Rules.open(tmp_path / "old")
    agent.pipeline.use(replace(bundle, rules=old))
    agent.pipeline.test(ONE, "service")
    assert agent.kinds() == []
    old.close()


def test_the_same_test_is_made_once_however_often_the_collector_asks(agent):
    for _ in range(3):
        agent.pipeline.test(ONE, "service")
    assert len(agent.tests()) == 1


def test_a_test_that_did_not_reach_the_disk_is_made_at_the_next_asking(agent, monkeypatch):
    def full(*_args, **_more):
        raise SpoolUnavailableError("full")

    with monkeypatch.context() as broken:
        broken.setattr(agent.spool, "put", full)
        with pytest.raises(SpoolUnavailableError):
            agent.pipeline.test(ONE, "service")
    assert agent.tests() == []
    agent.pipeline.test(ONE, "service")
    assert len(agent.tests()) == 1


def test_a_collector_that_asks_without_end_fills_no_disk(agent):
    for number in range(50):
        agent.pipeline.test(UUID(int=1000 + number), "service")
    ((header, _, _),) = agent.tests()
    assert header.trip == UUID(int=1049)


def test_tests_are_the_first_to_go_where_the_disk_is_full_and_never_an_alert(agent, seen):
    agent.see(seen("bet365.com"))
    agent.pipeline.test(ONE, "service")
    assert [parcel.kind for parcel in agent.waiting()] == ["alert", "trip"]


def test_a_visit_by_hand_counts_only_while_it_is_waited_for(agent, seen, clock):
    agent.see(seen(BY_HAND, clock()))
    assert agent.tests() == []
    agent.pipeline.test(ONE, "visit")
    agent.see(seen(BY_HAND, clock() - timedelta(minutes=1)))
    assert agent.tests() == []
    clock.forward(seconds=5)
    agent.see(seen(BY_HAND, clock()))
    ((header, evidence, report),) = agent.tests()
    assert (header.trip, header.source, evidence.name, evidence.entry) == (ONE, "browser_history", BY_HAND, None)
    assert b"sam" not in report.header
    agent.see(seen(BY_HAND, clock.forward(seconds=5)))
    assert len(agent.tests()) == 1


def test_it_is_waited_for_half_an_hour(agent, seen, clock):
    agent.pipeline.test(ONE, "visit")
    agent.see(seen(BY_HAND, clock() + VISIT_WITHIN + timedelta(seconds=1)))
    assert agent.tests() == []


def test_the_agents_own_test_is_no_visit_and_a_visit_is_not_the_agents_own(agent, seen, clock):
    agent.pipeline.test(ONE, "visit")
    agent.pipeline.test(OTHER, "service")
    assert [header.trip for header, _, _ in agent.tests()] == [OTHER]
    agent.see(seen(TRIP_HOST, clock()))
    assert [header.trip for header, _, _ in agent.tests()] == [OTHER]


def test_nothing_hides_behind_the_tests_name(agent, seen, clock):
    agent.pipeline.test(ONE, "visit")
    agent.see(seen("fairwatch-test.bet365.com", clock()))
    assert agent.kinds() == ["alert", "trip"]


def test_a_visit_in_private_time_is_no_test(open_spool, device, clock, bundle, office, seen):
    for group in ("staff", "learners"):
        agent = Agent(open_spool(), replace(device, group=group), clock, bundle, office)
        clock.now = NIGHT
        agent.pipeline.test(ONE, "visit")
        agent.see(seen(BY_HAND, clock.forward(seconds=1)))
        assert agent.kinds() == []


def test_an_alerts_signature_does_not_pass_for_a_tests(agent):
    agent.pipeline.test(ONE, "service")
    ((_, _, report),) = agent.tests()
    key = agent.device.key
    for wrong in (sign_alert(key, report.header, report.envelope, b""), sign_alert(key, report.header, b"", b"")):
        with pytest.raises(Refused, match="bad_record_signature"):
            verify_trip(key.public_key().public_bytes_raw(), wrong, report.header, report.envelope)
