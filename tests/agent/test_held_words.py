"""What is held is said in plain words, the same for everybody where it does not depend on who asks."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from msgspec import structs

from agent.health import HealthReport, SourceHealth
from agent.held import Held, Person, held
from agent.held_words import as_notice, unavailable
from agent.notice import FLAG_WORDS, as_text
from agent.tally import OwnTotal
from protocol.limits import TOTALS_KEPT_DAYS
from rules.policy import Contacts

NOW = datetime.fromisoformat("2026-03-04T12:00:00+00:00")
TODAY = date(2026, 3, 4)
REPORT = HealthReport(
    sources=(SourceHealth(name="foreground", state="unknown", reason="The session uses Wayland."),),
    spool="normal", last_contact=NOW, versions={},
)  # fmt: skip
TOTALS = (
    OwnTotal(day=TODAY, kind="host", category="news", name="bbc.co.uk", seconds=7500, visits=2, handed_on_seconds=60),
    OwnTotal(day=date(2026, 2, 3), kind="host", category="other", name=None, seconds=20, visits=1),
    OwnTotal(day=TODAY, kind="app", category="games", name="linux:exe:chess", seconds=600, visits=1),
    OwnTotal(day=TODAY, kind="app", category="social_networking", name="service:tiktok", seconds=1200, visits=1),
)


@pytest.fixture
def told(bundle) -> Held:
    person = Person("sam", "learners", watched=True, collected_from=NOW - timedelta(days=40))
    documents = {
        "acknowledged": [{"title": "Code of conduct", "version": "3", "at": NOW.isoformat()}],
        "waiting": [{"title": "Staff handbook", "version": "4"}],
    }
    return held(person, TOTALS, documents, bundle, REPORT, collector="https://c.example", now=NOW)


def words_of(told: Held) -> str:
    return " ".join(as_text(as_notice(told)).split())


def test_it_says_totals_rules_documents_and_rights(told):
    words = words_of(told)
    for sentence in (
        "For sam, on this device, 4 March 2026.",
        "watches this account since 23 January 2026.",
        "Which app is in front, and for how long: not seen. The session uses Wayland.",
        "Websites Today March February",
        "News and weather 2 h 05 min 2 h 05 min -",
        "bbc.co.uk 2 h 05 min",
        "Other - - under 1 min",
        "chess 10 min 10 min -",
        "TikTok (likely app use) 20 min 20 min -",
        "Handed on for the collector, of the totals above: 1 min.",
        "You are under the rules for Learners.",
        "Flagged at once: Suicide",
        "Exception: Weapons, one site: ignored, as part of a course, until 31 July 2026.",
        "Never collected: payroll.example.org.",
        "You acknowledged: Code of conduct, version 3 on 2026-03-04",
        "Waiting to be read: Staff handbook, version 4",
        f"until {TOTALS_KEPT_DAYS} days after the end of their month",
        "Schedule 2, paragraph 16",
        "ico.org.uk/make-a-complaint",
        "the data protection officer.",
        FLAG_WORDS,
    ):
        assert sentence in words, sentence


def test_the_people_to_ask_are_those_of_the_signed_policy(told):
    contacts = Contacts(safeguarding_lead="safe@example.org", data_protection_officer="privacy@example.org")
    words = words_of(structs.replace(told, rules=structs.replace(told.rules, contacts=contacts)))
    assert "the data protection officer: privacy@example.org." in words
    assert "the safeguarding lead: safe@example.org." in words


def test_who_signed_and_when_is_said(told):
    signed = structs.replace(told.rules, policy_version=7, signed_at=NOW, signed_by=("Alex", "Sam"))
    assert "Policy version 7, signed on 4 March 2026 by Alex and Sam." in words_of(structs.replace(told, rules=signed))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"watched": False}, "does not watch this account."),
        ({"collected_from": None}, "Nothing about you is collected yet."),
        ({"collected_from": NOW + timedelta(days=9)}, "Nothing is collected before 13 March 2026."),
        ({"rules": None}, "There are none yet, and nothing is collected without."),
        ({"sums": ()}, "Nothing about you is counted on this device."),
    ],
)
def test_what_is_not_there_is_said_too(told, changed, sentence):
    assert sentence in words_of(structs.replace(told, **changed))


def test_without_the_service_flags_rights_and_times_are_said_in_the_same_words(told):
    without = unavailable("the service is not running here, so it can't be asked.")
    said = {section.heading: section for section in as_notice(told).sections}
    for heading in ("Flags", "How long", "What may be left out", "Your rights"):
        assert said[heading] in without.sections


def test_what_can_not_be_seen_of_private_windows_follows_the_signed_policy(told):
    private = {"private_windows": True}
    for more, words in (
        ({}, "Private windows of a browser."),
        (private, "Private windows of a browser that does not let the program see them."),
        (private | {"looked_up_names": True}, "see them, but for names that it looks up."),
    ):
        assert words in words_of(structs.replace(told, rules=structs.replace(told.rules, **more)))
