"""The whole log goes out line by line, and what went out can be checked without the collector."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from custody import chain
from server import audit, audit_export
from server.store.models import AuditDetail

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
NASTY = ("=HYPERLINK(1)", "'=x", 'a "quoted", line\nand another', "é ☃ \u202e", "]}")


@pytest.fixture
def log(people):
    for text in NASTY:
        audit.write(audit.actor_of(people.lead), "note_added", "incident:1", text, now=NOW)
    return people


def _written(kind, path):
    path.write_bytes(b"".join(audit_export.export(kind, NOW)))
    return path


@pytest.mark.parametrize("kind", audit_export.FORMATS)
def test_an_export_holds_when_checked_elsewhere(log, tmp_path, kind):
    found = chain.check(_written(kind, tmp_path / "export"), [f"{audit.head()[0]}:{audit.head()[1]}"])
    assert found.good
    assert found.last.seq == len(NASTY)


def test_json_is_json_with_every_hash_and_names_beside_it(log, tmp_path):
    read = json.loads(_written("json", tmp_path / "export").read_text())
    assert read["head"] == f"{audit.head()[0]}:{audit.head()[1]}"
    assert [line["detail"] for line in read["lines"]] == list(NASTY)
    assert {line["who"] for line in read["lines"]} == {"The safeguarding lead, safeguarding lead"}
    assert read["lines"][1]["previous"] == read["lines"][0]["hash"]


def test_no_cell_of_a_table_is_a_formula(log, tmp_path):
    rows = list(csv.reader(io.StringIO(_written("csv", tmp_path / "export").read_text())))
    assert len(rows) == 1 + len(NASTY)
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_erased_words_leave_a_line_that_still_holds(log, tmp_path):
    AuditDetail.objects.filter(pk=2).delete()
    assert chain.check(_written("json", tmp_path / "export"), []).good


def test_an_export_ends_where_the_log_ended_when_it_began(log, tmp_path):
    pieces = audit_export.export("json", NOW)
    begun = next(pieces)
    audit.write("user:1", "later", "x")
    lines = json.loads(begun + b"".join(pieces))["lines"]
    assert len(lines) == len(NASTY)


@pytest.mark.parametrize("kind", audit_export.FORMATS)
def test_an_empty_log_is_an_export_too(people, tmp_path, kind):
    assert chain.check(_written(kind, tmp_path / "export"), []).last.seq == 0


def test_it_is_named_after_its_day():
    assert audit_export.file_name("csv", NOW) == "fairwatch-audit-2026-11-22.csv"
