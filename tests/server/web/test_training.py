"""The page of training shows who is due to each role's own groups, and imports only what was looked at."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from playwright.sync_api import expect

from server.store.models import Person, TrainingRecord
from tests.server.web.look import look

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
FILE = "account,course,done,due\nsam,Prevent,2026-01-31,2026-02-01\nkit,Safeguarding,2026-01-31,\n"


@pytest.fixture
def staff(people):
    for account, name, group in (("sam", "Sam Okafor", "staff"), ("lee", "Lee <b>Moss</b>", "learners")):
        Person.objects.create(account=account, key=account, name=name, group=group, changed_at=NOW)
        TrainingRecord.objects.create(
            account=account, key=account, course="Prevent", course_key="prevent", done_on=date(2020, 1, 1)
        )
    return people


def signed(user):
    client = Client()
    client.force_login(user)
    return client


def upload(client, address, text=FILE, **more):
    return client.post(address, {"file": SimpleUploadedFile("training.csv", text.encode()), **more})


@pytest.mark.django_db
def test_each_sees_the_groups_that_their_account_is_for(staff):
    for user, sees_sam in ((staff.it, True), (staff.manager, True), (staff.lead, True), (staff.partner, False)):
        page = signed(user).get("/training/").content.decode()
        assert ("Sam Okafor" in page) == sees_sam
        assert "Lee &lt;b&gt;Moss&lt;/b&gt;" in page
    chosen = signed(staff.it).get("/training/?group=learners").content.decode()
    assert "Sam Okafor" not in chosen


@pytest.mark.django_db
def test_only_it_and_managers_of_the_whole_organisation_import(staff):
    staff.manager.groups = ["learners"]
    staff.manager.save()
    for address in ("/training/data/preview", "/training/data/import"):
        refused = upload(signed(staff.manager), address)
        assert (refused.status_code, "sam" in refused.content.decode()) == (403, False)
    for user in (staff.manager, staff.lead):
        assert "training-form" not in signed(user).get("/training/").content.decode()


@pytest.mark.django_db
def test_only_what_was_looked_at_is_imported(people):
    client = signed(people.it)
    told = upload(client, "/training/data/preview").json()
    assert told["new"][0] == ["sam", "Prevent", "2026-01-31", "2026-02-01"]
    assert told["strangers"] == [["kit"], ["sam"]]
    other = upload(client, "/training/data/import", f"{FILE}zed,Prevent,2026-01-01,\n", counts=told["looked_at"])
    assert (other.status_code, TrainingRecord.objects.count()) == (409, 0)
    wrong = upload(client, "/training/data/preview", f"{FILE}zed,Prevent,2026-13-01,\n")
    assert wrong.json()["error"].startswith("Nothing was imported: line 4:")
    done = upload(client, "/training/data/import", counts=told["looked_at"])
    assert (done.status_code, TrainingRecord.objects.count()) == (200, 2)


@pytest.mark.more
@pytest.mark.django_db(transaction=True)
def test_a_file_is_looked_at_imported_and_listed_in_the_browser(signed_in, staff, tmp_path):
    file = tmp_path / "training.csv"
    today = datetime.now(UTC).date()
    file.write_text(
        f"account,course,done,due\nsam,Safeguarding,{today - timedelta(days=300)},{today + timedelta(days=9)}\n"
    )
    page = signed_in(staff.manager)
    page.goto("/training/")
    expect(page.locator("tbody").first).to_contain_text("Sam Okafor")
    page.set_input_files("#training-file", file)
    page.check("#training-whole")
    page.click("#training-look")
    expect(page.locator("#training-told")).to_contain_text("1 new, 0 changed, 2 taken out, 0 as before.")
    expect(page.locator("#training-told")).to_contain_text("Most dates would be taken out.")
    page.uncheck("#training-whole")
    expect(page.locator("#training-preview")).to_be_hidden()
    page.click("#training-look")
    expect(page.locator("#training-told")).to_contain_text("1 new, 0 changed, 0 taken out, 0 as before.")
    look(page, "training-preview")
    page.click("#training-go")
    expect(page.locator("#training-done")).to_contain_text("Imported: 1 new")
    page.reload()
    expect(page.locator("tbody").first).to_contain_text("due soon")
    page.select_option("#group", "learners")
    page.click("button:has-text('Show')")
    expect(page.locator("tbody").first).not_to_contain_text("Sam Okafor")
    look(page, "training")
    assert page.faults == []
