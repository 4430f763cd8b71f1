"""The papers' facts are those of the policy in force, the signed list and the settings, or of what Fairwatch ships."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.config import Config
from server.errors import SetUpError
from server.papers import of_collector, of_defaults

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 26, 23, 30, tzinfo=UTC)


def test_before_the_first_policy_there_is_nothing_to_make_papers_from(custodians, people):
    with pytest.raises(SetUpError, match="no policy is published"):
        of_collector(custodians.collector, Config(), NOW)


def test_they_are_read_from_what_is_published(custodians, people):
    custodians.publish()
    facts = of_collector(custodians.collector, Config(), NOW)
    assert facts.organisation == "Bright Path Training"
    assert [group.id for group in facts.policy.groups] == ["staff", "learners", "partners"]
    assert (facts.signed.needed, facts.signed.custodians) == (2, 2)
    assert facts.readers
    assert {one.role for one in facts.readers} <= {"lead", "deputy"}
    assert facts.officers == ("The data protection officer",)
    assert facts.acting_packs == ("curated",)
    assert not facts.defaults


def test_the_defaults_are_of_nobody(people):
    facts = of_defaults()
    assert facts.defaults
    assert (facts.organisation, facts.readers, facts.officers, facts.made_on) == ("", (), (), None)
    assert facts.acting_packs == ("curated",)
