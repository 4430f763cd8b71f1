"""The rules in force can be read by everybody whom they concern, in words, and tell nobody a sensitive site."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from rules import policy as policy_module

pytestmark = pytest.mark.django_db

SHIPPED = Path(policy_module.__file__).with_name("policy.toml").read_text("utf-8")
LATER = (
    SHIPPED.replace('gambling = "flag"', 'gambling = "total"').replace(
        "never_collect = []", 'never_collect = ["payroll.example"]'
    )
    + """
[[exceptions]]
category = "weapons"
site = "armoury.example"
group = "learners"
reason = "course_content"
until = 2026-12-31

[[exceptions]]
category = "games"
site = "chess.example"
response = "ignore"
reason = "course_content"
until = 2020-01-31
"""
)


def words(answer) -> str:
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(text.replace("&#x27;", "'").split())


def signed_again(organisation, text):
    rules = organisation.folder / "rules"
    (rules / "policy.toml").write_text(text)
    lists = [rules / name for name in ("policy.toml", "categories.toml", "protected.pack", "nameable.pack")]
    assert organisation.sign("policy", *lists) == 0
    assert organisation.sign(key="second") == 0
    organisation.publish()


@pytest.fixture
def published(custodians, monkeypatch, organisation):
    """A collector with two custodians, on which a second policy followed the first."""
    custodians.publish()
    signed_again(custodians, LATER)
    monkeypatch.setattr(settings, "DATA_DIR", custodians.collector)
    return custodians


def test_before_the_first_policy_the_page_says_that_nothing_is_collected(organisation):
    answer = Client().get("/rules/")
    assert answer.status_code == 200
    assert "No policy was published yet" in words(answer)


def test_a_stranger_reads_the_policy_in_words_and_no_name_of_anybody_who_signed(published):
    answer = Client().get("/rules/")
    page = words(answer)
    assert "Rules in force Policy version 3" in page
    assert "Flagged at once" in page
    assert re.search(r"Reminded .* Games – 30 minutes a day", page)
    assert "Learners Monday to Friday, 08:00 to 18:00 Nothing is collected but what is flagged at once" in page
    assert "Never collected, whatever the time: payroll.example" in page
    assert "2 of 2 custodians" in page
    assert "second" not in page
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert "Sign out" not in page


@pytest.mark.parametrize("role", ["lead", "deputy", "it", "manager", "dpo"])
def test_whoever_signed_in_reads_the_same_and_who_signed(role, published, people):
    client = Client()
    client.force_login(getattr(people, role))
    page = words(client.get("/rules/"))
    assert "Flagged at once" in page
    assert re.search(r"custodian\S* and second|by \S+ and second|second", page)
    assert '<a href="/rules/" aria-current="page">' in client.get("/rules/").content.decode()


def test_what_changed_is_told_for_each_version_and_a_sensitive_site_never_is(published):
    page = words(Client().get("/rules/"))
    history = page.partition("What changed")[2]
    assert "Gambling: flagged, repeats within 60 minutes are one → counted" in history
    assert "Exception: Weapons, one site, Learners: new: ignored, part of a course, until 31 December 2026" in history
    assert "Exception: Games, chess.example, everyone" in history
    assert "Version 2" in history
    assert "The first policy." in history
    assert "armoury.example" not in page


def test_an_exception_that_is_over_is_said_to_be(published):
    page = words(Client().get("/rules/"))
    assert "Games chess.example everyone ignored part of a course 31 Jan 2020 ended" in page


def test_before_the_start_date_it_says_that_nothing_is_collected_yet(published):
    day = (datetime.now(UTC) + timedelta(days=40)).date()
    signed_again(published, SHIPPED.replace("start_date = 2026-01-01", f"start_date = {day}"))
    assert f"Nothing is collected before {day.day} {day:%B %Y}." in words(Client().get("/rules/"))


def test_a_pack_on_trial_is_said_to_be(published):
    signed_again(published, SHIPPED.replace("curated = 2000", "curated = 5"))
    assert "on trial grown past 5 entries" in words(Client().get("/rules/"))


def test_rules_changed_by_hand_are_not_shown(published):
    for path in (published.collector / "rules" / "targets" / "policy").glob("*.policy.toml"):
        path.write_text(path.read_text().replace("flag", "ignore"))
    answer = Client().get("/rules/")
    assert answer.status_code == 200
    page = words(answer)
    assert "were changed by hand on this collector and are not shown" in page
    assert "Flagged" not in page


def test_the_page_only_answers(published):
    assert Client().post("/rules/").status_code == 405
    assert Client().head("/rules/").status_code == 200
