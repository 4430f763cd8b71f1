"""Heads leave the collector: browsers get yesterday's, people outside IT one a day; a kept one is found again."""

from __future__ import annotations

import http.server
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from protocol.audit import read_head
from server import audit, heads, schedule
from server.errors import HeadNotSent
from server.store.models import AuditEntry, Job, OutboxMessage

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def _write(*days_ago):
    for days in days_ago:
        audit.write("user:1", "evidence_released", "incident:1", now=NOW - timedelta(days=days))


def test_a_browser_gets_the_last_line_of_the_day_before_and_nothing_of_today():
    assert heads.day_head(NOW) is None
    _write(3, 1)
    before = heads.day_head(NOW)
    assert before.seq == 2
    _write(0, 0)
    assert heads.day_head(NOW) == before, "how much happens today is nobody's to count"
    assert heads.day_head(NOW + timedelta(days=1)).seq == 4


def test_only_who_has_the_line_can_complete_its_hash():
    _write(1, 0)
    whole = AuditEntry.objects.get(seq=1).hash
    assert heads.beginning_with(whole[:16]) == whole
    for odd in ("0" * 16, whole, whole[:15], "", "%" * 16, "_" * 16, whole[:16].upper() + "x"):
        assert heads.beginning_with(odd) == ""


def test_a_lost_line_is_put_on_the_record_once(people):
    _write(1)
    assert heads.report_missing("user:1", "f" * 16, NOW)
    assert not heads.report_missing("user:2", "f" * 16, NOW)
    assert not heads.report_missing("user:2", AuditEntry.objects.get(seq=1).hash[:16], NOW), "it is there"
    assert not heads.report_missing("user:2", "<script>", NOW)
    assert list(AuditEntry.objects.filter(action="head_missing").values_list("actor", "subject")) == [
        ("user:1", f"hash:{'f' * 16}")
    ]
    assert heads.report_missing("user:1", "e" * 16, NOW)
    assert OutboxMessage.objects.get().user == people.dpo, "who makes hashes up still sends one message a day"


def test_a_head_goes_by_mail_with_what_to_do_and_nothing_of_any_case(organisation):
    _write(2, 0)
    heads.send("mailto:chair@board.example", NOW)
    (letter,) = mail.outbox
    assert letter.to == ["chair@board.example"]
    assert str(read_head(f"2:{audit.head()[1]}")) in letter.body
    assert "The chain holds" in letter.body
    assert "fairwatch-custody audit" in letter.body
    assert "incident" not in letter.body


def test_a_broken_chain_is_said_in_the_subject(organisation, monkeypatch):
    _write(1)
    real = audit.find_break
    monkeypatch.setattr(audit, "find_break", lambda: (real()[0], audit.Break(1, "line 1 was changed")))
    heads.send("mailto:chair@board.example", NOW)
    assert mail.outbox[0].subject.endswith("BROKEN")
    assert "BROKEN AT LINE 1" in mail.outbox[0].body


class _Hook(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_POST(self):
        self.server.got.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        self.send_response(self.server.status)
        if self.server.status == 307:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def hook():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    server.got, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_head_goes_to_a_webhook(hook, organisation):
    _write(1)
    heads.send(f"http://127.0.0.1:{hook.server_port}/hook", NOW)
    ((path, said),) = hook.got
    assert path == "/hook"
    assert said["head"] == f"1:{audit.head()[1]}"
    assert said["broken"] is None
    assert "Bright Path" in said["text"]


@pytest.mark.parametrize("status", [307, 404, 500])
def test_a_webhook_that_refuses_or_sends_elsewhere_is_a_failure(hook, organisation, status):
    hook.status = status
    with pytest.raises(HeadNotSent):
        heads.send(f"http://127.0.0.1:{hook.server_port}/hook", NOW)
    assert len(hook.got) == 1, "no redirect is followed"


def test_each_target_is_sent_to_once_a_day_and_one_that_fails_is_tried_again(hook, database, organisation):
    _write(1)
    good, bad = "mailto:chair@board.example", f"http://127.0.0.1:{hook.server_port}/hook"
    hook.status = 500
    jobs = heads.timed_jobs((bad, good))
    for minutes in (0, 1, 29):
        schedule.run_due(jobs, NOW + timedelta(minutes=minutes))
    assert (len(mail.outbox), len(hook.got)) == (1, 1)
    hook.status = 200
    schedule.run_due(jobs, NOW + schedule.LEASE)
    schedule.run_due(jobs, NOW + 2 * schedule.LEASE)
    assert (len(mail.outbox), len(hook.got)) == (1, 2)
    # After three days without power: one for today.
    schedule.run_due(jobs, NOW + timedelta(days=4))
    assert (len(mail.outbox), len(hook.got)) == (2, 3)
    assert not [job for job in Job.objects.values_list("job", flat=True) if "chair" in job or "127.0.0.1" in job]


def test_an_answer_that_never_comes_is_a_failure(organisation):
    with pytest.raises(HeadNotSent):
        heads.send("http://127.0.0.1:9/hook", NOW)
