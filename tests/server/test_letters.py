"""Messages say urgency, reference, times in the organisation's zone and a link; nothing of what is sealed or where."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from server import letters, outbox
from server.config import Config
from server.letters import Kind

NOW = datetime(2026, 7, 20, 10, 0, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")


@pytest.fixture(autouse=True)
def configured(settings):
    settings.CONFIG = Config(url="https://fairwatch.example")


@pytest.fixture
def told(people, new_incident, lead_key):
    def rows(kind, count=1, recipient=None):
        cases = [new_incident(lead_key, at=NOW + timedelta(minutes=n)) for n in range(count)]
        return [outbox.of_case(kind, one, recipient or people.lead, "0", NOW, NOW) for one in cases]

    return rows


def test_an_urgent_letter_says_reference_times_and_where_to_take_it(told):
    (row,) = told(Kind.URGENT)
    letter = letters.letter([row], LONDON)
    reference = row.incident.reference
    assert letter.subject == f"Fairwatch: urgent {reference}"
    assert letter.urgent
    # British summer time: an hour ahead of UTC.
    assert f"{reference}: visit 20 Jul 2026, 10:57, received 20 Jul 2026, 11:00" in letter.body
    assert "(times in Europe/London)" in letter.body
    assert f"https://fairwatch.example/desk/waiting/{reference}/" in letter.body


def test_many_urgent_cases_are_one_letter_that_names_the_first_and_counts_all(told):
    rows = told(Kind.URGENT, 30)
    letter = letters.letter(rows, LONDON)
    assert letter.subject == "Fairwatch: urgent, 30 cases"
    assert letter.body.count("received") == 20
    assert "and 10 more" in letter.body
    assert "https://fairwatch.example/desk/waiting/\n" in letter.body


def test_a_case_that_rang_twice_is_named_once(told, people):
    (row,) = told(Kind.URGENT)
    again = outbox.of_case(Kind.URGENT, row.incident, people.lead, "1", NOW, NOW)
    assert letters.letter([row, again], LONDON).subject == f"Fairwatch: urgent {row.incident.reference}"


def test_a_contact_outside_is_asked_to_ring_the_lead(told):
    (row,) = told(Kind.URGENT, recipient="Night service")
    assert "Please ring the safeguarding lead" in letters.letter([row], LONDON).body


@pytest.mark.parametrize(("count", "subject"), [(1, "Fairwatch: FW-2026-00000"), (3, "Fairwatch: 3 cases")])
def test_routine_cases_are_told_without_hurry(told, count, subject):
    letter = letters.letter(told(Kind.ROUTINE, count), LONDON)
    assert (letter.subject, letter.urgent) == (subject, False)
    assert "https://fairwatch.example/desk/\n" in letter.body


@pytest.mark.parametrize("kind", [Kind.URGENT, Kind.ROUTINE])
def test_no_letter_holds_a_group_a_device_or_a_person(told, kind, people):
    letter = letters.letter(told(kind, 2), LONDON)
    for word in ("staff", "laptop-01", "Linux", *(one.display_name for one in people), "gambling"):
        assert word not in letter.subject + letter.body
