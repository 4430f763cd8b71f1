"""Managers and the data protection officer read, save and record the yearly review; a partner's manager does not."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from playwright.sync_api import expect

from server import board
from server.store.models import BoardRecord, MonthlySummary
from server.summary_document import write
from tests.server.months import year
from tests.server.web.look import look

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
RECORD = "/review/record"


@pytest.fixture
def kept(organisation):
    for one in year():
        MonthlySummary.objects.create(month=one.month, revision=2, made_at=NOW, document=write(one))


@pytest.fixture
def officer(client, people):
    client.force_login(people.dpo)
    return client


@pytest.mark.django_db
def test_a_partners_manager_does_not_enter_and_records_nothing(client, people, kept):
    people.manager.groups = ["learners"]
    people.manager.save()
    client.force_login(people.manager)
    for address in ("/review/", "/review/read", "/review/file", "/review/inspection.pdf"):
        assert client.get(address).status_code == 403
    assert client.post(RECORD, {"kind": "governor", "text": "Me"}).status_code == 403
    assert "/review/" not in client.get("/training/").content.decode()
    assert not BoardRecord.objects.exists()


@pytest.mark.django_db
def test_it_is_read_and_saved_in_each_form(officer, kept):
    page = officer.get("/review/read?until=2026-10").content.decode()
    assert "Yearly review, November 2025 to October 2026" in page
    assert "<style" not in page
    for form in ("html", "pdf", "json"):
        answer = officer.get(f"/review/file?until=2026-10&form={form}")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="fairwatch-review-2026-10.{form}"'
    assert officer.get("/review/file?form=docx").status_code == 404
    refused = officer.get("/review/file?until=2999-01")
    assert (refused.status_code, "2999-01 is not over yet" in refused.content.decode()) == (404, True)


@pytest.mark.django_db
def test_the_pack_is_saved_and_without_a_policy_it_says_what_is_missing(officer, custodians, monkeypatch):
    refused = officer.get("/review/inspection.pdf")
    assert (refused.status_code, "No policy is published here yet" in refused.content.decode()) == (409, True)
    custodians.publish()
    monkeypatch.setattr(settings, "DATA_DIR", custodians.collector)
    assert officer.get("/review/inspection.pdf").content.startswith(b"%PDF-")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "decision", "text": "Keep <this>", "people": "All", "on": "2999-01-01"}, "between 1990 and today"),
        ({"kind": "decision", "text": "Keep <this>", "people": "All"}, "The day is missing"),
        ({"kind": "point", "text": "Keep <this>" + "x" * 2000}, "nothing was recorded"),
        ({"kind": "rubbish"}, "nothing was recorded"),
    ],
)
def test_a_slip_costs_nothing_of_what_was_typed(officer, given, said):
    page = officer.post(RECORD, given)
    assert page.status_code == 422
    assert said in page.content.decode()
    if given["kind"] != "rubbish":
        assert "Keep &lt;this&gt;" in page.content.decode()
    assert not BoardRecord.objects.exists()


@pytest.mark.django_db
def test_each_form_records_its_kind(officer, people):
    for given in (
        {"kind": "senior_leader", "text": "Ada Reid"},
        {"kind": "governor", "text": "Jo Lane"},
        {"kind": "assessment", "on": "2026-03-03", "text": "No high risk is left."},
        {"kind": "next_review", "on": f"{datetime.now(ZoneInfo('Europe/London')):%Y-%m-%d}"},
        {"kind": "point", "text": "More deputies?"},
        {"kind": "decision", "on": "2026-03-03", "text": "Go on.", "people": "All"},
    ):
        assert officer.post(RECORD, given).status_code == 302, given
    point = BoardRecord.objects.get(kind="point").pk
    assert officer.post(RECORD, {"kind": "settled", "point": point, "text": "One more."}).status_code == 302
    assert officer.post(RECORD, {"kind": "settled", "point": point, "text": "Two more."}).status_code == 422
    assert officer.post(RECORD, {"kind": "settled", "text": "Of nothing."}).status_code == 404
    page = officer.get("/review/").content.decode()
    for words in ("Ada Reid", "Jo Lane", "No high risk is left.", "More deputies?", "One more.", "Go on."):
        assert words in page
    assert BoardRecord.objects.count() == 7


@pytest.mark.more
@pytest.mark.django_db(transaction=True)
def test_the_board_s_decision_is_recorded_in_the_browser_and_the_review_shows_it(signed_in, people, kept):
    board.assess(people.dpo, date(2026, 3, 3), "No high risk is left.", NOW)
    board.raise_point(people.manager, "Do we need another deputy for the evenings?", NOW)
    page = signed_in(people.manager)
    page.goto("/review/")
    page.fill("#held", "2026-11-03")
    page.fill("#people", "Ada Reid, Tom Hale, Jo Lane")
    page.fill("#text", "We go on as it is, with one more deputy.")
    page.click("button:has-text('Record the board’s decision')")
    expect(page.locator("[role=status]")).to_have_text("Recorded, beside what was recorded before.")
    page.click("summary")
    look(page, "review")
    page.click("button:has-text('Read it')")
    expect(page.locator("h1")).to_have_text("Yearly review, November 2025 to October 2026")
    expect(page.locator("#board")).to_contain_text("We go on as it is, with one more deputy.")
    look(page, "review-read")
    assert page.faults == []
