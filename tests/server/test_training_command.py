"""`fairwatch-server training` imports dates and says who is due, on a data folder that `init` made."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

FILE = "account;course;done;due\nanna;Prevent;2026-01-31;2026-02-01\nben;Prevent;2026-01-31;\n"


@pytest.fixture(scope="module")
def collector(tmp_path_factory, fresh_collector):
    folder = fresh_collector(tmp_path_factory.mktemp("collector") / "data")
    people = folder / "people.csv"
    people.write_text("account,name,group\nanna,Anna Adams,staff\n")
    assert command("people", "import", people, "--data-dir", folder).returncode == 0
    return folder


def command(*words):
    return subprocess.run(
        [sys.executable, "-m", "server", *map(str, words)], capture_output=True, text=True, timeout=120, check=False
    )


def test_dates_are_looked_at_imported_and_then_say_who_is_due(collector, tmp_path):
    file = tmp_path / "training.csv"
    file.write_text(FILE)
    dry = command("training", "import", file, "--dry-run", "--data-dir", collector)
    assert (dry.returncode, dry.stderr) == (0, "")
    assert "Nothing was changed. It would be: 2 new" in dry.stdout
    assert "Prevent: 2 lines (a new course)" in dry.stdout
    assert "1 sign-in names are not in the list of people: ben" in dry.stdout
    done = command("training", "import", file, "--json", "--data-dir", collector)
    assert json.loads(done.stdout) == {
        "new": 2, "changed": 0, "gone": 0, "unchanged": 0, "courses": {"Prevent": 2},
        "not_in_the_list_of_people": ["ben"], "done": True,
    }  # fmt: skip
    told = json.loads(command("training", "due", "--json", "--group", "staff", "--data-dir", collector).stdout)
    late, missing = told["due"]
    assert (late["name"], late["course"], late["due_on"], late["state"]) == (
        "Anna Adams", "Prevent", "2026-02-01", "overdue",
    )  # fmt: skip
    assert (missing["course"], missing["due_on"], missing["state"]) == ("Safeguarding", None, "missing")
    said = command("training", "due", "--data-dir", collector).stdout
    assert "overdue  Anna Adams (anna), staff: Prevent, due 2026-02-01, last done 2026-01-31" in said


def test_what_can_not_be_meant_is_refused_in_one_line(collector, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text(f"{FILE}carol;Prevent;2026-02-30;\n")
    for words, said in (
        (("import", bad), "nothing was imported: line 4: the date done can't be read"),
        (("import",), "import needs a file"),
        (("due", bad), "go with import"),
        (("due", "--group", "nobody"), "nobody is known in the group 'nobody'"),
    ):
        done = command("training", *words, "--data-dir", collector)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert said in done.stderr
