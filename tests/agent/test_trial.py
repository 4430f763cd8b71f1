"""Lists on trial, over the whole road and a real spool: counts alone, once a day, and nothing tells hit from none."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from agent.bundle import Bundle
from agent.errors import SpoolDamagedError, SpoolUnavailableError
from agent.observation import Batch
from agent.pipeline import Pipeline
from agent.spool import LEAST_MAX_BYTES, STATE_MAX_BYTES, Spool
from agent.state_parts import load_parts, save_parts
from agent.trial import TRIAL_KEY
from protocol.limits import TRIAL_MAX_ENTRIES, TRIAL_MAX_PACKS
from protocol.messages import TrialCounts, decode, decode_body, decode_trial_header
from protocol.sealing import Place, layout, open_envelope
from protocol.signing import verify_trial
from rules.compiler import compile_shipped
from rules.engine import Rules
from rules.policy import Policy
from rules.writer import PackWriter

CASINO, SHOP, DATING = "canary-casino.example", "canary-shop.example", "canary-dating.example"
NEWS, ALLOWED, HELP = "canary-news.example", "nasa.gov", "samaritans.org"
CATEGORIES = ("gambling", "shopping", "dating", "news", "pornography")
"""Of an imported list: flagged, totalled, sensitive and totalled, ignored by the policy, flagged."""

POLICY = """
organisation = "Test"
timezone = "Europe/London"
start_date = 2026-01-01
working_hours = ["Mon-Fri 08:00-18:00"]
never_collect = ["payroll.example.org"]

[categories]
news = { response = "ignore" }

[groups.staff]
name = "Staff"
private_time = "drop_all"

[groups.partners]
name = "Partners"
private_time = "drop_all"

[groups.learners]
name = "Learners"
private_time = "urgent_only"
"""
LISTED = {CASINO: 0, f"deep.{CASINO}": 4, SHOP: 1, DATING: 2, NEWS: 3, ALLOWED: 4, HELP: 4, "www.bet365.com": 4}


def make_pack(path, names):
    with PackWriter([(category, "imported") for category in CATEGORIES], path.parent) as writer:
        for name, place in names.items():
            writer.add(name, place)
        writer.write(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("trial-rules")
    compile_shipped(made)
    make_pack(made / "packs" / "imported.pack", LISTED)
    return made


class Agent:
    """A pipeline over the spool on the disk, and the lead who opens what it reports."""

    def __init__(self, open_spool, device, clock, bundle, office, groups=None) -> None:
        self._open_spool, self.device, self.clock, self.bundle, self.office = open_spool, device, clock, bundle, office
        self._groups = groups  # of phones, where it is a gateway
        self.restart()

    def restart(self):
        """What kill -9 leaves: the disk."""
        self.spool = self._open_spool()
        self.pipeline = Pipeline(
            spool=self.spool,
            identity=self.device,
            clock=self.clock,
            people=lambda _month, accounts: {account: UUID(int=9) for account in accounts},
            remind=lambda *_: None,
            draw=lambda: 0.5,
            group_of=(lambda phone: self._groups[phone]) if self._groups else None,
            groups=(lambda: self._groups.values()) if self._groups else None,
        )
        self.pipeline.use(self.bundle)

    def see(self, *observations):
        self.pipeline.accept(Batch(observations=observations, bookmark=None))

    def next_day(self):
        """Tick through midnight, and on until all of it is due."""
        self.pipeline.tick(self.clock())
        self.clock.forward(days=1)
        self.pipeline.tick(self.clock())
        self.clock.forward(hours=2)

    def parcels(self, kind="trial"):
        return [parcel for parcel in self.spool.peek(10**7, 64) if parcel.kind == kind]

    def reports(self):
        return [self.open(parcel) for parcel in self.parcels()]

    def open(self, parcel, name="lead"):
        report = decode_body(parcel)
        key = self.device.key.public_key().public_bytes_raw()
        verify_trial(key, report.signature, report.header, report.envelope)
        header = decode_trial_header(report.header)
        assert (header.record, header.counter) == (parcel.record, parcel.counter)
        place = Place(purpose="trial", subject=header.device, record=header.record, header=report.header)
        text = open_envelope(report.envelope, self.office.keys[name], place)
        return header, decode(text, TrialCounts), text

    def met(self):
        """What the only report says: {entry: count}."""
        ((_, counts, _),) = self.reports()
        return {one.entry: one.count for pack in counts.packs for one in pack.entries}


@pytest.fixture
def use(folder, office):
    """`use(packs)`: the rules with that [packs] table in force."""
    opened = []

    def make(packs="curated = 100000", where=folder):
        parsed = Policy.parse(f"{POLICY}\n[packs]\n{packs}\n", "policy.toml")
        opened.append(Rules.open(where, policy=parsed))
        return Bundle(
            recipients=office.listed(),
            policy=parsed,
            rules=opened[-1],
            recipients_version=3,
            policy_version=7,
            packs={"curated": 12, "imported": 4},
        )

    yield make
    for rules in opened:
        rules.close()


@pytest.fixture
def agent(open_spool, device, clock, use, office):
    return Agent(open_spool, device, clock, use(), office)


# --- what is counted -----------------------------------------------------------------------------------------------


def test_a_list_on_trial_raises_no_alert_and_gives_no_total_a_name_only_sealed_counts(agent, seen, clock):
    agent.see(seen(CASINO), seen("www." + CASINO), seen(SHOP))
    agent.next_day()
    agent.next_day()
    assert agent.parcels("alert") == []
    (totals, *_) = [decode_body(parcel) for parcel in agent.parcels("totals")]
    assert {(row.category, row.name) for row in totals.rows} == {("other", None)}
    ((header, counts, _), (_, nothing, _)) = agent.reports()
    assert (header.day, header.group, header.device) == (date(2026, 3, 4), "staff", agent.device.device)
    ((pack),) = counts.packs
    assert (pack.pack, pack.version, pack.size, pack.more) == ("imported", 4, len(LISTED), 0)
    assert [(one.entry, one.categories, one.count) for one in pack.entries] == [
        (CASINO, ("gambling",), 2),
        (SHOP, ("shopping",), 1),
    ]
    assert [(one.pack, one.entries) for one in nothing.packs] == [("imported", ())]


def test_the_narrowest_entry_counts_and_counts_once(agent, seen):
    agent.see(seen(f"www.deep.{CASINO}"))
    agent.next_day()
    assert agent.met() == {f"deep.{CASINO}": 1}


def test_help_allowed_sites_ignored_and_private_categories_and_what_is_never_collected_are_not_counted(agent, seen):
    names = (ALLOWED, f"www.{HELP}", NEWS, DATING, "payroll.example.org")
    agent.see(*(seen(name) for name in names))
    agent.next_day()
    assert agent.met() == {}


@pytest.mark.parametrize("group", ["staff", "learners"])
def test_private_time_is_not_counted_even_where_urgent_flags_count_in_it(
    open_spool, device, clock, use, office, seen, group
):
    agent = Agent(open_spool, replace(device, group=group), clock, use(), office)
    agent.see(seen(CASINO, datetime.fromisoformat("2026-03-04T20:00:00Z")), seen(CASINO))
    agent.next_day()
    assert agent.met() == {CASINO: 1}


def test_what_our_own_lists_flag_is_flagged_once_and_the_trial_list_changes_nothing_of_it(agent, seen, opened, office):
    agent.see(seen("www.bet365.com"))
    ((_, heading, evidence),) = opened(agent.spool, office, agent.device)
    assert heading.category == "gambling"
    assert {one.category for one in evidence.matched} == {"gambling"}
    agent.next_day()
    assert agent.met() == {"www.bet365.com": 1}


def test_after_promotion_it_flags_and_reports_no_more_of_it(agent, seen, opened, office, use):
    agent.see(seen(CASINO))
    assert agent.parcels("alert") == []
    agent.pipeline.use(use("curated = 100000\nimported = 1000"))
    agent.see(seen(CASINO))
    ((_, heading, evidence),) = opened(agent.spool, office, agent.device)
    assert (heading.category, evidence.matched[0].entry) == ("gambling", CASINO)
    agent.next_day()
    assert agent.parcels() == []


def test_a_promoted_list_that_grew_sharply_is_on_trial_again(agent, seen, use, folder, tmp_path):
    grown = shutil.copytree(folder, tmp_path / "grown")
    make_pack(grown / "packs" / "imported.pack", LISTED | {f"n{number}.example": 0 for number in range(20)})
    agent.pipeline.use(use("curated = 100000\nimported = 10", grown))
    agent.see(seen(CASINO), seen("n7.example"))
    assert agent.parcels("alert") == []
    agent.next_day()
    assert agent.met() == {CASINO: 1, "n7.example": 1}


def test_nobodys_name_and_no_full_host_is_in_the_sealed_text(agent, seen):
    agent.see(seen(f"amira-smith.{CASINO}", person="amira"))
    agent.next_day()
    ((_, _, text),) = agent.reports()
    assert b"amira" not in text
    assert CASINO.encode() in text


# --- a gateway's phones --------------------------------------------------------------------------------------------

PHONES = {UUID(int=21): "learners", UUID(int=22): "learners", UUID(int=23): "staff", UUID(int=24): "partners"}


@pytest.fixture
def gateway(open_spool, device, clock, use, office):
    return Agent(open_spool, device, clock, use(), office, PHONES)


@pytest.fixture
def looked_up(seen):
    """What a phone looked up, as its gateway sees it."""

    def make(name, phone, said="likely"):
        return seen(name, device=UUID(int=phone), source="doh", said=said)

    return make


def met_by_group(agent):
    return {
        header.group: {one.entry: one.count for one in counts.packs[0].entries} for header, counts, _ in agent.reports()
    }


def test_a_gateway_counts_for_its_phones_and_reports_each_group_to_its_own_leads(gateway, looked_up, office):
    gateway.see(*(looked_up(CASINO, phone) for phone in (21, 22, 22)), looked_up(SHOP, 23, "unclear"))
    gateway.next_day()
    met = {"learners": {CASINO: 3}, "staff": {SHOP: 1}, "partners": {}}
    parcels = gateway.parcels()
    assert [gateway.open(parcel)[0].group for parcel in parcels] == sorted(met)
    assert met_by_group(gateway) == met
    partners = office.id_of("partner_lead")
    sealed_to = {header.group: header.sealed_to for header, _, _ in gateway.reports()}
    assert [partners in sealed_to[group] for group in ("partners", "learners", "staff")] == [True, False, False]
    for header, _, _ in gateway.reports():
        assert (header.device, header.signer) == (gateway.device.device, gateway.device.device)


def test_a_gateway_makes_as_many_reports_on_an_idle_day_as_on_a_busy_one(gateway, looked_up):
    gateway.next_day()
    idle = gateway.parcels()
    gateway.see(*(looked_up(name, phone) for name in (CASINO, SHOP) for phone in (21, 23, 24) for _ in range(50)))
    gateway.next_day()
    busy = gateway.parcels()[len(idle) :]
    assert len(idle) == len(busy) == len(set(PHONES.values()))
    sizes = [[layout(decode_body(one).envelope).padded_bytes for one in some] for some in (idle, busy)]
    assert sizes == [[16384] * 3] * 2


def test_a_person_whose_group_the_policy_knows_counts_for_that_group(gateway, looked_up, use):
    patterns = f'{POLICY}accounts = ["sa*"]\n'  # the last group of the policy is learners
    gateway.pipeline.use(replace(use(), policy=Policy.parse(f"{patterns}\n[packs]\ncurated = 100000\n", "p.toml")))
    gateway.see(looked_up(CASINO, 23))
    gateway.next_day()
    assert met_by_group(gateway) == {"learners": {CASINO: 1}, "partners": {}, "staff": {}}


def test_what_a_gateway_counted_outlives_a_restart_and_names_no_phone(gateway, looked_up):
    gateway.see(looked_up(CASINO, 21))
    gateway.pipeline.tick(gateway.clock())
    stored = load_parts(gateway.spool.load, TRIAL_KEY)
    assert CASINO.encode() in stored
    assert not any(word in stored for word in (b"sam", UUID(int=21).bytes, str(UUID(int=21)).encode()))
    gateway.restart()
    gateway.see(looked_up(CASINO, 24))
    gateway.next_day()
    assert met_by_group(gateway) == {"learners": {CASINO: 1}, "partners": {CASINO: 1}, "staff": {}}


def test_all_that_a_gateway_of_many_groups_may_count_fits_the_disk(
    open_spool, device, clock, use, office, seen, folder, tmp_path
):
    names = [f"n{number:04}.{'.'.join(['x' * 40] * 4)}.example" for number in range(TRIAL_MAX_ENTRIES)]
    long = shutil.copytree(folder, tmp_path / "many-groups")
    make_pack(long / "packs" / "imported.pack", dict.fromkeys(names, 0))
    phones = {UUID(int=number): f"g{number}" for number in range(101, 131)}
    groups = "".join(f'[groups.{group}]\nname = "{group}"\nprivate_time = "drop_all"\n' for group in phones.values())
    policy = Policy.parse(f"{POLICY}\n{groups}\n[packs]\ncurated = 100000\n", "p.toml")
    agent = Agent(open_spool, device, clock, replace(use(where=long), policy=policy), office, phones)
    for phone in phones:
        agent.see(*(seen(name, device=phone) for name in names))
    assert len(load_parts(agent.spool.load, TRIAL_KEY)) > STATE_MAX_BYTES
    agent.restart()
    agent.next_day()
    assert len(agent.parcels()) == 30
    assert all(counts.packs[0].entries for _, counts, _ in agent.reports())


# --- nothing tells hits from none ----------------------------------------------------------------------------------


def test_a_busy_day_and_an_idle_one_have_the_same_size_cadence_and_moment(agent, seen, clock):
    clock.now, moments = datetime(2026, 3, 2, 12, tzinfo=UTC), []
    for number in range(4):
        if number % 2:
            agent.see(*(seen(name, clock.now) for name in (CASINO, SHOP, f"deep.{CASINO}") for _ in range(50)))
        agent.pipeline.tick(clock())
        clock.now = datetime(2026, 3, 3 + number, 0, 0, 30, tzinfo=UTC)
        agent.pipeline.tick(clock())
        assert len(agent.parcels()) == number
        while len(agent.parcels()) == number:
            clock.forward(minutes=1)
        moments.append(clock.now.time())
        clock.now = clock.now.replace(hour=12)
    assert len(set(moments)) == 1
    sizes = {(len(parcel.body), layout(decode_body(parcel).envelope).padded_bytes) for parcel in agent.parcels()}
    assert len({size for size, _ in sizes}) == 1
    assert {padded for _, padded in sizes} == {16384}
    assert [bool(counts.packs[0].entries) for _, counts, _ in agent.reports()] == [False, True, False, True]


def test_ticking_all_day_makes_one_report(agent, clock, seen):
    for _ in range(3 * 48):
        agent.pipeline.tick(clock())
        agent.see(seen(CASINO, clock.now))
        clock.forward(minutes=30)
    assert len(agent.parcels()) == 3


def test_without_a_list_on_trial_or_before_the_start_nothing_is_reported(open_spool, device, clock, use, office, seen):
    agent = Agent(open_spool, device, clock, use("curated = 100000\nimported = 1000"), office)
    agent.next_day()
    assert agent.parcels() == []
    agent.pipeline.use(use())
    clock.now = clock.now.replace(year=2025)
    agent.next_day()
    agent.next_day()
    assert agent.parcels() == []


def test_a_clock_that_was_set_years_ahead_and_back_stops_nothing(agent, clock, seen):
    agent.pipeline.tick(clock())
    clock.now = clock.now.replace(year=2060)
    agent.pipeline.tick(clock())
    clock.now = clock.now.replace(year=2026)
    agent.pipeline.tick(clock())
    before = len(agent.parcels())
    agent.see(seen(CASINO, clock.now))
    agent.next_day()
    assert len(agent.parcels()) > before
    assert agent.reports()[-1][1].packs[0].entries[0].entry == CASINO


# --- bounds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [12, 200])
def test_many_entries_are_cut_to_what_fits_and_the_rest_is_added_up(
    open_spool, device, clock, use, office, seen, folder, tmp_path, length
):
    names = [
        f"n{number:04}.{'.'.join(['x' * 40] * (length // 41))}.example".replace("..", ".") for number in range(400)
    ]
    grown = shutil.copytree(folder, tmp_path / "long")
    make_pack(grown / "packs" / "imported.pack", dict.fromkeys(names, 0))
    agent = Agent(open_spool, device, clock, use(where=grown), office)
    agent.see(*(seen(name) for name in names), *(seen(names[5]) for _ in range(9)))
    agent.next_day()
    ((_, counts, text),) = agent.reports()
    (pack,) = counts.packs
    assert len(text) <= 16380
    assert 40 < len(pack.entries) <= TRIAL_MAX_ENTRIES
    assert (pack.entries[0].entry, pack.entries[0].count) == (names[5], 10)
    assert sum(one.count for one in pack.entries) + pack.more == 409


def test_more_lists_than_a_report_takes_still_make_one(open_spool, device, clock, use, office, seen, folder, tmp_path):
    crowded = shutil.copytree(folder, tmp_path / "crowded")
    for number in range(TRIAL_MAX_PACKS + 10):
        shutil.copy(crowded / "packs" / "imported.pack", crowded / "packs" / f"{'p' * 60}{number:04}.pack")
    agent = Agent(open_spool, device, clock, use(where=crowded), office)
    agent.see(seen(CASINO))
    agent.next_day()
    ((_, counts, _),) = agent.reports()
    assert len(counts.packs) == TRIAL_MAX_PACKS


# --- kept over a kill, and encrypted -------------------------------------------------------------------------------


def test_counts_outlive_a_kill_and_none_counts_twice(agent, seen):
    agent.see(seen(CASINO))
    agent.restart()
    agent.see(seen(CASINO))
    agent.pipeline.tick(agent.clock())
    agent.restart()
    agent.next_day()
    agent.restart()
    agent.pipeline.tick(agent.clock())
    assert agent.met() == {CASINO: 2}


def test_a_transaction_that_fails_counts_nothing(agent, seen, monkeypatch):
    agent.see(seen(CASINO))
    save = agent.spool.save

    def full(key, value):
        if key == TRIAL_KEY:
            raise SpoolUnavailableError("no room")
        save(key, value)

    with monkeypatch.context() as broken:
        broken.setattr(agent.spool, "save", full)
        with pytest.raises(SpoolUnavailableError):
            agent.see(seen(CASINO))
    agent.see(seen(SHOP))
    agent.next_day()
    assert agent.met() == {CASINO: 1, SHOP: 1}


def test_a_report_that_could_not_be_stored_is_made_again_with_its_counts(agent, seen, clock, monkeypatch):
    agent.see(seen(CASINO))
    agent.pipeline.tick(clock())
    clock.forward(days=1)
    with monkeypatch.context() as broken:
        broken.setattr(agent.spool, "save", lambda *_: (_ for _ in ()).throw(SpoolUnavailableError("no room")))
        with pytest.raises(SpoolUnavailableError):
            agent.pipeline.tick(clock())
    assert agent.parcels() == []
    agent.pipeline.tick(clock())
    clock.forward(hours=2)
    assert agent.met() == {CASINO: 1}


def test_counts_outlive_a_spool_that_was_damaged(agent, seen, monkeypatch):
    agent.see(seen(CASINO))
    agent.pipeline.tick(agent.clock())
    save, broke = agent.spool.save, []

    def break_once(key, value):
        if not broke:
            broke.append(key)
            agent.spool._damaged = True
            raise SpoolDamagedError("damaged")
        save(key, value)

    with monkeypatch.context() as broken:
        broken.setattr(agent.spool, "save", break_once)
        agent.see(seen(SHOP))
    assert broke
    agent.restart()
    agent.next_day()
    assert agent.met() == {CASINO: 1, SHOP: 1}


def test_nothing_on_the_disk_reads_as_an_entry_or_a_list(agent, seen, tmp_path):
    agent.see(seen(CASINO))
    agent.next_day()
    files = [path for path in tmp_path.rglob("*") if path.is_file() and "spool" in path.name]
    assert files
    for path in files:
        assert b"canary" not in path.read_bytes()
        assert b"imported" not in path.read_bytes()


@pytest.mark.parametrize("state", [b"", b"\xc1", msgspec.msgpack.encode([2, 3]), msgspec.msgpack.encode({"a": 1})])
def test_a_state_of_another_version_begins_the_day_anew(agent, seen, state):
    save_parts(agent.spool.save, agent.spool.load, TRIAL_KEY, state)
    agent.restart()
    agent.see(seen(CASINO))
    agent.next_day()
    assert agent.met() == {CASINO: 1}


def test_the_report_is_due_within_the_hour_and_not_before_it_was_drawn(agent, clock):
    agent.pipeline.tick(clock())
    clock.forward(days=1)
    agent.pipeline.tick(clock())
    clock.forward(minutes=29)
    assert agent.parcels() == []
    clock.now += timedelta(minutes=2)
    assert len(agent.parcels()) == 1


def test_every_lead_of_the_group_and_the_recovery_key_can_open_it_and_nobody_else(agent, seen):
    agent.see(seen(CASINO))
    agent.next_day()
    (parcel,) = agent.parcels()
    header, _, _ = agent.open(parcel)
    names = ("lead", "deputy", "recovery")
    assert set(header.sealed_to) == {agent.office.id_of(name) for name in names}
    for name in names:
        assert agent.open(parcel, name)[1].packs[0].entries[0].count == 1


def test_a_full_spool_drops_reports_before_alerts_and_reports_no_loss_of_nothing(tmp_path, clock, device):
    spool = Spool(tmp_path / "small.sqlite3", bytes(32), device=device.device, clock=clock, max_bytes=LEAST_MAX_BYTES)
    try:
        spool.put("alert", lambda _record, _counter: b"{}")
        for _ in range(60):
            spool.put("trial", lambda _record, _counter: b'"%s"' % (b"x" * 23_000))
        kinds = [parcel.kind for parcel in spool.peek(10**7, 200)]
        assert kinds[0] == "alert"
        assert 1 < len(kinds) < 50
        assert set(kinds[1:]) == {"trial"}
    finally:
        spool.close()
