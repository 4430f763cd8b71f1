"""`fairwatch-server partners` lists, changes and ends, on a data folder that `init` made."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def collector(tmp_path_factory, fresh_collector):
    return fresh_collector(tmp_path_factory.mktemp("collector") / "data")


def command(*words):
    return subprocess.run(
        [sys.executable, "-m", "server", *map(str, words)], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.more
def test_a_partner_is_added_changed_listed_and_ended(collector):
    def run(*words):
        done = command("partners", *words, "--data-dir", collector)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert run("set", "North College", "--lead", "Dana Reed", "--agreement", "2020-09-01") == "North College: added\n"
    assert run("set", "north college", "--policy", "2020-10-01", "--due", "2020-12-01") == "North College: changed\n"
    (one,) = json.loads(run("--json"))["partners"]
    assert (one["lead"], one["agreement_on"], one["policy_on"], one["due_on"], one["state"], one["missing"]) == (
        "Dana Reed", "2020-09-01", "2020-10-01", "2020-12-01", "overdue", ["the training"],
    )  # fmt: skip
    run("set", "North College", "--due", "")
    assert "overdue  North College (lead: Dana Reed), due 2021-09-01; never confirmed: the training" in run()
    assert run("end", "North College") == "North College: ended\n"
    assert run() == "no partners yet\n"


def test_what_can_not_be_meant_is_refused_in_one_line(collector):
    for words, said in (
        (("set",), "set needs a partner's name"),
        (("end", "Nobody"), "no partner is called 'Nobody'"),
        (("list", "North"), "a name and details go with set"),
        (("set", "X", "--policy", "01/02/2026"), "--policy must be a day like 2026-07-31"),
        (("set", "X", "--policy", "2999-01-01"), "the date of the policy must lie between 1990 and today"),
    ):
        done = command("partners", *words, "--data-dir", collector)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert said in done.stderr
