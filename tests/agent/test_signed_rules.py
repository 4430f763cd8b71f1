"""The signed rules on this disk: taken up when they change, refused and put right when somebody edits them."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent import signed_rules, updates
from agent.signed_rules import SignedRules
from tests.agent.devices import until, with_rules


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def observing(custodians, serving_collector, tmp_path):
    """Signed rules in force; returns them and the folder of the set in force."""
    folder = with_rules(tmp_path / "device", custodians, serving_collector.address)
    made = SignedRules(folder, now, lambda _bundle: None, threading.Event())
    made.load()
    yield made, folder / "rules" / "current"
    made.watch.stop()


def rules_state(made: SignedRules) -> tuple[str, str]:
    one = made.health()
    return one.state, one.reason


def test_old_rules_stay_in_force_and_their_age_is_told(tmp_path, monkeypatch):
    made = SignedRules(tmp_path, now, lambda _bundle: None, threading.Event())
    made.bundle = SimpleNamespace(can_seal=True)
    state = updates.State(fresh_at=now() - timedelta(days=9))
    monkeypatch.setattr(updates, "read_state", lambda _folder: state)
    told = made.health()
    assert (told.state, told.reason) == ("failing", "The signed rules in force were last confirmed 9 days ago.")
    state = updates.State(fresh_at=now() - timedelta(days=1))
    assert made.health().state == "working"


def test_each_set_that_comes_into_force_is_told_once(custodians, serving_collector, tmp_path):
    told = []
    folder = with_rules(tmp_path / "device", custodians, serving_collector.address)
    made = SignedRules(folder, now, told.append, threading.Event())
    assert made.health().reason == "There are no signed rules yet."
    made.load()
    made.load()
    assert told == [made.bundle]
    made.watch.stop()


def cut_short(current: Path) -> None:
    with (current / "rules" / "packs" / "curated.pack").open("r+b") as file:
        file.truncate(0)


def overwrite(current: Path) -> None:
    with (current / "rules" / "packs" / "curated.pack").open("r+b") as file:
        file.write(bytes(10_000))


def edit_the_policy(current: Path) -> None:
    path = current / "policy.toml"
    path.write_text(path.read_text().replace("08:00", "07:00"))


def add_a_pack(current: Path) -> None:
    packs = current / "rules" / "packs"
    (packs / "more.pack").write_bytes((packs / "curated.pack").read_bytes())


def remove_a_pack(current: Path) -> None:
    (current / "rules" / "packs" / "curated.pack").unlink()


def remove_the_link(current: Path) -> None:
    current.unlink()


@pytest.mark.parametrize("edit", [cut_short, overwrite, edit_the_policy, add_a_pack, remove_a_pack, remove_the_link])
def test_an_edited_rule_is_refused_within_a_second_told_and_put_right_at_once(observing, edit):
    made, current = observing
    before = made.bundle
    signed = {path: path.read_bytes() for path in (current / "policy.toml", current / "rules/packs/curated.pack")}
    assert rules_state(made) == ("working", "")
    made.watch.start()
    begun = time.monotonic()
    edit(current)
    until(lambda: rules_state(made)[0] == "failing", 5.0)
    assert time.monotonic() - begun < 1.0
    assert rules_state(made)[1] == signed_rules._EDITED
    assert made.bundle is before
    assert made.bundle.rules.classify("host", "www.bet365.com").categories == ("gambling",)
    until(lambda: rules_state(made) == ("working", ""))
    assert {path: path.read_bytes() for path in signed} == signed
    assert not (current / "rules" / "packs" / "more.pack").exists()
    assert made.bundle.rules.classify("host", "x.bet365.com").categories == ("gambling",)


def test_while_the_collector_is_away_an_edit_stays_refused_and_told(observing, serving_collector):
    made, current = observing
    serving_collector.away = True
    before = made.bundle
    edit_the_policy(current)
    made.changed()
    assert rules_state(made) == ("failing", signed_rules._EDITED)
    assert made.bundle is before
    serving_collector.away = False
    made.update()
    assert rules_state(made) == ("working", "")


def test_rules_that_were_edited_before_the_start_are_not_loaded(observing):
    made, current = observing
    edit_the_policy(current)
    made.bundle = None
    made.load()
    assert rules_state(made) == ("failing", signed_rules._EDITED_AND_NOTHING_LOADED)
    assert made.bundle is None


def test_new_rules_that_another_process_fetched_are_taken_up_without_waiting(custodians, observing):
    made, _ = observing
    made.watch.start()
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    command = [*signed_rules.own_command(), "update", "--data-dir", made._data_dir]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0
    until(lambda: made.bundle.recipients_version == 3, 5.0)
    assert rules_state(made) == ("working", "")


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.more
def test_twenty_checks_do_not_make_the_service_larger(observing):
    made, _ = observing
    for _ in range(2):
        made.update()
    before = resident_bytes()
    for _ in range(20):
        made.update()
    assert resident_bytes() - before < 1024 * 1024
