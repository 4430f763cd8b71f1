"""What the papers claim follows from the configuration: nothing is said to be met that is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from rules.policy import Policy
from server import papers_words
from server.config import Config
from server.notify_config import Contact, Mail
from server.papers import POLICY_FILE, Reader, Signed, of_defaults
from server.phone_settings import PhoneSettings
from server.retention_kinds import KINDS


@pytest.fixture
def facts():
    return of_defaults()


def with_policy(facts, **changes):
    text = POLICY_FILE.read_text("utf-8")
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    return replace(facts, policy=Policy.parse(text, "policy.toml"))


def test_every_period_is_the_one_that_is_enforced_here(facts):
    said = {one.what: one.period for one in papers_words.kept(facts)}
    assert set(said) == {kind.name for kind in KINDS}
    assert said["Messages that were sent or given up"] == "30 days after they were written"
    chosen = replace(facts, config=Config(retention={"messages": 77}))
    changed = {one.what: one.period for one in papers_words.kept(chosen)}
    assert changed["Messages that were sent or given up"] == "77 days after they were written"
    assert papers_words.days("cases", replace(facts, config=Config(retention={"cases": 365}))) == 365


def test_what_says_most_of_a_person_is_told_in_the_short_papers_too(facts):
    short = papers_words.kept_of_persons(facts)
    assert len(short) == len(papers_words.OF_PERSONS)
    assert "Each person’s totals of use" in [one.what for one in short]


def test_what_is_not_deleted_by_age_is_said(facts):
    assert "Open cases" in [one.what for one in papers_words.kept_for_good()]


def test_no_heading_of_content_is_called_met_since_pages_are_not_seen(facts):
    lines = papers_words.content(facts)
    assert {line.standing for line in lines} == {"partly"}
    assert {line.asked for line in lines} >= {"Suicide", "Extremism", "Bullying", "Child sexual exploitation"}


def test_a_category_that_the_policy_does_not_flag_for_everybody_is_not_met(facts):
    for new in ('drugs = "total"', 'drugs = { response = "ignore" }'):
        changed = with_policy(facts, drugs=('drugs = "flag"', new))
        (line,) = [line for line in papers_words.content(changed) if line.asked == "Drugs"]
        assert line.standing == "not met"


def test_telling_people_is_met_only_with_a_mail_server_and_somebody_out_of_hours(facts):
    def standing(config):
        (line,) = [
            one for one in papers_words.features(replace(facts, config=config)) if one.asked == "Alert management"
        ]
        return line

    mail = Mail(host="smtp.example.org", sender="fw@example.org")
    assert standing(Config()).standing == "partly"
    assert "No mail server" in standing(Config()).how
    assert standing(Config(mail=mail)).standing == "partly"
    assert standing(Config(mail=mail, contacts=(Contact("Night", "night@example.org"),))).standing == "met"


def test_roles_are_assigned_only_once_somebody_may_open_cases(facts):
    assert papers_words.standards(facts)[0].standing == "yours"
    named = replace(facts, readers=(Reader("Sam Okafor", "lead", ()),))
    assert papers_words.standards(named)[0].standing == "partly"
    assert "Sam Okafor (lead)" in papers_words.standards(named)[0].how


def test_what_a_policy_leaves_out_of_sight_is_among_what_can_not_be_seen(facts):
    said = dict(papers_words.blind_spots(facts))
    assert said["Staff: private time"].startswith("Nothing is collected, outside these hours: Monday to Friday")
    assert "Lists on trial" not in said
    changed = with_policy(
        facts,
        never=("never_collect = []", 'never_collect = ["payroll.example.org"]'),
        learners=('private_time = "urgent_only"', 'private_time = "none"'),
    )
    said = dict(papers_words.blind_spots(replace(changed, trial_packs=("games_list",))))
    assert said["Never collected, by the policy"] == "payroll.example.org."
    assert "Learners: private time" not in said
    assert "games_list" in said["Lists on trial"]


def test_what_is_recorded_for_the_yearly_review_fills_in_the_standards(facts):
    full = replace(
        facts,
        readers=(Reader("Sam Okafor", "lead", ()),),
        senior_leader="Ada Reid",
        governor="Jo Lane",
        made_on=date(2026, 11, 26),
        reviewed_on=date(2025, 11, 26),
        review_due_on=date(2026, 11, 26),
    )
    roles, reviewed, *_ = papers_words.standards(full)
    assert (roles.standing, reviewed.standing) == ("met", "met")
    assert "Senior leader: Ada Reid. Governor (or board member): Jo Lane." in roles.how
    assert "last review was on 26 November 2025, and is due again on 26 November 2026" in reviewed.how
    assert papers_words.standards(replace(full, reviewed_on=date(2025, 11, 1)))[1].standing == "not met"
    without = papers_words.standards(replace(full, governor=""))[0]
    assert without.standing == "partly"
    assert without.how.endswith("To be filled in: the governor (or board member) for it.")


def test_phones_are_spoken_of_where_they_are_used_or_might_be(facts):
    signed = replace(facts, signed=Signed(7, date(2026, 9, 1), 2, 3))
    used = replace(signed, config=Config(phones=PhoneSettings(gateway="dns.example.org")))
    assert (facts.phones, signed.phones, used.phones) == ("perhaps", "not used", "used")
    own = {what for what, _ in papers_words.BLIND_ON_PHONES}
    assert own <= {what for what, _ in papers_words.blind_spots(used)}
    assert not any("phone’s names" in what for what, _ in papers_words.blind_spots(signed))
    unwatched = ("Phones, tablets, Windows and Mac computers", "They are not watched here.")
    assert unwatched in papers_words.blind_spots(signed)
    perhaps = [what for what, _ in papers_words.blind_spots(facts) if what.startswith("If phones are used: ")]
    assert len(perhaps) == len(own)
    lines = [(one.phones, line) for one in (facts, signed, used) for line in papers_words.features(one)]
    devices = {phones: line.how for phones, line in lines if line.asked == "Devices"}
    assert devices == papers_words.DEVICES
