"""`fairwatch-server people import` tells, imports and refuses, on a data folder that `init` made."""

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


def test_it_says_what_would_change_and_then_changes_it(collector, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("account;name\nanna;Anna Adams\nben;=Ben\n")
    dry = command("people", "import", file, "--dry-run", "--data-dir", collector)
    assert "Nothing was changed. It would be: 1 new" in dry.stdout
    assert dry.stdout.endswith(", 1 line left out\n")
    assert "Anna" not in dry.stdout
    done = command("people", "import", file, "--json", "--data-dir", collector)
    said = json.loads(done.stdout)
    assert (said["new"], said["left_out"], said["done"], said["problems"][0]["line"]) == (1, 1, True, 3)
    assert (dry.returncode, done.returncode) == (1, 1)
    assert f"{file} line 3: the real name begins with" in dry.stderr
    file.write_text("account;name\nanna;Anna Adams\n")
    again = command("people", "import", file, "--json", "--data-dir", collector)
    assert (again.returncode, json.loads(again.stdout)["unchanged"]) == (0, 1)


def test_what_is_no_list_is_refused_in_one_line(collector, tmp_path):
    file = tmp_path / "people.xlsx"
    file.write_bytes(b"PK\x03\x04")
    for path, words in ((file, "this is a spreadsheet's own file"), (tmp_path / "none.csv", "No such file")):
        done = command("people", "import", path, "--data-dir", collector)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert words in done.stderr
