"""The demonstration's own choices: a policy that works at night, and a visit that no sample makes."""

from __future__ import annotations

import argparse
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rules.compiler import compile_shipped
from rules.engine import Rules
from rules.policy import Policy
from server import demo, sample
from server.errors import SetUpError


def test_the_demonstrations_policy_has_no_private_time_and_all_groups_of_the_sample():
    policy = Policy.parse(demo.demo_policy(), "policy.toml")
    assert set(sample.GROUPS) <= set(policy.group_names)
    night = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)
    assert all(policy.private_time(group, night) == "none" for group in sample.GROUPS)


def test_the_visited_host_is_flagged_and_sensitive(tmp_path):
    compile_shipped(tmp_path)
    rules = Rules.open(tmp_path)
    verdict = rules.classify("host", demo.DEMO_HOST)
    policy = Policy.parse(demo.demo_policy(), "policy.toml")
    decision = policy.decide(verdict.categories[0], demo.DEMO_GROUP, datetime(2026, 11, 22, tzinfo=UTC))
    assert verdict.matched == demo.DEMO_ENTRY
    assert rules.taxonomy.get(verdict.categories[0]).sensitive
    assert decision.response == "flag"
    rules.close()


def test_there_is_one_person_of_each_role():
    assert sorted(role for _, role, _ in demo.PEOPLE) == sorted(demo.ROLE_WORDS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "port .* is taken on this machine"),
        (("--keep", "."), "--keep goes with --check"),
        (("--check", "--keep", "."), "is not empty"),
        (("--check", "--journey", "moon"), "--journey moon: not known; known are laptop"),
    ],
)
def test_what_can_not_be_done_is_refused_before_anything_is_made(options, words, monkeypatch, tmp_path):
    Path(tmp_path / "something").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "Stage", None)
    parser = argparse.ArgumentParser()
    demo.add_arguments(parser)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(demo, "PORT", taken.getsockname()[1])
        with pytest.raises(SetUpError, match=words):
            demo.run(parser.parse_args(options))
