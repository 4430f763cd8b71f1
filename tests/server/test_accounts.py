"""Failing on purpose locks out nobody else; sign-ins are on the log; people are told of changes of their account."""

from __future__ import annotations

import smtplib

import pytest
from django.core.cache import cache
from django.test import Client

from server import sign_in_mail
from server.store.models import AuditEntry, CacheRow

HERE, ELSEWHERE = "203.0.113.7", "198.51.100.9"


def attempt(login: str, password: str, address: str) -> str:
    answer = Client().post("/account/login/", {"login": login, "password": password}, REMOTE_ADDR=address)
    return "in" if answer.status_code == 302 else "limited" if b"Too many" in answer.content else "wrong"


def actions() -> list[tuple[str, str]]:
    return [(entry.action, entry.subject) for entry in AuditEntry.objects.order_by("seq")]


def test_a_real_sign_in_is_on_the_log_by_id(people):
    assert attempt("lead", people.PASSWORD, HERE) == "in"
    assert actions() == [("signed_in", f"user:{people.lead.pk}")]


def test_whoever_fails_too_often_is_refused_and_the_lead_at_another_address_is_not(people, database):
    answers = [attempt("lead", "wrong", ELSEWHERE) for _ in range(7)]
    assert answers == ["wrong"] * 5 + ["limited"] * 2
    assert attempt("lead", people.PASSWORD, ELSEWHERE) == "limited"
    assert attempt("lead", people.PASSWORD, HERE) == "in"
    assert actions().count(("sign_in_failed_too_often", f"user:{people.lead.pk}")) == 1
    assert ELSEWHERE not in str(list(AuditEntry.objects.values()))


def test_guessing_from_many_addresses_is_bounded_and_does_not_reach_where_the_lead_signs_in(people, settings):
    # Hashing fifty passwords is slow on purpose; four show the same.
    assert settings.ACCOUNT_RATE_LIMITS["login_failed_elsewhere"] == "50/h/key"
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login_failed_elsewhere": "4/h/key"}
    assert attempt("lead", people.PASSWORD, HERE) == "in"
    answers = [attempt("lead", "wrong", f"198.51.{one}.9") for one in range(6)]
    assert answers == ["wrong"] * 4 + ["limited"] * 2
    assert attempt("lead", people.PASSWORD, "192.0.2.1") == "limited"
    assert attempt("lead", people.PASSWORD, HERE) == "in"


def test_unknown_names_are_limited_alike_so_that_nothing_tells_them_apart(people):
    assert [attempt("nobody", "wrong", HERE) for _ in range(6)][-1] == "limited"
    assert ("sign_in_failed_too_often", "user:unknown") in actions()


def test_what_is_counted_is_in_the_database_and_survives_the_process(people, database):
    cache.set("a", [1.5], 60)
    assert CacheRow.objects.filter(cache_key__contains="a").exists()
    assert cache.get("a") == [1.5]


@pytest.mark.parametrize("address", ["lead@brightpath.example", "nobody@brightpath.example"])
def test_asking_for_a_new_password_looks_alike_for_known_and_unknown_addresses(people, address, mailoutbox, client):
    answer = client.post("/account/password/reset/", {"email": address})
    assert answer.url == "/account/password/reset/done/"
    assert [mail.to for mail in mailoutbox] == ([[address]] if address.startswith("lead") else [])


def test_a_link_by_mail_sets_a_password_once_and_looking_does_not_use_it_up(people, mailoutbox, client):
    client.post("/account/password/reset/", {"email": "LEAD@brightpath.example"}, headers={"host": "127.0.0.1"})
    (mail,) = mailoutbox
    assert mail.to == ["lead@brightpath.example"]
    link = next(line for line in mail.body.splitlines() if "/key/" in line)
    assert link.startswith("http://localhost:8460/"), "never the host that the request named"
    path = link.removeprefix("http://localhost:8460")
    for _ in range(2):
        assert Client().get(path, follow=True).status_code == 200
    person = Client()
    page = person.get(path, follow=True)
    fields = {"password1": "seven quiet lamps at sea", "password2": "seven quiet lamps at sea"}
    assert person.post(page.redirect_chain[-1][0], fields).status_code == 302
    assert attempt("lead", fields["password1"], HERE) == "in"
    assert b"This link is over" in Client().get(path, follow=True).content
    assert ("password_reset_by_mail", f"user:{people.lead.pk}") in actions()
    assert "by a link" in mailoutbox[-1].body


def test_a_closed_account_gets_no_link(people, mailoutbox, client):
    people.lead.is_active = False
    people.lead.save()
    client.post("/account/password/reset/", {"email": "lead@brightpath.example"})
    assert mailoutbox == []


def test_a_mail_server_that_does_not_answer_stops_no_change(people, monkeypatch):
    def refuse(*_: object) -> None:
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr(sign_in_mail, "send", refuse)
    sign_in_mail.tell(people.lead, "Something changed.")
    sign_in_mail.tell_officers("Something changed.")


def test_another_sign_in_can_be_ended_and_nobody_else_s(people):
    first, second, other = Client(), Client(), Client()
    for client, name in ((first, "lead"), (second, "lead"), (other, "dpo")):
        client.post("/account/login/", {"login": name, "password": people.PASSWORD})
    from allauth.usersessions.models import UserSession

    sessions = list(UserSession.objects.order_by("pk"))
    assert second.post(f"/account/sessions/{sessions[2].pk}/end").status_code == 404
    assert other.get("/audit/").status_code == 200
    assert second.post(f"/account/sessions/{sessions[0].pk}/end").status_code == 302
    assert first.get("/desk/").status_code == 302
    assert second.get("/desk/").status_code == 200
