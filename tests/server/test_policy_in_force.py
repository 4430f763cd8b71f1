"""The collector knows the newest published policy, and the groups that it and those before it give patterns."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from rules import policy as policy_module
from server import policy_in_force
from tests.server.test_rules_in_force import sign_policy

SHIPPED = Path(policy_module.__file__).with_name("policy.toml").read_text("utf-8")
WITH_PATTERNS = SHIPPED.replace('name = "Learners"', 'name = "Learners"\naccounts = ["l-*@example.org"]\nstaff = true')


@pytest.fixture
def published(custodians, monkeypatch):
    monkeypatch.setattr(settings, "RULES_DIR", custodians.collector / "rules")
    custodians.publish()
    return custodians


def publish(organisation, text):
    sign_policy(organisation, text)
    organisation.publish()


def test_before_the_first_policy_nothing_is_known_and_staff_is_the_group_of_that_name(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "RULES_DIR", tmp_path)
    assert policy_in_force.in_force() is None
    assert policy_in_force.pattern_groups() == frozenset()
    assert policy_in_force.group_of("l-anna@example.org") is None
    assert policy_in_force.is_staff("staff")
    assert not policy_in_force.is_staff("learners")


def test_the_newest_published_policy_counts_as_soon_as_it_is_there(published):
    assert policy_in_force.group_of("l-anna@example.org") is None
    publish(published, WITH_PATTERNS)
    assert policy_in_force.group_of("L-Anna@example.org") == "learners"
    assert policy_in_force.is_staff("learners")
    assert not policy_in_force.is_staff("unheard_of")
    assert policy_in_force.pattern_groups() == {"learners"}


def test_a_group_that_an_earlier_policy_gave_patterns_is_still_known(published):
    publish(published, WITH_PATTERNS)
    publish(published, SHIPPED)
    assert policy_in_force.group_of("l-anna@example.org") is None
    assert policy_in_force.pattern_groups() == {"learners"}


def test_documents_of_the_newest_policies_are_known_and_of_those_before_them_it_can_not_be_told(published):
    assert not policy_in_force.has_document("code", "3", policy_in_force.version())
    text = SHIPPED + '\n[[documents]]\nid = "code"\ntitle = "Code"\nversion = "3"\ndate = 2026-11-01\ntext = "x"\n'
    publish(published, text)
    publish(published, text.replace('"3"', '"4"'))
    newest = policy_in_force.version()
    assert policy_in_force.has_document("code", "3", newest)
    assert policy_in_force.has_document("code", "4", newest)
    assert not policy_in_force.has_document("code", "5", newest)
    assert policy_in_force.has_document("code", "1", 0)
