"""The notice says what is collected, what never is and who sees what; its version follows its words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from agent.notice import FLAG_WORDS, NoticeFacts, NoticeRecord, PrivateTime, as_text, compose

HOURS = "Monday to Friday, 08:00 to 18:00"
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
FACTS = NoticeFacts(
    organisation="Northfield Training",
    groups=(
        PrivateTime(group="staff", kind="drop_all", working_hours=HOURS),
        PrivateTime(group="learners", kind="urgent_only", working_hours=HOURS),
        PrivateTime(group="partners", kind="none"),
    ),
    contact="write to privacy@northfield.example",
)


def test_it_says_what_is_collected_what_is_not_and_who_sees_what() -> None:
    text = " ".join(as_text(compose(FACTS)).split())
    for words in (
        "Northfield Training",
        "names of websites",
        "names of the apps",
        "titles of windows",
        "What you type",
        "what you search for",
        "pictures",
        "messages",
        "safeguarding lead",
        "at least five people",
        "data protection officer",
        "fairwatch-agent show-data",
        "write to privacy@northfield.example",
        "helplines",
    ):
        assert words in text, words


def test_it_says_each_groups_private_time() -> None:
    text = " ".join(as_text(compose(FACTS)).split())
    assert f"Staff: outside {HOURS}, nothing is collected." in text
    assert f"Learners: outside {HOURS}, nothing is counted and nothing is kept, but for what could mean" in text
    assert "Partners: no private time is set." in text


def test_it_says_from_which_day_on_and_that_closed_days_are_private() -> None:
    facts = NoticeFacts(organisation="", groups=FACTS.groups[:1], starts=date(2027, 1, 4), closed_days=True)
    text = " ".join(as_text(compose(facts)).split())
    assert "Nothing from before 4 January 2027 is collected." in text
    assert "Days on which your organisation is closed are private time" in text
    page = NoticeFacts(organisation="", groups=(), rules_page="https://collector.example/rules/")
    assert "The rules in force, in words: https://collector.example/rules/" in as_text(compose(page))
    assert "rules in force" not in as_text(compose(facts))
    alone = NoticeFacts(organisation="", groups=FACTS.groups[2:], starts=date(2027, 1, 4), closed_days=True)
    assert "closed" not in as_text(compose(alone))


def test_without_working_hours_all_of_the_time_is_private() -> None:
    facts = NoticeFacts(organisation="", groups=(PrivateTime(group="visitors", kind="drop_all"),))
    assert "Visitors: at all hours, nothing is collected." in as_text(compose(facts))


def test_a_device_whose_group_the_policy_does_not_name_is_told_that_nothing_is_collected() -> None:
    text = " ".join(as_text(compose(NoticeFacts(organisation="", groups=(), starts=date(2026, 1, 1)))).split())
    assert "names no group of yours: nothing is collected." in text
    assert "until your organisation's signed policy has reached" not in text


def test_before_the_first_policy_it_says_that_nothing_is_collected_yet() -> None:
    text = " ".join(as_text(compose(NoticeFacts(organisation="", groups=()))).split())
    assert "Your organisation owns this device" in text
    assert "Nothing is collected until your organisation's signed policy has reached this device." in text


def test_about_flags_it_says_the_same_words_to_everyone() -> None:
    other = compose(NoticeFacts(organisation="Another", groups=()))
    for notice in (compose(FACTS), other):
        assert FLAG_WORDS in [line for section in notice.sections for line in section.lines]
    assert not any(character.isdigit() for character in FLAG_WORDS)


def test_the_version_changes_with_the_words_and_only_with_them() -> None:
    assert compose(FACTS).version == compose(FACTS).version
    changed = NoticeFacts(organisation="Northfield Training", groups=FACTS.groups, contact="ask us")
    assert compose(changed).version != compose(FACTS).version


def test_the_text_fits_a_terminal() -> None:
    assert max(len(line) for line in as_text(compose(FACTS), width=60).splitlines()) <= 60


class Kept(dict[str, bytes]):
    """A store of two callables."""

    def record(self) -> NoticeRecord:
        return NoticeRecord(self.get, self.__setitem__)


def test_the_first_time_stays_the_first_whatever_is_shown_later() -> None:
    kept = Kept()
    assert kept.record().first_shown("someone") is None
    assert kept.record().is_new("someone", "a")
    kept.record().shown("someone", "a", AT)
    kept.record().shown("someone", "a", AT + timedelta(days=1))
    assert not kept.record().is_new("someone", "a")
    assert kept.record().is_new("someone", "b")
    kept.record().shown("someone", "b", AT + timedelta(days=2))
    assert kept.record().first_shown("someone") == AT
    assert kept.record().first_shown("another") is None


def test_a_record_that_cannot_be_read_is_as_if_nothing_had_been_shown() -> None:
    kept = Kept({"notice/someone": b"{torn"})
    assert kept.record().first_shown("someone") is None
    kept.record().shown("someone", "a", AT)
    assert kept.record().first_shown("someone") == AT


def test_a_time_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        Kept().record().shown("someone", "a", datetime(2026, 11, 22))  # noqa: DTZ001 - that is what is refused


def test_it_says_where_private_windows_are_watched_and_only_there() -> None:
    facts = NoticeFacts(organisation="", groups=FACTS.groups, starts=date(2027, 1, 4), private_windows=True)
    assert "That of private windows too" in as_text(compose(facts))
    assert "private windows" not in as_text(compose(FACTS))


def test_it_says_where_names_that_programs_look_up_are_watched_and_only_there() -> None:
    facts = NoticeFacts(organisation="", groups=FACTS.groups, starts=date(2027, 1, 4), looked_up_names=True)
    assert "The names that any program on this device looks up" in as_text(compose(facts))
    assert "looks up" not in as_text(compose(FACTS))
