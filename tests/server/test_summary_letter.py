"""The mail that carries a summary says what it is, whom it is for, and attaches no more than they may read."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import msgspec
import pytest

from server import summary_letter
from server.errors import NotDelivered
from server.notify_config import Summaries
from server.store.models import MonthlySummary, OutboxMessage
from server.summary_document import write
from tests.server.test_summary_formats import SUMMARY

pytestmark = pytest.mark.django_db
BOARD = "chair@board.example"


@pytest.fixture
def row(settings, people):
    """`row(address, …)`: October's summary, waiting to go to an address; `revision=1` and the like change it."""

    def make(address=BOARD, **changes):
        settings.CONFIG = replace(settings.CONFIG, summary=Summaries((address,)))
        made = msgspec.structs.replace(SUMMARY, **changes)
        kept = MonthlySummary(month="2026-10", revision=made.revision, made_at=made.made_at, document=write(made))
        return OutboxMessage(kind="summary", contact=address, summary=kept, once_key="summary:1:x")

    return make


def text_of(letter):
    [pdf] = letter.attachments
    given = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf.content, capture_output=True, check=True)
    return given.stdout.decode()


def test_a_first_version_says_what_it_awaits(row):
    letter = summary_letter.letter(row(revision=1, sealed=None))
    assert letter.subject == "Fairwatch: monthly summary of October 2026"
    assert "await the safeguarding lead" in letter.body
    assert "/summary/?month=2026-10" in letter.body
    assert "version" not in letter.body.replace("a new version comes", "")


def test_a_later_version_says_that_it_is_one(row):
    letter = summary_letter.letter(row())
    assert letter.subject.endswith("October 2026, version 2")
    assert "stands in the place of any that you had before" in letter.body
    assert "await" not in letter.body
    assert letter.attachments[0].name == "fairwatch-2026-10-version-2.pdf"
    assert "Cases received" in text_of(letter)


def test_a_lead_is_sent_no_count_of_cases_and_nobody_who_left_anything(row, people):
    mine = row(people.lead.email)
    assert "Cases received" not in text_of(summary_letter.letter(mine))
    assert summary_letter.is_for(mine)
    people.lead.is_active = False
    people.lead.save()
    assert not summary_letter.is_for(mine)
    with pytest.raises(NotDelivered):
        summary_letter.letter(mine)


def test_who_is_not_named_any_more_is_not_sent_what_waits(row, settings):
    waiting = row()
    assert summary_letter.is_for(waiting)
    settings.CONFIG = replace(settings.CONFIG, summary=Summaries())
    assert not summary_letter.is_for(waiting)


def test_a_report_that_can_not_be_made_is_a_fault_like_another(row, monkeypatch):
    monkeypatch.setattr("server.summary_formats.as_pdf", _full)
    with pytest.raises(NotDelivered, match="unmade"):
        summary_letter.letter(row(organisation="One that was not made and remembered"))


def _full(_summary):
    raise OSError(28, "No space left on device")
