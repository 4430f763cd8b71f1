"""What an observation leads to, and when repeats are one alert."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from agent.judge import REMINDED_KEY, Judge, Judgement, decide, updated
from protocol.limits import EVIDENCE_MAX_NAMES
from rules.model import Match, Verdict
from rules.policy import Decision

URGENT, ROUTINE = "sanctioned-suicide.net", "bet365.com"
HELP = ["samaritans.org", "nhs.uk", "unison.org.uk"]


@pytest.fixture
def judge():
    numbers = count(1)
    return Judge(lambda: UUID(int=next(numbers)))


@pytest.fixture
def sight(judge, rules, policy, seen):
    """Shows the judge one observation of a learner."""

    def show(name, started=None, group="learners", **more):
        observation = seen(name, **({"started": started} if started is not None else {}), **more)
        verdict = rules.classify(observation.kind, name)
        judgement = decide(verdict, policy, group, observation.started)
        return judge.sight(observation, verdict, judgement) if judgement is not None else None

    return show


@pytest.fixture
def noon(clock):
    return clock.now


def test_the_first_sighting_is_an_alert_at_once(sight, noon):
    flag = sight(ROUTINE)
    assert (flag.revision, flag.count, flag.send_after) == (0, 1, None)
    assert (flag.key.category, flag.key.urgent, flag.key.person) == ("gambling", False, "sam")
    assert (flag.started, flag.ended) == (noon, noon)


def test_repeats_within_the_window_are_updates_of_the_same_alert(sight, noon):
    first = sight(ROUTINE)
    second = sight("betfair.com", noon + timedelta(minutes=3))
    third = sight(ROUTINE, noon + timedelta(minutes=59))
    assert {first.alert} == {second.alert, third.alert}
    assert [flag.revision for flag in (first, second, third)] == [0, 1, 2]
    assert second.send_after == third.send_after == noon + timedelta(minutes=60)
    assert [(one.name, one.times) for one in third.seen] == [(ROUTINE, 2), ("betfair.com", 1)]
    assert (third.count, third.started, third.ended) == (3, noon, noon + timedelta(minutes=59))
    assert [match.entry for match in third.matches] == [ROUTINE, "betfair.com"]


def test_after_the_window_a_sighting_is_a_new_alert(sight, noon):
    first = sight(ROUTINE)
    later = sight(ROUTINE, noon + timedelta(minutes=60))
    assert later.alert != first.alert
    assert (later.revision, later.send_after) == (0, None)


def test_a_sighting_that_was_read_late_joins_the_open_alert(sight, noon):
    first = sight(ROUTINE)
    earlier = sight(ROUTINE, noon - timedelta(minutes=10))
    assert (earlier.alert, earlier.started, earlier.ended) == (first.alert, noon - timedelta(minutes=10), noon)
    assert sight(ROUTINE, noon - timedelta(hours=5)).alert != first.alert
    assert sight(ROUTINE, noon + timedelta(minutes=1)).alert == first.alert


def test_an_urgent_alert_never_waits_for_a_routine_one(sight, noon):
    sight(ROUTINE)
    sight(ROUTINE, noon + timedelta(minutes=1))
    urgent = sight(URGENT, noon + timedelta(minutes=2))
    assert (urgent.key.urgent, urgent.send_after, urgent.revision) == (True, None, 0)


def test_what_becomes_urgent_within_one_category_is_sent_at_once(judge, seen, noon):
    verdict = Verdict("host", "a.example", ("drugs",))
    for urgent in (False, True):
        flag = judge.sight(seen("a.example"), verdict, Judgement("drugs", Decision("flag", urgent, 3600, None, "")))
        assert flag.send_after is None


@pytest.mark.parametrize(
    "other",
    [
        {"person": "ali"},
        {"device": UUID(int=9)},
        {"source": "resolver"},
        {"name": "leafly.com"},
        {"said": "unclear"},
        {"identity": "unproven"},
    ],
)
def test_another_person_device_category_or_certainty_is_another_alert(sight, noon, other):
    first = sight(ROUTINE)
    assert sight(**{"name": ROUTINE, "started": noon + timedelta(minutes=1)} | other).alert != first.alert


def test_names_are_bounded_and_the_count_goes_on(sight, noon):
    for number in range(EVIDENCE_MAX_NAMES + 20):
        flag = sight(f"shop{number}.bet365.com", noon + timedelta(seconds=number))
    assert (len(flag.seen), flag.count) == (EVIDENCE_MAX_NAMES, EVIDENCE_MAX_NAMES + 20)
    assert sight("shop3.bet365.com", noon + timedelta(minutes=5)).seen[3].times == 2


def test_matches_are_bounded_too(sight, seen, noon):
    flag = sight(ROUTINE)
    for number in range(EVIDENCE_MAX_NAMES + 20):
        match = Match("gambling", f"g{number}.example", ("gambling",))
        verdict = Verdict("host", f"g{number}.example", ("gambling",), None, (match,))
        flag = updated(flag, seen(f"g{number}.example"), verdict)
    assert len(flag.matches) == EVIDENCE_MAX_NAMES


@pytest.mark.parametrize("name", HELP)
def test_seeking_help_is_never_flagged(sight, rules, name):
    assert rules.classify("host", name).protected
    assert sight(name) is None


def test_a_protected_verdict_is_not_flagged_even_by_a_policy_and_lists_that_would(judge, policy, seen):
    """Rules refuse such a verdict and such a policy already; the judge does not rely on it."""
    verdict = Verdict("host", "a.example", ("gambling", "help_seeking"), protected=True)
    judgement = decide(verdict, policy, "learners", seen("a.example").started)
    assert judgement is None or not judgement.flagged
    flagged = Judgement("gambling", Decision("flag", True, 900, None, ""))
    assert judge.sight(seen("a.example"), verdict, flagged) is None


def test_of_several_categories_the_gravest_response_counts(policy, noon):
    def chosen(*categories):
        return decide(Verdict("host", "a.example", categories), policy, "learners", noon).category

    assert chosen("suicide", "gambling") == "suicide"
    assert chosen("gambling", "games", "news") == "gambling"
    assert chosen("news", "games") == "games"
    assert chosen("news", "generative_ai") == "generative_ai"
    assert decide(Verdict("host", "a.example"), policy, "learners", noon) is None


def test_a_group_has_its_own_rules_and_a_site_its_exception(sight):
    assert sight("amazon.co.uk") is not None
    assert sight("amazon.co.uk", group="staff") is None
    assert sight("www.gunbroker.com") is None
    assert sight("www.gunbroker.com", group="staff") is not None
    assert sight("budsgunshop.com") is not None


def test_a_draft_that_is_not_adopted_leaves_no_trace(judge, sight, rules, policy, seen, noon):
    first = sight(ROUTINE)
    verdict = rules.classify("host", ROUTINE)
    judgement = decide(verdict, policy, "learners", noon)
    draft = judge.draft()
    assert draft.sight(seen(ROUTINE), verdict, judgement).revision == 1
    assert sight(ROUTINE).revision == 1
    judge.adopt(draft)
    assert sight(ROUTINE).alert == first.alert


def test_ended_windows_are_forgotten(judge, sight, noon):
    sight(ROUTINE)
    judge.forget_before(noon + timedelta(minutes=59), noon.date())
    assert sight(ROUTINE).revision == 1
    judge.forget_before(noon + timedelta(minutes=60), noon.date())
    assert sight(ROUTINE).revision == 0


# --- reminders -----------------------------------------------------------------------------------------------------

DEVICE, TODAY = UUID(int=1), date(2026, 3, 4)
MINUTE_A_DAY = Decision("remind", False, 3600, 1, "")


def test_a_person_is_reminded_when_the_minutes_are_used_up_and_once_a_day(judge):
    assert judge.remind(DEVICE, "sam", TODAY, "games", 59, MINUTE_A_DAY) is None
    assert judge.remind(DEVICE, "sam", TODAY, "games", 130, MINUTE_A_DAY).minutes == 2
    assert judge.remind(DEVICE, "sam", TODAY, "games", 190, MINUTE_A_DAY) is None
    assert judge.remind(DEVICE, "ali", TODAY, "games", 60, MINUTE_A_DAY) is not None
    assert judge.remind(DEVICE, "sam", TODAY, "shopping", 60, MINUTE_A_DAY) is not None
    assert judge.remind(DEVICE, "sam", TODAY + timedelta(days=1), "games", 60, MINUTE_A_DAY) is not None


def test_only_what_policy_reminds_of_is_reminded_of(judge):
    for response in ("flag", "total", "ignore"):
        decision = Decision(response, False, 3600, None, "")
        assert judge.remind(DEVICE, "sam", TODAY, "games", 9999, decision) is None


def test_a_restart_reminds_nobody_again_that_day(judge):
    kept = {}
    judge.write(kept.__setitem__)
    assert kept == {}
    judge.remind(DEVICE, "sam", TODAY, "games", 60, MINUTE_A_DAY)
    judge.write(kept.__setitem__)
    again = Judge(lambda: UUID(int=1), kept[REMINDED_KEY])
    assert again.remind(DEVICE, "sam", TODAY, "games", 60, MINUTE_A_DAY) is None
    again.forget_before(datetime(2026, 3, 5, tzinfo=UTC), TODAY + timedelta(days=1))
    assert again.draft().remind(DEVICE, "sam", TODAY, "games", 60, MINUTE_A_DAY) is not None
    assert Judge(lambda: UUID(int=1), b"\xc1").remind(DEVICE, "sam", TODAY, "games", 60, MINUTE_A_DAY) is not None
