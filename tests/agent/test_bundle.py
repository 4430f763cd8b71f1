"""The rules in force are one piece that nobody changes."""

from __future__ import annotations

import itertools
import threading
from dataclasses import FrozenInstanceError, replace
from datetime import timedelta

import pytest
from msgspec import structs

from agent.observation import Batch
from agent.pipeline import Pipeline
from rules.compiler import compile_shipped
from rules.engine import Rules


def test_a_bundle_is_never_changed_in_part(bundle, office):
    with pytest.raises(FrozenInstanceError):
        bundle.recipients = office.listed("lead")


def test_without_a_recovery_key_there_is_nobody_to_seal_every_case_to(bundle, office):
    assert bundle.can_seal
    assert replace(bundle, recipients=office.listed("lead", "deputy", "partner_lead")).can_seal
    assert not replace(bundle, recipients=office.listed("recovery")).can_seal


def test_rules_are_swapped_under_running_checks_and_no_case_is_of_two_bundles(
    bundle, office, rules, open_spool, device, clock, seen, opened, tmp_path
):
    """Four threads observe while the rules are swapped all the time: nothing fails, and each case is of one bundle."""
    compile_shipped(tmp_path / "other")
    other = Rules.open(tmp_path / "other")
    bundles = (
        bundle,
        replace(bundle, recipients=office.listed("deputy"), rules=other, recipients_version=4, policy_version=8),
    )
    listed = {
        each.recipients_version: {one.key_id for one in each.recipients.for_case("staff", "sam")} for each in bundles
    }
    assert listed[3] != listed[4]
    spool = open_spool()
    pipeline = Pipeline(spool=spool, identity=device, clock=clock, people=lambda *_: {}, remind=lambda *_: None)
    pipeline.use(bundle)
    errors = []

    def observe(number: int) -> None:
        try:
            for count in range(40):
                started = clock.now - timedelta(minutes=count, seconds=number)
                visit = structs.replace(seen("www.bet365.com", started), person=f"sam{number}x{count}")
                pipeline.accept(Batch(observations=(visit,), bookmark=None))
                assert rules.classify("host", f"x{count}.bet365.com").categories == ("gambling",)
                assert other.classify("host", f"x{count}.bet365.com").categories == ("gambling",)
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is what this test looks for
            errors.append(fault)

    threads = [threading.Thread(target=observe, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for number in itertools.count():
        pipeline.use(bundles[number % 2])
        threads[number % 4].join(0.01)
        if not any(thread.is_alive() for thread in threads):
            break
    assert errors == []
    pipeline.tick(clock.forward(hours=3))
    headers = [header for header, _, _ in opened(spool, office, device)]
    assert len(headers) > 20
    assert {(header.recipients_version, header.policy_version) for header in headers} == {(3, 7), (4, 8)}
    assert all(set(header.sealed_to) == listed[header.recipients_version] for header in headers)
    other.close()
