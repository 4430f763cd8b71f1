"""The data protection officer's page, and the browser that remembers what the log was."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from custody import chain
from server import audit
from server.store.models import AuditDetail, AuditEntry, Incident

WAIT_MS = 20_000


@pytest.fixture
def dpo(people):
    client = Client()
    client.force_login(people.dpo)
    return client


@pytest.fixture
def log(people, device, deputy_key):
    """Sixty lines, one of which is about a case."""
    device.send(device.alert(deputy_key))
    case = Incident.objects.get()
    for number in range(59):
        audit.write(audit.actor_of(people.it), "user_changed", f"user:{number}", f"role <b>{number}</b>")
    audit.write(audit.actor_of(people.lead), "evidence_released", f"incident:{case.pk}")
    return case


def _alter(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute(statement, values)
        for _, sql in triggers:
            cursor.execute(sql)


@pytest.mark.django_db
def test_the_page_shows_names_and_a_page_of_lines_and_finds_what_is_asked_for(dpo, log, people):
    first = dpo.get("/audit/").content.decode()
    assert "The chain holds: 60 lines" in first
    assert "The safeguarding lead, safeguarding lead" in first
    assert "&lt;b&gt;58&lt;/b&gt;" in first
    assert "<b>58</b>" not in first
    assert 'href="?before=11"' in first
    found = dpo.get("/audit/", {"subject": log.reference, "action": "evidence_released"}).content.decode()
    assert found.count('<th scope="row">') == 1
    assert f"Case {log.reference}" in found
    paged = dpo.get("/audit/", {"actor": audit.actor_of(people.it)}).content.decode()
    assert "?actor=user%3A" in paged
    assert "No line fits" in dpo.get("/audit/", {"since": "2030-01-01"}).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "asked", [{"since": "x"}, {"until": "0001-01-01"}, {"until": "9999-12-31"}, {"actor": "'"}, {"subject": "x" * 999}]
)
def test_odd_wishes_are_no_fault(dpo, log, asked):
    assert dpo.get("/audit/", asked).status_code == 200


@pytest.mark.django_db
def test_a_broken_chain_and_a_lost_guard_are_said_loudly(dpo, log):
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'store_auditentry_no_delete'")
        ((sql,),) = cursor.fetchall()
        cursor.execute("DROP TRIGGER store_auditentry_no_delete")
        assert "no longer refuses changes" in dpo.get("/audit/").content.decode()
        cursor.execute(sql)
    _alter("DELETE FROM store_auditentry WHERE seq = 60")
    AuditDetail.objects.all().delete()
    page = dpo.get("/audit/").content.decode()
    assert "The chain is broken at line 60" in page
    assert 'role="alert"' in page


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["json", "csv"])
def test_an_export_is_on_the_record_before_it_is_handed_out(dpo, log, people, tmp_path, kind):
    answer = dpo.post("/audit/export", {"format": kind})
    assert answer.headers["Content-Disposition"].endswith(f'.{kind}"')
    (tmp_path / "x").write_bytes(b"".join(answer.streaming_content))
    newest = AuditEntry.objects.get(action="audit_exported")
    assert newest.actor == audit.actor_of(people.dpo)
    assert chain.check(tmp_path / "x", [f"61:{newest.hash}"]).good


@pytest.mark.django_db
def test_a_whole_check_goes_in_steps(dpo, log, monkeypatch):
    monkeypatch.setattr("server.audit_check.STEP_LINES", 40)

    def step(cursor):
        return dpo.post("/audit/data/check", json.dumps({"cursor": cursor}), content_type="application/json").json()

    first = step("")
    assert (first["checked"], first["newest"], first["broken"]) == (40, 60, None)
    assert step(first["cursor"]) == {"checked": 60, "newest": 60, "cursor": "", "broken": None, "reason": ""}
    assert dpo.post("/audit/data/check", '{"cursor": "x"}', content_type="application/json").status_code == 409


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["lead", "deputy", "it", "manager"])
def test_what_a_browser_is_told_counts_nothing_that_was_done_today(people, log, role):
    client = Client()
    client.force_login(getattr(people, role))
    before = client.get("/data/head").json()
    audit.write("user:1", "evidence_released", "incident:1")
    assert client.get("/data/head").json() == before
    assert before["hash"] == ""
    assert set(before) == {"log", "hash", "found"}


# --- in a real browser -----------------------------------------------------------------------------------------------


@pytest.fixture
def signed_in(chromium, live_server_files, live_server, people):
    """`signed_in(role)`: a page of a browser profile in which that person is signed in."""
    context = chromium.new_context()
    context.set_default_timeout(WAIT_MS)

    def sign_in(role):
        client = Client()
        client.force_login(getattr(people, role))
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
        return context.new_page()

    yield sign_in
    context.close()


def _remembered(page):
    # By looking again and again: the pages' policy forbids Playwright's own waiting, which evaluates a text.
    for _ in range(100):
        kept = page.evaluate("() => localStorage.getItem('fairwatch-head')")
        if kept not in (None, "{}"):
            return json.loads(kept)
        page.wait_for_timeout(50)
    raise AssertionError("the browser remembers nothing")


def _older(page):
    """Let what the browser remembers be an hour old, so that it asks again."""
    page.evaluate(
        """() => {
          const all = JSON.parse(localStorage.getItem("fairwatch-head"));
          for (const one of Object.values(all)) one.at -= 3600_000;
          localStorage.setItem("fairwatch-head", JSON.stringify(all));
        }"""
    )


@pytest.mark.django_db(transaction=True)
def test_a_browser_remembers_the_log_and_warns_until_told_when_its_line_is_gone(signed_in, live_server, people):
    yesterday = datetime.now(UTC) - timedelta(days=1)
    for number in range(3):
        audit.write("user:1", "evidence_released", f"incident:{number}", now=yesterday)
    page = signed_in("manager")
    page.goto(live_server.url + "/rules/")
    (kept,) = _remembered(page).values()
    assert kept["hash"] == AuditEntry.objects.get(seq=3).hash
    _older(page)
    page.goto(live_server.url + "/rules/")
    page.wait_for_load_state("networkidle")
    assert page.locator("#head-lost").count() == 0, "an honest log warns nobody"
    # Somebody with the database's password writes the log anew, every hash as it should be.
    _alter("DELETE FROM store_auditentry")
    for number in range(3):
        audit.write("user:1", "evidence_released", f"incident:{number + 7}", now=yesterday)
    assert audit.verify() is None
    _older(page)
    for _ in range(2):  # and it stays, on every page
        page.goto(live_server.url + "/rules/")
        page.wait_for_selector("#head-lost")
        assert "Tell the data protection officer" in page.inner_text("#head-lost")
    page.wait_for_load_state("networkidle")
    assert AuditEntry.objects.filter(action="head_missing", actor=audit.actor_of(people.manager)).count() == 1
    page.click("#head-lost button")
    page.goto(live_server.url + "/rules/")
    (kept,) = _remembered(page).values()
    assert kept["hash"] == AuditEntry.objects.get(seq=3).hash
    assert page.locator("#head-lost").count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_page_checks_every_line_and_says_what_it_found(signed_in, live_server, people, monkeypatch):
    monkeypatch.setattr("server.audit_check.STEP_LINES", 20)
    for number in range(50):
        audit.write("user:1", "evidence_released", f"incident:{number}")
    page = signed_in("dpo")
    page.goto(live_server.url + "/audit/")
    page.click("#check-all:enabled")
    page.wait_for_selector("#check-result:not([hidden])")
    assert page.inner_text("#check-result") == "Every line was checked just now: all 50 hold."
    _alter("UPDATE store_auditentry SET actor = 'user:9' WHERE seq = 33")
    page.click("#check-all:enabled")
    page.wait_for_selector("#check-result.bad:not([hidden])")
    assert "The chain is broken at line 33" in page.inner_text("#check-result")
    with page.expect_download() as download:
        page.click("button[value=csv]")
    assert download.value.suggested_filename.endswith(".csv")
