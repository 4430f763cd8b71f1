"""`fairwatch-server audit` says whether the chain holds and has a kept head, and writes the log out."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys

import pytest

from custody import chain

pytestmark = pytest.mark.more


def _run(*words):
    command = [sys.executable, "-m", "server", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, fresh_collector):
    data = fresh_collector(tmp_path_factory.mktemp("collector") / "data")
    for name in ("amira", "sam"):
        added = _run("user", name, "--data-dir", data, "--role", "lead", "--email", f"{name}@x.example")
        assert added.returncode == 0, added.stderr
    return data


def _head(folder):
    return json.loads(_run("audit", "verify", "--json", "--data-dir", folder).stdout)["head"]


def test_it_says_that_the_chain_holds_and_has_the_kept_head(folder):
    head = _head(folder)
    done = _run("audit", "verify", "--data-dir", folder, "--head", head)
    assert done.returncode == 0, done.stderr
    assert "the chain holds" in done.stdout
    assert "is in the log" in done.stdout


def test_a_kept_head_that_is_not_in_the_log_is_named(folder):
    done = _run("audit", "verify", "--data-dir", folder, "--head", f"2:{'a' * 64}", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["kept_heads_lost"] == [f"2:{'a' * 64}"]
    wrong = _run("audit", "verify", "--data-dir", folder, "--head", "2")
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_an_export_is_for_its_owner_only_never_goes_over_a_file_and_is_itself_on_the_record(folder, tmp_path, kind):
    out = tmp_path / f"log.{kind}"
    done = _run("audit", "export", "--data-dir", folder, "--format", kind, "-o", out)
    assert done.returncode == 0, done.stderr
    assert out.stat().st_mode & 0o077 == 0
    assert chain.check(out, [_head(folder)]).good
    assert "audit_exported" in out.read_text().splitlines()[-1 if kind == "csv" else -2]
    again = _run("audit", "export", "--data-dir", folder, "-o", out)
    assert (again.returncode, len(again.stderr.splitlines())) == (2, 1)


def test_an_export_goes_to_standard_output(folder, tmp_path):
    done = _run("audit", "export", "--data-dir", folder)
    (tmp_path / "x").write_text(done.stdout)
    assert chain.check(tmp_path / "x", []).good


def test_an_altered_log_is_told_with_its_place_by_verify_and_by_doctor(folder):
    with sqlite3.connect(folder / "collector.sqlite3") as database:
        database.execute("DROP TRIGGER store_auditentry_no_update")
        assert _run("audit", "verify", "--data-dir", folder).returncode == 1
        assert "triggers are gone" in _run("doctor", "--data-dir", folder).stdout
        database.execute("UPDATE store_auditentry SET actor = 'user:9' WHERE seq = 2")
    database.close()
    done = _run("audit", "verify", "--data-dir", folder)
    assert done.returncode == 1
    assert "BROKEN at line 2: line 2 was changed" in done.stdout
    assert "line 2 was changed" in _run("doctor", "--data-dir", folder).stdout
