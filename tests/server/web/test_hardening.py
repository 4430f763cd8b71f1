"""What an attacker tries at the pages: forged forms, planted sessions, other hosts, redirects, errors that tell."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

import server.wsgi  # noqa: F401 - it writes which pages failed
from server import log as events
from server.headers import CONTENT_SECURITY_POLICY
from server.store.models import AuditEntry, Incident
from tests.server.web.pages import PAGES, ROLES

POSTS = [address for address, (method, *_) in PAGES.items() if method == "POST"]
SIGN_IN = "/account/login/"


def _client(people, role, **more):
    client = Client(**more)
    if role != "stranger":
        client.force_login(getattr(people, role))
    return client


def _ask(client, address):
    """What an address of the table answers, files read to their end."""
    answer = client.generic(PAGES[address][0], address.format(case=uuid4(), nobody=uuid4()))
    return answer, b"".join(answer.streaming_content) if answer.streaming else answer.content


def _signed_in(people, role="it"):
    client = Client()
    answer = client.post(SIGN_IN, {"login": role, "password": people.PASSWORD})
    assert answer.status_code == 302
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("address", [*POSTS, SIGN_IN, "/account/logout/", "/account/password/change/"])
def test_no_form_of_another_site_does_anything(people, address):
    lines = AuditEntry.objects.count()
    for role in ROLES:
        answer = _client(people, role, enforce_csrf_checks=True).post(address.format(case=uuid4(), nobody=uuid4()))
        assert answer.status_code == 403, role
    assert AuditEntry.objects.count() == lines


@pytest.mark.django_db
def test_there_are_forms_to_try():
    assert len(POSTS) >= 8


@pytest.mark.django_db
def test_a_session_planted_before_signing_in_is_not_the_one_after(people):
    planted = Client()
    planted.get(SIGN_IN)
    session = planted.session
    session["planted"] = True
    session.save()
    planted.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    planted.post(SIGN_IN, {"login": "it", "password": people.PASSWORD})
    assert planted.cookies[settings.SESSION_COOKIE_NAME].value != session.session_key
    attacker = Client()
    attacker.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    assert attacker.get("/devices/").status_code == 302


@pytest.mark.django_db
def test_signing_out_ends_the_session_at_the_collector_and_empties_the_browsers_cache(people):
    client = _signed_in(people)
    stolen = client.cookies[settings.SESSION_COOKIE_NAME].value
    answer = client.post("/account/logout/")
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert not Session.objects.filter(session_key=stolen).exists()
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = stolen
    assert thief.get("/devices/").status_code == 302


@pytest.mark.django_db
def test_who_is_disabled_is_out_at_once(people):
    client = _signed_in(people)
    assert client.get("/devices/").status_code == 200
    people.it.is_active = False
    people.it.save()
    assert client.get("/devices/").status_code == 302


@pytest.mark.django_db
def test_a_changed_password_ends_every_other_session(people):
    thief, owner = _signed_in(people), _signed_in(people)
    people.it.set_password("another long pass phrase")
    people.it.save()
    assert [one.get("/devices/").status_code for one in (thief, owner)] == [302, 302]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "\thttps://evil.example",
        "http://testserver@evil.example/",
    ],
)
def test_signing_in_sends_nobody_elsewhere(people, place):
    answer = Client().post(f"{SIGN_IN}?next={place}", {"login": "it", "password": people.PASSWORD, "next": place})
    assert answer.status_code == 302
    assert answer.url == "/"


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost:8460@evil.example", "", "a b"])
def test_another_host_name_is_refused_and_never_repeated(organisation, host):
    answer = Client().get(SIGN_IN, headers={"host": host, "x-forwarded-host": "localhost"})
    assert answer.status_code == 400
    assert b"evil" not in answer.content


@pytest.mark.django_db
def test_a_name_that_a_proxy_would_pass_on_is_not_believed(organisation):
    answer = Client().get("/devices/", headers={"x-forwarded-host": "evil.example"})
    assert "evil" not in answer.url


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    [
        "/admin/",
        "/admin/login/",
        "/debug/",
        "/__debug__/",
        "/static/",
        "/static/web/",
        "/.git/config",
        "/collector.toml",
        "/static/web/../../../settings.py",
        "/api/",
        "/metrics",
    ],
)
def test_there_is_no_back_door_and_no_listing(people, address):
    for role in ROLES:
        answer = _client(people, role).get(address)
        assert answer.status_code in {400, 404}, role


@pytest.mark.django_db
def test_an_error_tells_nothing_and_neither_does_its_log(people, monkeypatch, tmp_path):
    def fails(*_args):
        raise ValueError("www.canary.example of amira")

    events.configure({"file": str(tmp_path / "collector.log")})
    monkeypatch.setattr("server.audit_search.find", fails)
    client = _client(people, "dpo", raise_request_exception=False)
    try:
        answer = client.get("/audit/")
    finally:
        events.configure({"file": None})
    assert answer.status_code == 500
    written = (tmp_path / "collector.log").read_text()
    assert "page_failed fault=ValueError" in written
    for word in ("canary", "amira", "Traceback", "Django", "audit_search.find"):
        assert word not in answer.content.decode()
        assert word not in written


@pytest.mark.django_db
def test_nothing_that_is_shown_or_handed_out_may_be_kept_by_a_cache(people):
    for role in ROLES:
        client = _client(people, role)
        for address in PAGES:
            answer, _ = _ask(client, address)
            if not address.startswith("/static/"):
                assert "no-store" in answer.headers["Cache-Control"], address


@pytest.mark.django_db
def test_every_answer_carries_each_header(people):
    client = _client(people, "lead")
    for address in PAGES:
        answer, _ = _ask(client, address)
        if answer.status_code == 400:
            continue  # refused before any page: no content, no script
        assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY, address
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]


def test_the_policy_allows_no_script_from_elsewhere_none_inline_and_no_frame():
    rules = dict(one.partition(" ")[::2] for one in CONTENT_SECURITY_POLICY.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert rules["require-trusted-types-for"] == "'script'"
    assert not re.search(r"unsafe|\*|https?:|blob:", CONTENT_SECURITY_POLICY)
    assert {rules[name] for name in ("script-src", "style-src", "connect-src", "form-action", "worker-src")} == {
        "'self'"
    }


# --- what IT can count -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_no_page_of_it_nor_anything_handed_to_it_changes_when_there_are_incidents(people, device, deputy_key):
    addresses = [address for address, (method, *_) in PAGES.items() if method == "GET" and "{" not in address]
    client = _client(people, "it")
    device.send(device.heartbeat())
    before = {address: _steady(*_ask(client, address)) for address in addresses}
    for _ in range(7):
        assert device.send(device.alert(deputy_key)).results == [("stored", None)]
    assert Incident.objects.count() == 7
    after = {address: _steady(*_ask(client, address)) for address in addresses}
    assert [address for address in addresses if before[address] != after[address]] == []
    assert sum(bool(one[1]) for one in before.values()) > 8


def _steady(answer, content):
    """An answer without what is new in each one, whoever asks and whatever happened."""
    content = re.sub(rb'(name="csrfmiddlewaretoken" value|data-csrf)="[^"]+"', b"", content)
    return answer.status_code, re.sub(rb"under a minute ago|\d+ minutes? ago", b"", content)


@pytest.mark.django_db
def test_the_log_file_counts_no_alerts(people, device, deputy_key, tmp_path):
    events.configure({"file": str(tmp_path / "collector.log")})
    try:
        assert device.send(device.heartbeat(), device.alert(deputy_key), device.alert(deputy_key)).status == 200
        events.event("end")
    finally:
        events.configure({"file": None})
    written = (tmp_path / "collector.log").read_text()
    assert len(written.splitlines()) == 1, written
