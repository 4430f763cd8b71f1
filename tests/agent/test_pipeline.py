"""The whole road on the shipped rules and a real spool: all of a batch or nothing of it, and each thing once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from msgspec import structs

from agent import pipeline as under_test
from agent.errors import CollectorUnreachable, SpoolDamagedError
from agent.observation import Batch
from agent.pipeline import ASK_AGAIN, Pipeline
from agent.tally import VISIT_MAX_SECONDS
from protocol.messages import decode_body
from rules.accounts import AccountPattern
from rules.compiler import compile_shipped
from rules.model import Taxonomy

URGENT, ROUTINE = "sanctioned-suicide.net", "bet365.com"
MONTHLY = UUID(int=77)
SETTLED = timedelta(seconds=VISIT_MAX_SECONDS + 200)


class Agent:
    """A pipeline over the spool on the disk, with a collector that answers or not, and a person who is told."""

    def __init__(self, open_spool, device, clock, bundle, **more) -> None:
        self.reachable = True
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.told: list[tuple[str, str, int]] = []
        self._make = lambda: Pipeline(
            spool=self.spool,
            identity=device,
            clock=clock,
            people=self.people,
            remind=lambda *words: self.told.append(words),
            **more,
        )
        self._open_spool, self._bundle, self.clock = open_spool, bundle, clock
        self.restart()

    def restart(self) -> None:
        """What kill -9 leaves: the disk."""
        self.spool = self._open_spool()
        self.pipeline = self._make()
        if self._bundle is not None:
            self.pipeline.use(self._bundle)

    def people(self, month, accounts):
        self.asked.append((month, tuple(accounts)))
        if not self.reachable:
            raise CollectorUnreachable("no answer")
        return {account: uuid5(MONTHLY, f"{month} {account}") for account in accounts}

    def see(self, *observations, bookmark=None):
        self.pipeline.accept(Batch(observations=observations, bookmark=bookmark))

    def bodies(self, kind):
        return [decode_body(parcel) for parcel in self.spool.peek(10**7, 64) if parcel.kind == kind]

    def own(self, person="sam"):
        return [(row.kind, row.category, row.name, row.seconds, row.visits) for row in self.pipeline.own_totals(person)]


@pytest.fixture
def agent(open_spool, device, clock, bundle):
    return Agent(open_spool, device, clock, bundle)


# --- the road ------------------------------------------------------------------------------------------------------


def test_a_visit_to_a_flagged_host_is_an_alert_that_the_lead_can_open(agent, opened, office, device, seen):
    agent.see(seen("www." + URGENT))
    ((header, heading, evidence),) = opened(agent.spool, office, device)
    assert (header.urgent, header.group, header.revision, heading.category) == (True, "staff", 0, "suicide")
    assert (evidence.seen[0].name, evidence.matched[0].entry) == ("www." + URGENT, URGENT)


def test_seeking_help_leads_to_no_alert_and_to_other(agent, seen, clock):
    agent.see(*(seen(name) for name in ("www.samaritans.org", "www.nhs.uk", "unison.org.uk")))
    agent.pipeline.tick(clock.now + SETTLED)
    assert agent.bodies("alert") == []
    assert {row[1] for row in agent.own()} == {"other"}


def test_repeats_are_one_alert_and_one_update_that_waits_for_the_end_of_the_window(
    agent, opened, office, device, seen, clock
):
    for minute in range(5):
        agent.see(seen(ROUTINE, clock.now + timedelta(minutes=minute)))
    ((first, _, _),) = opened(agent.spool, office, device)
    clock.forward(minutes=61)
    (_, (update, heading, evidence)) = opened(agent.spool, office, device)
    assert (update.alert, update.revision, heading.count, evidence.seen[0].count) == (first.alert, 4, 5, 5)
    assert update.record != first.record
    assert update.counter > first.counter


def test_an_urgent_alert_is_due_at_once_while_a_routine_update_waits(agent, opened, office, device, seen, clock):
    agent.see(seen(ROUTINE), seen(ROUTINE, clock.now + timedelta(minutes=1)), seen(URGENT))
    due = opened(agent.spool, office, device)
    assert [(header.urgent, header.revision) for header, _, _ in due] == [(True, 0), (False, 0)]


def test_a_name_that_may_be_no_persons_doing_is_never_urgent_and_says_so(agent, opened, office, device, seen):
    agent.see(
        seen(URGENT, source="dot", said="unclear", identity="unproven"),
        seen(URGENT, source="doh", said="likely"),
    )
    told = [
        (header.urgent, heading.certainty, heading.identity)
        for header, heading, _ in opened(agent.spool, office, device)
    ]
    assert told == [(True, "likely", "proven"), (False, "unclear", "unproven")]


def test_in_private_time_an_unclear_name_is_not_even_flagged(open_spool, device, clock, bundle, opened, office, seen):
    clock.now = datetime(2026, 3, 4, 20, 0, tzinfo=UTC)
    learner = replace(device, group="learners")
    agent = Agent(open_spool, learner, clock, bundle)
    agent.see(seen(URGENT, clock.now, source="doh", said="unclear"))
    assert opened(agent.spool, office, learner) == []


def test_in_private_time_only_urgent_flags_count_and_nothing_is_tallied(
    open_spool, device, clock, bundle, opened, office, seen
):
    clock.now = datetime(2026, 3, 4, 20, 0, tzinfo=UTC)
    learner = replace(device, group="learners")
    agent = Agent(open_spool, learner, clock, bundle)
    agent.see(*(seen(name, clock.now) for name in (URGENT, ROUTINE, "bbc.co.uk", "linux:steam", "unheard-of.example")))
    assert [heading.category for _, heading, _ in opened(agent.spool, office, learner)] == ["suicide"]
    agent.pipeline.tick(clock.now + SETTLED)
    assert agent.own() == []
    assert agent.told == []


def test_without_rules_nothing_is_observed_then_or_later(open_spool, device, clock, bundle, seen):
    agent = Agent(open_spool, device, clock, None)
    agent.see(seen(URGENT), bookmark=("history", b"9"))
    agent.pipeline.tick(clock.now)
    assert not agent.pipeline.observing
    agent.pipeline.use(bundle)
    agent.pipeline.tick(clock.now + SETTLED)
    assert agent.pipeline.observing
    assert (agent.bodies("alert"), agent.own(), agent.spool.load("history")) == ([], [], b"9")


def test_a_gateway_keeps_its_subjects_apart_and_signs_for_itself(
    open_spool, device, clock, bundle, opened, office, seen
):
    phones = {UUID(int=21): "staff", UUID(int=22): "partners"}
    agent = Agent(open_spool, device, clock, bundle, group_of=phones.__getitem__)
    agent.see(*(seen(ROUTINE, device=phone) for phone in phones))
    due = opened(agent.spool, office, device)
    assert {(header.device, header.group, header.signer) for header, _, _ in due} == {
        (phone, group, device.device) for phone, group in phones.items()
    }
    assert len({header.alert for header, _, _ in due}) == 2


def with_accounts(bundle, **patterns):
    """The bundle with account patterns for two groups, or for those that are given."""
    patterns = patterns or {"partners": "p-*", "learners": "l-*@example.org"}
    groups = tuple(
        structs.replace(group, accounts=(AccountPattern.parse(patterns[group.id]),) if group.id in patterns else ())
        for group in bundle.policy.groups
    )
    return replace(bundle, policy=structs.replace(bundle.policy, groups=groups))


def test_the_rules_of_a_persons_group_follow_them_to_any_device(
    open_spool, device, clock, bundle, opened, office, seen
):
    agent = Agent(open_spool, device, clock, with_accounts(bundle))
    shop = "www.ebay.co.uk"
    agent.see(seen(shop, person="sam"), seen(shop, person="L-Anna@Example.org"))
    ((header, heading, _),) = opened(agent.spool, office, device)
    assert (header.group, heading.category, heading.person) == ("learners", "shopping", "L-Anna@Example.org")
    # At night the device keeps nothing of staff, what is urgent of learners, and partners have no such time.
    clock.now = datetime(2026, 3, 4, 20, 0, tzinfo=UTC)
    people = ("sam", "l-ben@example.org", "p-carol")
    agent.see(*(seen(name, clock.now, person=person) for person in people for name in (URGENT, ROUTINE)))
    found = {(head.group, heading.person, heading.category) for head, heading, _ in opened(agent.spool, office, device)}
    assert found == {
        ("learners", "L-Anna@Example.org", "shopping"),
        ("learners", "l-ben@example.org", "suicide"),
        ("partners", "p-carol", "suicide"),
        ("partners", "p-carol", "gambling"),
    }


def test_a_case_is_sealed_to_the_leads_of_the_persons_group(open_spool, device, clock, bundle, opened, office, seen):
    agent = Agent(open_spool, device, clock, with_accounts(bundle))
    agent.see(seen(ROUTINE, person="p-carol"), seen(ROUTINE, person="sam"))
    sealed_to = {header.group: header.sealed_to for header, _, _ in opened(agent.spool, office, device)}
    assert office.id_of("partner_lead") in sealed_to["partners"]
    assert office.id_of("partner_lead") not in sealed_to["staff"]


def test_totals_of_one_device_are_apart_by_their_persons_group(open_spool, device, clock, bundle, seen):
    agent = Agent(open_spool, device, clock, with_accounts(bundle))
    for person in ("sam", "p-carol", "l-anna@example.org"):
        agent.see(seen("linux:libreoffice-writer", person=person))
    agent.pipeline.tick(clock.forward(minutes=16))
    found = {totals.group: {row.person for row in totals.rows} for totals in agent.bodies("totals")}
    assert found == {
        "staff": {uuid5(MONTHLY, "2026-03 sam")},
        "partners": {uuid5(MONTHLY, "2026-03 p-carol")},
        "learners": {uuid5(MONTHLY, "2026-03 l-anna@example.org")},
    }


def test_a_policy_that_moves_a_person_begins_a_new_alert_for_the_leads_of_their_new_group(
    open_spool, device, clock, bundle, opened, office, seen
):
    agent = Agent(open_spool, device, clock, with_accounts(bundle))
    agent.see(seen(ROUTINE, person="p-carol"))
    agent.pipeline.use(with_accounts(bundle, learners="l-*"))
    agent.see(seen(ROUTINE, clock.now + timedelta(minutes=1), person="p-carol"))
    due = opened(agent.spool, office, device)
    assert [(header.group, header.revision) for header, _, _ in due] == [("partners", 0), ("staff", 0)]
    assert len({header.alert for header, _, _ in due}) == 2


def test_totals_go_to_the_collector_under_the_monthly_id(agent, seen, clock):
    agent.see(seen("linux:libreoffice-writer"), seen("linux:exe:unheard-of", clock.now + timedelta(minutes=1)))
    agent.pipeline.tick(clock.forward(minutes=16))
    (totals,) = agent.bodies("totals")
    assert {(row.category, row.name, row.seconds) for row in totals.rows} == {
        ("work_tools", "linux:libreoffice-writer", 60),
        ("other", None, 60),
    }
    assert {row.person for row in totals.rows} == {uuid5(MONTHLY, "2026-03 sam")}
    assert agent.asked == [("2026-03", ("sam",))]


def test_totals_wait_while_the_collector_cannot_be_asked_and_it_is_not_asked_all_the_time(agent, seen, clock):
    agent.reachable = False
    agent.see(seen("linux:libreoffice-writer"))
    for _ in range(4):
        agent.pipeline.tick(clock.forward(seconds=ASK_AGAIN.total_seconds() / 5))
    assert (agent.bodies("totals"), len(agent.asked)) == ([], 1)
    agent.restart()
    agent.reachable = True
    agent.pipeline.tick(clock.forward(minutes=20))
    assert [row.seconds for totals in agent.bodies("totals") for row in totals.rows] == [60]


def test_at_the_end_what_can_be_is_handed_on(agent, seen, clock):
    agent.see(seen("linux:libreoffice-writer"))
    agent.pipeline.tick(clock.forward(minutes=16))
    agent.see(seen("linux:libreoffice-writer", clock.now))
    agent.pipeline.stop(clock.forward(minutes=1))
    assert [row.seconds for totals in agent.bodies("totals") for row in totals.rows] == [60, 60]


def test_a_person_sees_their_own_totals_and_nobody_elses(agent, seen):
    agent.see(seen("linux:libreoffice-writer"), seen("linux:steam", person="ali"))
    assert agent.own() == [("app", "work_tools", "linux:libreoffice-writer", 60, 1)]
    assert agent.own("nobody") == []


def test_a_person_is_reminded_once_when_the_days_minutes_are_used_up(agent, seen, clock):
    for minute in range(3):
        agent.see(seen("linux:steam", clock.now + timedelta(minutes=minute), seconds=45.0))
    agent.restart()
    agent.see(seen("linux:steam", clock.now + timedelta(minutes=9)))
    assert agent.told == [("sam", "Games", 1)]


@pytest.mark.parametrize(
    ("host", "category", "told"), [("www.roblox.com", "games", 1), ("c0.rbxcdn.com", "background", 0)]
)
def test_background_traffic_is_counted_apart_and_uses_up_nobodys_minutes(host, category, told, agent, seen, clock):
    agent.see(seen(host), seen(host, clock.now + timedelta(minutes=2)))
    agent.pipeline.tick(clock.forward(seconds=SETTLED.total_seconds() + 120))
    assert [row[1] for row in agent.own()] == [category]
    assert len(agent.told) == told


def test_a_reminder_that_cannot_be_shown_stops_nothing(agent, seen, clock, caplog):
    agent.told = None  # type: ignore[assignment]
    agent.see(seen("linux:steam", seconds=90.0), bookmark=("history", b"1"))
    assert agent.spool.load("history") == b"1"
    assert "pipeline.reminder_not_shown" in caplog.text


def test_a_visit_that_waited_over_a_change_of_rules_stops_nothing(agent, seen, clock, bundle):
    agent.see(seen("store.steampowered.com"))
    left = tuple(category for category in bundle.policy.taxonomy.categories if category.id != "games")
    policy = structs.replace(bundle.policy, taxonomy=Taxonomy(left))
    agent.pipeline.use(replace(bundle, policy=policy))
    agent.pipeline.tick(clock.now + SETTLED)
    assert agent.own() == [("host", "games", "steampowered.com", VISIT_MAX_SECONDS, 1)]
    assert agent.told == []


def test_logs_never_say_who_or_what(agent, seen, clock, caplog):
    caplog.set_level("DEBUG")
    agent.reachable = False
    agent.see(seen(URGENT), seen("linux:steam", seconds=90.0))
    agent.pipeline.tick(clock.now + SETTLED)
    assert "pipeline.people_not_known" in caplog.text
    assert not [word for word in ("suicide", "sam", "steam", "Games") if word in caplog.text]


# --- all or nothing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["classify", "seal", "label_of", "commit"])
def test_a_fault_in_the_middle_leaves_neither_records_nor_bookmark_nor_totals(
    agent, opened, office, device, seen, clock, monkeypatch, broken
):
    agent.see(seen("bbc.co.uk"), bookmark=("history", b"1"))
    batch = [seen("linux:steam"), seen(ROUTINE), seen(URGENT), seen("itisatrap.org")]
    calls = []

    def fault(*args, **more):
        calls.append(args)
        if len(calls) == {"classify": 4, "seal": 3, "label_of": 4, "commit": 1}[broken]:
            raise RuntimeError("in the middle")
        return real(*args, **more)

    with monkeypatch.context() as patch:
        if broken == "classify":
            real = type(agent._bundle.rules).classify
            patch.setattr(type(agent._bundle.rules), "classify", fault)
        elif broken == "commit":
            real = agent.spool._run
            patch.setattr(agent.spool, "_run", lambda text, *rest: fault() if text == "COMMIT" else real(text, *rest))
        else:
            real = getattr(under_test, broken)
            patch.setattr(under_test, broken, fault)
        with pytest.raises(RuntimeError):
            agent.see(*batch, bookmark=("history", b"2"))
    assert agent.spool.load("history") == b"1"
    assert agent.bodies("alert") == []
    assert agent.own() == []
    assert agent.told == []

    agent.see(*batch, bookmark=("history", b"2"))
    due = opened(agent.spool, office, device)
    assert sorted((heading.category, header.revision) for header, heading, _ in due) == [
        ("gambling", 0),
        ("phishing", 0),
        ("suicide", 0),
    ]
    agent.pipeline.tick(clock.now + SETTLED)
    assert ("app", "games", "linux:steam", 60, 1) in agent.own()
    assert sum(row[4] for row in agent.own()) == 5


def test_where_the_spool_was_damaged_the_batch_is_kept_in_the_new_one(agent, opened, office, device, seen, monkeypatch):
    agent.see(seen("linux:libreoffice-writer"))
    real, times = under_test.seal, []

    def damaged(*args, **named):
        times.append(1)
        if len(times) == 1:
            agent.spool._damaged = True
            raise SpoolDamagedError("a new one begins")
        return real(*args, **named)

    monkeypatch.setattr(under_test, "seal", damaged)
    agent.see(seen(URGENT), bookmark=("history", b"1"))
    agent.restart()
    assert (len(opened(agent.spool, office, device)), agent.spool.load("history")) == (1, b"1")
    assert ("app", "work_tools", "linux:libreoffice-writer", 60, 1) in agent.own()


CHILD = """
import os, signal, sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID

sys.path[:0] = {paths!r}
import importlib.util
spec = importlib.util.spec_from_file_location("shared", {conftest!r})
shared = importlib.util.module_from_spec(spec)
sys.modules["shared"] = shared
spec.loader.exec_module(shared)

from agent.bundle import Bundle
from agent.observation import Batch, Observation
from agent.pipeline import Pipeline
from agent.spool import Spool
from rules.engine import Rules
from rules.policy import Policy

folder, rules, die_at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
clock = shared.Clock()
spool = Spool(folder / "spool.sqlite3", bytes(32), device=shared.DEVICE, clock=clock)
bundle = Bundle(recipients=shared.Office().listed(), policy=Policy.parse(shared.POLICY, "policy.toml"),
                rules=Rules.open(rules), recipients_version=3, policy_version=7, packs={{}})
device = shared.Device()
pipeline = Pipeline(spool=spool, identity=device, clock=clock, people=lambda month, accounts: {{}},
                    remind=lambda *words: None)
pipeline.use(bundle)

# Dies at the die_at-th statement that the spool is given, wherever that is.
real, count = spool._run, [0]
def run(*args):
    count[0] += 1
    if count[0] == die_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args)
spool._run = run

start = int((spool.load("history") or b"0").decode())
for number in range(start, 12):
    at = clock.now + timedelta(seconds=number)
    host = Observation(device=shared.DEVICE, kind="host", name=f"a{{number}}.bet365.com", started=at, seconds=None,
                       person=f"person{{number}}", source="browser_history")
    app = Observation(device=shared.DEVICE, kind="app", name="linux:exe:unheard-of", started=at, seconds=1.0,
                      person="sam", source="foreground")
    pipeline.accept(Batch(observations=(host, app), bookmark=("history", str(number + 1).encode())))
print(count[0])
"""


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compiled")
    compile_shipped(folder)
    return folder


def test_killed_at_any_point_each_visit_is_recorded_exactly_once(tmp_path, compiled, clock, open_spool, agent):
    """A source goes on from its bookmark after each kill -9; then every visit has one alert and every second counts."""
    agent.spool.close()
    root = Path(under_test.__file__).parents[1]
    script = CHILD.format(paths=[str(root)], conftest=str(Path(__file__).with_name("conftest.py")))
    deaths = 0
    for die_at in (9, 31, 60, 85, 10**9):
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path), str(compiled), str(die_at)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        deaths += done.returncode != 0
    assert deaths == 4
    agent.restart()
    assert agent.spool.load("history") == b"12"
    alerts = [parcel for parcel in agent.spool.peek(10**7, 64) if parcel.kind == "alert"]
    assert len(alerts) == len({parcel.record for parcel in alerts}) == len({parcel.counter for parcel in alerts}) == 12
    agent.pipeline.tick(clock.now + SETTLED)
    assert [row[:4] for row in agent.own()] == [("app", "other", None, 12)]
    for number in range(12):
        assert agent.own(f"person{number}") == [("host", "other", None, VISIT_MAX_SECONDS, 1)]
