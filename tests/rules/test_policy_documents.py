"""A document that people are asked to acknowledge is read strictly, since its words are shown on every device."""

from __future__ import annotations

from datetime import date

import pytest

from rules.errors import PolicyError
from rules.model import Taxonomy
from rules.policy import Policy
from rules.policy_documents import problem_of

TEXT = """organisation = "Made"
timezone = "Europe/London"
start_date = 2026-03-29
working_hours = ["Mon-Fri 08:00-18:00"]
[groups.staff]
name = "Staff"
[groups.learners]
name = "Learners"
[[documents]]
id = "code"
title = "Code of conduct"
version = "3"
date = 2026-11-01
where = "https://example.org/code"
groups = ["staff"]
"""


def parse(old: str, new: str, taxonomy: Taxonomy) -> Policy:
    assert old in TEXT
    return Policy.parse(TEXT.replace(old, new, 1), "policy.toml", taxonomy)


def test_a_document_says_what_it_is_and_whom_it_is_for(taxonomy: Taxonomy) -> None:
    (one,) = Policy.parse(TEXT, "policy.toml", taxonomy).documents
    assert (one.id, one.title, one.version, one.date) == ("code", "Code of conduct", "3", date(2026, 11, 1))
    assert (one.where, one.text) == ("https://example.org/code", "")
    assert (one.is_for("staff"), one.is_for("learners"), one.is_for(None)) == (True, False, False)
    (everyone,) = parse('groups = ["staff"]', 'text = "Be kind."', taxonomy).documents
    assert everyone.is_for(None)


@pytest.mark.parametrize("change", [('"3"', '"4"'), ("11-01", "11-02"), ("org/code", "org/else"), ("Code of", "Code")])
def test_each_word_that_is_shown_changes_the_fingerprint(taxonomy: Taxonomy, change: tuple[str, str]) -> None:
    (one,) = Policy.parse(TEXT, "policy.toml", taxonomy).documents
    (other,) = parse(*change, taxonomy).documents
    assert one.fingerprint != other.fingerprint
    assert len(one.fingerprint) == 64


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('id = "code"', 'id = "Code 1"', "line 10: id: expected small letters"),
        ('title = "Code of conduct"\n', "", "documents.0.title is missing"),
        ('"Code of conduct"', f'"{"x" * 101}"', "line 11: title: expected at most 100 characters on one line"),
        ('version = "3"', "version = 3", "line 12: version: expected a text"),
        ("date = 2026-11-01", 'date = "soon"', "line 13: date: expected a date"),
        ('where = "https://example.org/code"\n', "", "needs where .its address. or text"),
        ('"https://example.org/code"', '"http://example.org/code"', "line 14: where: expected an address that begins"),
        ('groups = ["staff"]', 'groups = ["staf"]', "expected one of staff, learners; found 'staf'.*'staff'"),
        ('groups = ["staff"]', 'link = "x"', "unknown key 'link'"),
        (
            'groups = ["staff"]',
            '[[documents]]\nid = "code"\ntitle = "a"\nversion = "1"\ndate = 2026-01-01\ntext = "x"',
            "line 16: two documents have the id 'code'",
        ),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(taxonomy: Taxonomy, old: str, new: str, words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        parse(old, new, taxonomy)


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org@evil.example/", "https:///code", "https://exa mple.org/", "javascript:alert(1)",
        "file:///etc/passwd", "https://example.org:port/", "https://ex\u0430mple.org/", "https://e.org/" + "x" * 500,
    ],
)  # fmt: skip
def test_an_address_that_could_cheat_is_refused(address: str) -> None:
    assert problem_of("where", address) is not None


def test_a_text_may_have_lines_but_nothing_invisible() -> None:
    assert problem_of("text", "one\ntwo") is None
    for text in ("a\u202eb", "a\x00b", "x" * 2001, " "):
        assert problem_of("text", text) is not None
