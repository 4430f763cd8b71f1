"""The mail server is asked without sending: what is wrong is known before a case comes, and no case shows in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server import mail_check
from server.store.models import MailCheck, NotifySettings

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def test_a_server_that_works_is_found_working_and_nothing_is_sent(people, by_mail):
    assert mail_check.check(NOW).fault == ""
    assert by_mail.taken == []
    assert MailCheck.objects.count() == 1


def test_since_when_it_fails_is_kept_until_it_works_again(people, settings, use_mail, post):
    use_mail(settings, post)
    settings.EMAIL_PORT = 1
    for minutes in (0, 15, 30):
        row = mail_check.check(NOW + timedelta(minutes=minutes))
        assert (row.fault, row.failing_since) == ("unreachable", NOW)
    settings.EMAIL_PORT = post.port
    row = mail_check.check(NOW + timedelta(minutes=45))
    assert (row.fault, row.failing_since) == ("", None)
    assert MailCheck.objects.count() == 1


def test_a_refused_address_is_noted_at_its_person_until_it_is_taken(people, by_mail):
    by_mail.refuses = {people.deputy.email}
    mail_check.check(NOW)
    assert list(NotifySettings.objects.values_list("user__username", "email_fault")) == [("deputy", "address")]
    assert mail_check.ask_about_everybody() == ("", ["deputy"])
    by_mail.refuses = set()
    mail_check.check(NOW)
    assert NotifySettings.objects.get().email_fault == ""


def test_without_a_mail_server_there_is_nothing_to_ask(people):
    assert mail_check.ask(["a@b.example"]) == ("", set())
    assert mail_check.latest() is None
