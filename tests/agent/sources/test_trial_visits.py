"""A real browser's visits to what only a list on trial names: counted, and never an alert."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from agent.bundle import Bundle
from agent.pipeline import Pipeline
from agent.sources.browser_history import BrowserHistory
from agent.sources.browsers import profiles_in
from protocol.messages import TrialCounts, decode, decode_body, decode_trial_header
from protocol.sealing import Place, open_envelope
from rules.compiler import compile_shipped
from rules.engine import Rules
from rules.policy import Policy
from rules.writer import PackWriter

POLICY = """
organisation = "Test"
timezone = "Europe/London"
start_date = 2026-01-01
working_hours = ["Mon-Fri 08:00-18:00"]
[categories]
gambling = "flag"
[groups.staff]
name = "Staff"
private_time = "none"
[packs]
curated = 100000
promoted = 1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("rules")
    compile_shipped(made)
    for pack, name in (("imported", "one.test"), ("promoted", "framer.test")):
        with PackWriter([("gambling", pack)], made) as writer:
            writer.add(name, 0)
            writer.write(made / "packs" / f"{pack}.pack")
    return made


@pytest.fixture
def bundle(folder, office):
    policy = Policy.parse(POLICY, "policy.toml")
    rules = Rules.open(folder, policy=policy)
    yield Bundle(
        recipients=office.listed(),
        policy=policy,
        rules=rules,
        recipients_version=3,
        policy_version=7,
        packs={"curated": 12, "imported": 1, "promoted": 1},
    )
    rules.close()


def now():
    return datetime.now(UTC)


@pytest.mark.more
def test_what_a_running_chromium_visits_is_counted_by_a_list_on_trial_and_flagged_by_a_promoted_one(
    chromium, open_spool, device, office, clock, opened, bundle, until, tmp_path
):
    clock.now = now()
    spool, came = open_spool(), []
    pipeline = Pipeline(
        spool=spool,
        identity=device,
        clock=clock,
        people=lambda _month, accounts: dict.fromkeys(accounts, UUID(int=9)),
        remind=lambda *_: None,
        draw=lambda: 0.0,
    )
    pipeline.use(bundle)
    pipeline.tick(clock())

    def emit(batch):
        pipeline.accept(batch)
        came.extend(observation.name for observation in batch.observations)

    until((chromium.profile / "History").exists)
    began = now()
    source = BrowserHistory(
        device.device,
        lambda: profiles_in((chromium.folder,), person="alice"),
        load=spool.load,
        emit=emit,
        clock=now,
        sweep_seconds=600.0,
        collect_from=lambda _person: began,
        scratch=tmp_path,
    )
    source.start()
    try:
        for host in ("one", "one", "framer"):
            chromium.visit(f"http://{host}.test/path?secret=1")
        until(lambda: sorted(came) == ["framer.test", "one.test", "one.test"])
    finally:
        source.stop()
    clock.forward(days=1)
    pipeline.tick(clock())
    ((_, heading, evidence),) = opened(spool, office, device)
    assert (heading.category, heading.count, evidence.seen[0].name) == ("gambling", 1, "framer.test")
    (parcel,) = (one for one in spool.peek(10**7, 64) if one.kind == "trial")
    report = decode_body(parcel)
    header = decode_trial_header(report.header)
    place = Place(purpose="trial", subject=header.device, record=header.record, header=report.header)
    text = open_envelope(report.envelope, office.keys["lead"], place)
    (pack,) = decode(text, TrialCounts).packs
    assert pack.pack == "imported"
    assert [(one.entry, one.count) for one in pack.entries] == [("one.test", 2)]
    assert b"alice" not in text
