"""`fairwatch-server documents` says who has still to acknowledge what."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rules import policy as policy_module
from tests.server.test_rules_in_force import sign_policy

SHIPPED = Path(policy_module.__file__).with_name("policy.toml").read_text("utf-8")
DOCUMENT = (
    '[[documents]]\nid = "code"\ntitle = "Code of conduct"\nversion = "3"\ndate = 2026-11-01\ntext = "Be kind."\n'
)


def command(*words):
    return subprocess.run(
        [sys.executable, "-m", "server", *map(str, words)], capture_output=True, text=True, timeout=120, check=False
    )


def test_before_a_policy_asks_for_anything_it_says_so(tmp_path, fresh_collector):
    fresh_collector(tmp_path / "c")
    said = command("documents", "--data-dir", tmp_path / "c")
    assert (said.returncode, said.stdout) == (0, "the signed policy asks nobody to acknowledge anything\n")
    told = json.loads(command("documents", "--json", "--data-dir", tmp_path / "c").stdout)
    assert told == {"due": [], "groups": []}


@pytest.mark.more
def test_who_has_still_to_acknowledge_what_the_signed_policy_asks_is_listed(custodians, tmp_path):
    done = command("init", "--data-dir", custodians.collector, "--name", "Made")
    assert done.returncode == 0, done.stderr
    people = tmp_path / "people.csv"
    people.write_text("account,name,group\nsam,Sam Okafor,staff\n")
    done = command("people", "import", people, "--data-dir", custodians.collector)
    assert done.returncode == 0, done.stderr
    sign_policy(custodians, f"{SHIPPED}\n{DOCUMENT}")
    done = command("publish", custodians.ceremony, "--data-dir", custodians.collector)
    assert done.returncode == 0, done.stderr
    said = command("documents", "--data-dir", custodians.collector)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout == "Sam Okafor (sam), staff: Code of conduct\nCode of conduct, version 3, staff: 0 of 1\n"
    told = json.loads(command("documents", "--json", "--group", "staff", "--data-dir", custodians.collector).stdout)
    assert told["groups"] == [
        {
            "document": "code",
            "title": "Code of conduct",
            "version": "3",
            "group": "staff",
            "people": 1,
            "acknowledged": 0,
        }
    ]
    wrong = command("documents", "--group", "nobody", "--data-dir", custodians.collector)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
