"""The card that says what to do now: the lead's own words, kept with who and when, and audited without them."""

from __future__ import annotations

import pytest

from server import incidents, urgent_card
from server.errors import NotAllowed, WrongState
from server.store.models import AuditDetail, AuditEntry, UrgentCard


def test_the_first_card_begins_with_danger_and_does_not_investigate(database, people):
    card = urgent_card.card()
    assert (card.by, card.at) == ("", None)
    assert card.steps[0].startswith("Is anyone in immediate danger? Ring 999")
    assert any(step.startswith("Do not investigate") for step in card.steps)
    assert any(step.startswith("Record now") for step in card.steps)


def test_the_lead_s_own_card_takes_its_place_and_the_older_ones_stay(database, people, now):
    urgent_card.change(people.lead, "  Ring 999.  \n\n Ring Amira.\n", now)
    card = urgent_card.change(people.lead, "Ring 999.\nRing Ben.", now)
    assert (card.steps, card.by, card.at) == (["Ring 999.", "Ring Ben."], "The safeguarding lead", now)
    urgent_card.change(people.lead, "Ring 999.\n\nRing Ben.", now)
    assert UrgentCard.objects.count() == 2
    assert [entry.action for entry in AuditEntry.objects.all()] == ["urgent_card_changed"] * 2
    assert not AuditDetail.objects.exists()


@pytest.mark.parametrize("role", ["deputy", "it", "manager", "dpo"])
def test_nobody_else_writes_it(database, people, role, now):
    with pytest.raises(NotAllowed):
        urgent_card.change(getattr(people, role), "Do nothing.", now)
    assert not UrgentCard.objects.exists()


@pytest.mark.parametrize("text", ["", " \n ", "x" * 4001])
def test_an_empty_or_endless_card_is_refused(database, people, text, now):
    with pytest.raises(WrongState, match="the card is"):
        urgent_card.change(people.lead, text, now)


def test_it_stands_open_until_somebody_has_opened_an_urgent_case(database, device, people, case, now):
    assert urgent_card.is_new_to(people.lead)
    incidents.release(people.lead, case, now=now)
    assert not urgent_card.is_new_to(people.lead)
    assert urgent_card.is_new_to(people.deputy)
