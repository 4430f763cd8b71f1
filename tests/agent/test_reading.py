"""What a person is asked to read is said with its version, its place, and that it can wait."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from agent.notice import as_text
from agent.reading import ToRead, as_notice

ONE = ToRead(
    id="code", title="Code of conduct", version="3", day=date(2026, 11, 1), where="https://example.org/code",
    text="Section 3 is new.\n\nIt is about phones.", shown="0" * 64, ask_at=datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip


def test_the_words_name_the_document_its_version_and_where_it_is():
    said = as_text(as_notice(ONE))
    assert "Please read: Code of conduct" in said
    assert "Version 3 of 1 November 2026." in said
    assert "It need not be now: you are asked again in a week." in " ".join(said.split())
    assert "https://example.org/code" in said
    assert "  - Section 3 is new.\n  - It is about phones." in said


@pytest.mark.parametrize(
    ("changes", "headings"),
    [({}, ["Where it is", "In short"]), ({"text": ""}, ["Where it is"]), ({"where": ""}, ["What it says"])],
)
def test_only_what_there_is_has_a_heading(changes, headings):
    changed = ToRead(**{**{name: getattr(ONE, name) for name in ONE.__struct_fields__}, **changes})
    assert [section.heading for section in as_notice(changed).sections] == headings
