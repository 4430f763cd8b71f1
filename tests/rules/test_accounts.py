"""Account patterns mean whom they say, name nobody, and two that could mean the same account are found."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.accounts import PATTERN_MAX_CHARS, AccountPattern, PatternRefused, parts


def pattern(text: str) -> AccountPattern:
    return AccountPattern.parse(text)


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("l-*@example.org", "l-anna@example.org"),
        ("l-*@example.org", "L-Anna@EXAMPLE.org"),
        ("L-*@Example.org", "l-anna@example.org"),
        ("l-*@example.org", "AzureAD\\l-anna@example.org"),
        ("LEARNERS\\*", "learners\\anna"),
        ("*@learners.example.org", "anna@learners.example.org"),
        ("*@*.example.org", "anna@north.example.org"),
        ("l-*", "l-anna"),
        ("l-*", "l-anna@example.org"),
        ("l-*", "COLLEGE\\l-anna"),
        ("*.learner", "anna.learner"),
        ("a*b*c", "a-b-b-c"),
    ],
)
def test_a_pattern_means_the_accounts_that_fit_it_in_any_case_and_form(text, account):
    assert pattern(text).covers(account)


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("l-*@example.org", "anna@example.org"),
        ("l-*@example.org", "l-anna@example.com"),
        ("l-*@example.org", "l-anna@example.org.evil.example"),
        ("l-*@example.org", "l-anna"),  # a local account of any device may bear that name
        ("LEARNERS\\*", "anna"),
        ("LEARNERS\\*", "anna@learners.example.org"),
        ("*@learners", "anna@learners.example.org"),
        ("a*a", "a"),
        ("a*b*c", "acb"),
    ],
)
def test_it_means_no_other(text, account):
    assert not pattern(text).covers(account)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("jane.doe@example.org", "a policy names nobody"),
        ("", "expected a pattern"),
        (" l-*", "expected a pattern"),
        ("l-\n*", "expected a pattern"),
        ("l" * PATTERN_MAX_CHARS + "*", "at most 100 characters"),
        ("*", "every account"),
        ("**@*", "every account"),
        ("*\\*", "every account"),
        ("l-?*", "only * stands"),
        ("l-[ab]*", "only * stands"),
        ("A\\*@example.org", "not both"),
        ("*@", "a part is empty"),
        ("@*.org", "a part is empty"),
        ("\\l-*", "a part is empty"),
    ],
)
def test_what_names_a_person_or_everybody_or_is_not_clear_is_refused_in_words(text, words):
    with pytest.raises(PatternRefused, match=words.replace("*", r"\*")):
        pattern(text)


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        ("l-*@example.org", "s-*@example.org", False),
        ("l-*@example.org", "*@example.org", True),
        ("l-*@example.org", "l-*@example.com", False),
        ("LEARNERS\\*", "STAFF\\*", False),
        ("LEARNERS\\*", "*.staff", True),
        ("l-*", "*@example.org", True),
        ("*a", "b*", True),
        ("ab*", "ac*", False),
        ("*-x", "*-y", False),
        ("*@north.example.org", "*@*.example.org", True),
    ],
)
def test_two_patterns_that_could_mean_one_account_are_found(one, other, meets):
    assert pattern(one).meets(pattern(other)) is meets
    assert pattern(other).meets(pattern(one)) is meets


_short = st.text("ab*", min_size=1, max_size=6)


@given(one=_short, other=_short, account=st.text("ab", max_size=6))
def test_an_account_that_fits_both_is_proof_that_they_meet(one, other, account):
    first, second = (AccountPattern(text, text, "") for text in (one, other))
    assert first.covers(account) == fnmatch.fnmatchcase(account, one)
    if first.covers(account) and second.covers(account):
        assert first.meets(second)


@given(one=_short, other=_short)
def test_where_they_meet_there_is_such_an_account(one, other):
    first, second = (AccountPattern(text, text, "") for text in (one, other))
    if first.meets(second):
        # What a star stands for need not be longer than all letters of the other: five and five at most.
        assert any(first.covers(text) and second.covers(text) for text in _texts("ab", 10))


def _texts(letters: str, most: int):
    found = [""]
    for _ in range(most):
        yield from found
        found = [text + letter for text in found for letter in letters]
    yield from found


def test_an_account_has_a_name_and_a_domain_in_each_form():
    assert parts("COLLEGE\\Anna") == ("anna", "college")
    assert parts("Anna@Example.org") == ("anna", "example.org")
    assert parts("AzureAD\\anna@example.org") == ("anna", "example.org")
    assert parts(" anna ") == ("anna", "")
