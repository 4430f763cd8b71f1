"""The document: all kinds, the same whether there are cases or none, readable as PDF, and written in the log."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from server import subject_access, subject_decisions, subject_export
from server.errors import NotThere
from server.retention_kinds import KINDS
from server.store.models import AcknowledgementRecord, AuditEntry, Incident, Person, PersonMonth, TrainingRecord
from server.subject_kinds import CASES

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


@pytest.fixture
def request_of(people, device):
    """`request_of(account)`: a listed person with totals, training and an acknowledgement, and their request."""

    def made(account):
        Person.objects.create(account=account, key=account, name="Dee Canary", group="staff", changed_at=NOW)
        rows = device.rows(3, person=device.person(account))
        assert device.send(device.totals(rows)).results == [("stored", None)]
        TrainingRecord.objects.create(
            key=account, account=account, course_key="prevent", course="Prevent", done_on=date(2026, 1, 2)
        )
        AcknowledgementRecord.objects.create(
            key=account, account=account, document="policy", version="1", at=NOW, received_at=NOW
        )
        return subject_access.start(people.dpo, account, "known", NOW.date(), NOW)

    return made


def rows_of(made):
    return {one["id"] or one["name"]: one["rows"] for one in msgspec.json.decode(made)["kinds"]}


def test_the_json_has_every_kind_and_the_persons_own_rows(request_of, people, device):
    device.send(device.totals(device.rows(5, person=device.person("eve"), seconds=77)))
    made = subject_export.export(request_of("dee"), "json", "user:1", NOW)
    rows = rows_of(made)
    assert {kind.id for kind in KINDS} <= rows.keys()
    assert len(rows["usage"]) == 3
    assert rows["people"][0]["name"] == "Dee Canary"
    assert rows["training"][0]["course"] == "Prevent"
    assert rows["acknowledgements"][0]["document"] == "policy"
    assert rows["requests"][0]["received_on"] == "2026-11-20"
    assert b"eve" not in re.sub(rb"[a-z]*(every|never|ever|even|event)[a-z]*", b"", made)
    for one in msgspec.json.decode(made)["kinds"]:
        assert one["kept"], one["name"]
        assert one["without"] or isinstance(one["rows"], list)


def as_if_one(made, account):
    """A document with what must differ between two people taken out: account, ids and times."""
    # Ids first: one of them may hold the letters of an account.
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", made.decode())
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    return text.replace(account, "ACCOUNT")


def test_promise_no_export_changes_by_a_byte_whether_there_are_cases_or_none(request_of, device, people, lead_key):
    with_case, without = request_of("dee"), request_of("eva")
    for urgent in (True, False):
        parcel = device.alert(lead_key, person="dee", urgent=urgent)
        assert device.send(parcel).results == [("stored", None)]
    assert Incident.objects.count() == 2

    def made():
        return [
            as_if_one(subject_export.export(one, "json", "user:1", NOW), one.account) for one in (with_case, without)
        ]

    first, second = made()
    assert first == second
    assert "FW-" not in first
    # What is withheld reads as what is not there, to the person.
    subject_decisions.decide(people.lead, with_case.pk, "withhold", "harm", NOW.date() + timedelta(days=9), NOW)
    subject_decisions.decide(people.lead, without.pk, "nothing", "", None, NOW)
    assert made() == [first, second]
    subject_decisions.decide(people.lead, with_case.pk, "release", "", None, NOW + timedelta(hours=1))
    first, second = made()
    assert "A lead has decided to give you records" in first
    assert CASES in second


def test_the_pdf_reads_and_says_rights_and_periods(request_of, tmp_path):
    path = tmp_path / "dee.pdf"
    path.write_bytes(subject_export.export(request_of("dee"), "pdf", "command", NOW))
    text = subprocess.run(["pdftotext", str(path), "-"], capture_output=True, text=True, check=True).stdout
    words = " ".join(text.split())
    for said in (
        "What Bright Path Training holds about you in Fairwatch",
        "neither confirms nor denies that there are any about you",
        "s0.example, s1.example, s2.example",
        "3 min",
        "45 days after the end of their month",
        "Nothing is held about you of these kinds",
        "ico.org.uk",
    ):
        assert said in words, said
    assert AuditEntry.objects.get(action="subject_exported").actor == "command"


def test_on_paper_a_long_table_says_how_many_rows_only_the_json_has():
    rows = [
        {"day": date(2026, 1, 1), "course": f"c{n}", "until": None} for n in range(subject_export.PAPER_ROWS_MAX + 7)
    ]
    held = subject_export.HeldKind(
        id="training", name="T", purpose="p", source="s", seen_by="n", kept="k", reason="r", rows=rows
    )
    short = subject_export.table(held)
    assert (short.columns, short.rows[0], short.left_out) == (["Day", "Course"], ["1 Jan 2026", "c0"], 7)


def test_each_export_is_in_the_log_and_another_format_is_refused(request_of):
    request = request_of("dee")
    for _ in range(2):
        subject_export.export(request, "json", "user:1", NOW)
    assert AuditEntry.objects.filter(action="subject_exported", subject=f"subject_request:{request.pk}").count() == 2
    with pytest.raises(NotThere, match="made as pdf or json"):
        subject_export.export(request, "docx", "user:1", NOW)


def test_who_is_not_known_here_gets_a_document_that_says_so(people):
    request = subject_access.start(people.dpo, "nobody@x.example", "document", NOW.date(), NOW)
    rows = rows_of(subject_export.export(request, "json", "user:1", NOW))
    assert {name: len(some) for name, some in rows.items() if some} == {"requests": 1}
    assert subject_export.export(request, "pdf", "user:1", NOW).startswith(b"%PDF")
    assert not PersonMonth.objects.exists()
