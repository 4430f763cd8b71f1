"""The stage's own choices: a policy that works at night, and a visit that no sample makes."""

from __future__ import annotations

from datetime import UTC, datetime

from rules.compiler import compile_shipped
from rules.engine import Rules
from rules.policy import Policy
from server import sample, stage


def test_the_demonstrations_policy_has_no_private_time_and_all_groups_of_the_sample():
    policy = Policy.parse(stage.demo_policy(), "policy.toml")
    assert set(sample.GROUPS) <= set(policy.group_names)
    night = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)
    assert all(policy.private_time(group, night) == "none" for group in sample.GROUPS)


def test_the_visited_host_is_flagged_and_sensitive(tmp_path):
    compile_shipped(tmp_path)
    rules = Rules.open(tmp_path)
    verdict = rules.classify("host", stage.DEMO_HOST)
    policy = Policy.parse(stage.demo_policy(), "policy.toml")
    decision = policy.decide(verdict.categories[0], stage.DEMO_GROUP, datetime(2026, 11, 22, tzinfo=UTC))
    assert verdict.matched == stage.DEMO_ENTRY
    assert rules.taxonomy.get(verdict.categories[0]).sensitive
    assert decision.response == "flag"
    rules.close()
