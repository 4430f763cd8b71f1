"""An incident is overdue when the signed policy says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings

from rules import policy as policy_module
from server import review
from tests.server.test_rules_in_force import sign_policy

SHIPPED = Path(policy_module.__file__).with_name("policy.toml").read_text("utf-8")
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def test_without_a_policy_the_usual_times_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "RULES_DIR", tmp_path)
    assert review.due() == review.Due(urgent=timedelta(hours=1), routine=timedelta(days=3))


def test_the_policys_times_hold_once_it_is_published(custodians, monkeypatch):
    monkeypatch.setattr(settings, "RULES_DIR", custodians.collector / "rules")
    custodians.publish()
    text = SHIPPED.replace("urgent_minutes = 60", "urgent_minutes = 20").replace("routine_days = 3", "routine_days = 1")
    sign_policy(custodians, text)
    custodians.publish()
    due = review.due()
    assert not due.overdue(NOW - timedelta(minutes=20), NOW, urgent=True)
    assert due.overdue(NOW - timedelta(minutes=21), NOW, urgent=True)
    assert not due.overdue(NOW - timedelta(hours=24), NOW, urgent=False)
    assert due.overdue(NOW - timedelta(hours=25), NOW, urgent=False)
