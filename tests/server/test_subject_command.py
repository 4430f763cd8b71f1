"""`fairwatch-server subject-access` writes the document of an open request, and of nobody else."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from server import subject_access
from server.__main__ import main
from server.store.models import AuditEntry

NOW = datetime.now(UTC)


@pytest.fixture
def folder(data_dir, people):
    """A collector's folder as `init` leaves it."""
    key = data_dir / "keys" / "django"
    key.parent.mkdir(exist_ok=True)
    key.write_text("secret")
    return data_dir


def run(folder, *words):
    return main(["subject-access", *words, "--data-dir", str(folder)])


def test_it_writes_the_file_and_the_log_says_that_it_was_the_console(people, folder, tmp_path, capsys):
    subject_access.start(people.dpo, "dee", "known", NOW.date(), NOW)
    out = tmp_path / "dee.json"
    assert run(folder, "DEE", "--format", "json", "--json", "-o", str(out)) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"]
    assert told["file"] == str(out)
    assert json.loads(out.read_bytes())["account"] == "dee"
    assert out.stat().st_mode & 0o077 == 0
    assert AuditEntry.objects.get(action="subject_exported").actor == "command"


def test_without_a_request_nothing_is_told_of_anybody(people, folder, tmp_path, capsys):
    assert run(folder, "dee", "-o", str(tmp_path / "dee.pdf")) == 2
    assert "no open request for this account" in capsys.readouterr().err
    assert not (tmp_path / "dee.pdf").exists()
    assert not AuditEntry.objects.exists()
