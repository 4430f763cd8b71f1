"""A month's summary is made when its day has come and goes once to the people named, by any number of collectors."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from server import delivery, retention, serving, summary, summary_mail
from server.notify_config import Summaries
from server.store.models import AuditEntry, Device, MonthlySummary, NotifySettings, OutboxMessage, PersonMonth

NOVEMBER_2 = datetime(2026, 11, 2, 6, tzinfo=UTC)
"""The first working day after October 2026, at six in London."""
BOARD, HEAD = "chair@board.example", "head@brightpath.example"


@pytest.fixture
def named(settings, by_mail):
    """`named(address, ...)`: whom collector.toml names for the summary."""

    def name(*addresses):
        settings.CONFIG = replace(settings.CONFIG, summary=Summaries(addresses))

    name(BOARD, HEAD)
    return name


@pytest.fixture
def since_september(people, device, publish_list, lead_key):
    """An organisation whose device came in September, and used nothing."""
    publish_list(lead_key)
    Device.objects.update(enrolled_at=datetime(2026, 9, 10, tzinfo=UTC))
    summary.make("2026-09", datetime(2026, 10, 1, 5, tzinfo=UTC))
    MonthlySummary.objects.update(mailed_at=NOVEMBER_2)


def text_of(mail):
    [part] = mail.message.iter_attachments()
    assert part.get_content_type() == "application/pdf"
    given = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=part.get_content(), capture_output=True, check=True
    )
    return " ".join(given.stdout.decode().split())


def mails(by_mail, now):
    """Every summary that the outbox has brought by a time."""
    delivery.deliver_due(now)
    found = [mail for mail in by_mail.taken if mail.subject.startswith("Fairwatch: monthly summary")]
    return sorted(found, key=lambda mail: mail.to)


def test_on_the_first_working_day_it_is_made_kept_and_mailed_with_the_pdf_and_a_link(since_september, named, by_mail):
    summary_mail.make_due(NOVEMBER_2 - timedelta(minutes=1))
    assert not MonthlySummary.objects.filter(month="2026-10").exists()
    summary_mail.make_due(NOVEMBER_2)
    board, head = mails(by_mail, NOVEMBER_2)
    assert (board.to, head.to) == ([BOARD], [HEAD])
    assert board.subject == "Fairwatch: monthly summary of October 2026"
    words = board.message.get_body().get_content()
    assert "https://fairwatch.example/summary/?month=2026-10" in words
    assert "await the safeguarding lead" in words
    assert "Use and safeguarding in October 2026" in text_of(board)
    assert AuditEntry.objects.get(action="summary_mailed").subject == "month:2026-10 version 1"


def test_it_goes_once_however_often_it_is_looked_and_also_after_a_week_without_a_collector(
    database, since_september, named, by_mail
):
    back = NOVEMBER_2 + timedelta(days=9)
    for minutes in (0, 15, 30):
        summary_mail.make_due(back + timedelta(minutes=minutes))
        mails(by_mail, back + timedelta(minutes=minutes))
    OutboxMessage.objects.all().delete()  # as retention does after 30 days
    summary_mail.make_due(back + timedelta(days=25))
    october = [one for one in mails(by_mail, back + timedelta(days=25)) if "October" in one.subject]
    assert len(october) == 2


def test_after_weeks_of_downtime_it_is_made_before_what_it_rests_on_is_deleted(database, since_september, named):
    PersonMonth.objects.create(month="2026-10", account="amira")
    late = datetime(2026, 12, 20, 6, tzinfo=UTC)
    [delete] = [job for job in serving._jobs() if job.name == "retention"]
    delete.work(late)
    assert MonthlySummary.objects.filter(month="2026-10").exists()
    assert not PersonMonth.objects.filter(month="2026-10").exists()


_PROCESS = """
import sys
import django
django.setup()
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from django.conf import settings
from server.notify_config import Summaries
settings.CONFIG = replace(settings.CONFIG, summary=Summaries(("chair@board.example", "head@brightpath.example")))
settings.RULES_DIR = Path(sys.argv[1])
from server import delivery, summary_mail
now = datetime(2026, 11, 9, 6, tzinfo=UTC)
sys.stdin.readline()  # both begin at once
for _ in range(3):
    summary_mail.make_due(now)
    delivery.deliver_due(now)
"""


@pytest.mark.more
@pytest.mark.timeout(150)
def test_two_processes_on_one_database_send_it_to_each_person_once(
    since_september, named, by_mail, own_environment, tmp_path
):
    command = [sys.executable, "-c", _PROCESS, str(tmp_path / "rules")]
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
    started = [subprocess.Popen(command, env=own_environment, text=True, **pipes) for _ in range(2)]
    for one in started:
        one.stdin.write("go\n")
        one.stdin.flush()
    assert [(one.communicate(timeout=120)[1], one.returncode) for one in started] == [("", 0), ("", 0)]
    assert [mail.to for mail in mails(by_mail, NOVEMBER_2)] == [[BOARD], [HEAD]]
    assert MonthlySummary.objects.filter(month="2026-10").count() == 1


def test_a_mail_server_that_refuses_is_asked_again_and_the_kept_summary_stays(
    database, since_september, named, by_mail
):
    by_mail.refuses = {BOARD}
    summary_mail.make_due(NOVEMBER_2)
    kept = MonthlySummary.objects.get(month="2026-10").document
    assert [mail.to for mail in mails(by_mail, NOVEMBER_2)] == [[HEAD]]
    board, head = summary_mail.standings()
    assert (board.address, board.sent_at, board.fault, head.sent_at) == (BOARD, None, "address", NOVEMBER_2)
    by_mail.refuses = set()
    assert [mail.to for mail in mails(by_mail, NOVEMBER_2 + timedelta(days=9))] == [[BOARD], [HEAD]]
    assert MonthlySummary.objects.get(month="2026-10").document == kept


def test_after_two_weeks_of_refusals_it_is_given_up(since_september, named, by_mail):
    named(BOARD)
    by_mail.refuses = {BOARD}
    summary_mail.make_due(NOVEMBER_2)
    for days in (0, 13, 15):
        mails(by_mail, NOVEMBER_2 + timedelta(days=days))
        [board] = summary_mail.standings()
        assert board.given_up == (days > 14)


def test_who_has_an_account_gets_by_mail_what_they_may_read_here(
    since_september, people, named, by_mail, new_incident, lead_key
):
    for _ in range(6):
        new_incident(lead_key, at=datetime(2026, 10, 6, 9, tzinfo=UTC))
    NotifySettings.objects.create(user=people.deputy, email="Home@deputy.example")
    people.dpo.is_active = False
    people.dpo.save()
    named(people.manager.email, people.lead.email, "home@deputy.example", people.dpo.email)
    summary_mail.make_due(NOVEMBER_2)
    found = {mail.to[0]: text_of(mail) for mail in mails(by_mail, NOVEMBER_2)}
    assert found.keys() == {people.manager.email, people.lead.email, "home@deputy.example"}
    assert "Cases received" in found[people.manager.email]
    assert "Cases received" not in found[people.lead.email] + found["home@deputy.example"]


def test_nobody_is_mailed_where_nobody_is_named_and_who_is_named_soon_after_is(since_september, named, by_mail):
    named()
    summary_mail.make_due(NOVEMBER_2)
    assert mails(by_mail, NOVEMBER_2) == []
    named(BOARD)
    summary_mail.make_due(NOVEMBER_2 + timedelta(days=2))
    assert len(mails(by_mail, NOVEMBER_2 + timedelta(days=2))) == 1
    assert not OutboxMessage.objects.filter(kind="summary", summary__month="2026-09").exists(), "it is no news"


def test_samples_are_mailed_to_nobody(since_september, organisation, named, by_mail):
    organisation.sample = True
    organisation.save()
    summary_mail.make_due(NOVEMBER_2)
    assert MonthlySummary.objects.filter(month="2026-10").exists()
    assert mails(by_mail, NOVEMBER_2) == []
    assert not OutboxMessage.objects.exists()


def test_leads_for_all_groups_are_asked_once_to_count_what_the_summary_waits_for(since_september, people, named):
    named()
    for minutes in (0, 15):
        summary_mail.make_due(NOVEMBER_2 + timedelta(minutes=minutes))
    asked = OutboxMessage.objects.get(kind="plain")
    assert asked.user == people.lead
    assert "/desk/month/2026-10/" in asked.body


def test_a_later_version_for_late_data_alone_is_not_mailed(since_september, named, by_mail):
    summary_mail.make_due(NOVEMBER_2)
    made = MonthlySummary.objects.get(month="2026-10")
    MonthlySummary.objects.create(month="2026-10", revision=2, made_at=NOVEMBER_2, document=made.document)
    summary_mail.make_due(NOVEMBER_2 + timedelta(days=1))
    assert len(mails(by_mail, NOVEMBER_2 + timedelta(days=1))) == 2
    assert retention.delete_what_is_over(NOVEMBER_2)["messages"] == 0
