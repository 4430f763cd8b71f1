"""People who sign in are added by command, with a role, and nobody signs themselves up."""

from __future__ import annotations

import argparse

import pytest

from server import users
from server.errors import SetUpError
from server.store.models import AuditEntry, User


def test_somebody_new_gets_a_password_shown_once(stored):
    made = users.save("amira", role="lead", email="amira@brightpath.example")
    user = User.objects.get(username="amira")
    assert user.check_password(made["password"])
    assert (user.role, user.is_active, user.is_superuser, user.is_staff) == ("lead", True, False, False)
    assert "password" not in str(AuditEntry.objects.values().get())


def test_somebody_new_needs_a_role(stored):
    with pytest.raises(SetUpError, match="--role"):
        users.save("amira")
    assert not User.objects.exists()


def test_a_change_keeps_what_is_not_named(stored):
    users.save("amira", role="lead", email="amira@brightpath.example")
    before = User.objects.get().password
    made = users.save("amira", role="deputy")
    user = User.objects.get()
    assert (user.role, user.email, user.password, made["password"]) == (
        "deputy",
        "amira@brightpath.example",
        before,
        "",
    )


@pytest.mark.parametrize("password", ["short", "password1234", "123456789012"])
def test_a_weak_password_is_refused(stored, password):
    with pytest.raises(SetUpError):
        users.save("amira", role="lead", password=password)
    assert not User.objects.exists()


def test_a_user_name_that_is_none_is_refused(stored):
    with pytest.raises(SetUpError):
        users.save("no spaces here", role="lead")


def test_somebody_disabled_can_not_sign_in(stored, client):
    made = users.save("amira", role="it")
    users.save("amira", disable=True)
    client.post("/account/login/", {"login": "amira", "password": made["password"]})
    assert "_auth_user_id" not in client.session
    users.save("amira", display_name="Amira")
    assert not User.objects.get(username="amira").is_active
    users.save("amira", enable=True)
    client.post("/account/login/", {"login": "amira", "password": made["password"]})
    assert "_auth_user_id" in client.session


@pytest.mark.parametrize("words", [("--disable",), ("--enable",), ("--role", "it"), ("--email", "a@b.example")])
def test_a_change_without_a_name_is_refused_and_not_taken_for_a_list(words, stored, monkeypatch):
    monkeypatch.setattr(users, "require", lambda _folder: None)
    parser = argparse.ArgumentParser()
    parser.set_defaults(data_dir=None)
    users.add_arguments(parser)
    with pytest.raises(SetUpError, match="say whom to change"):
        users.run(parser.parse_args(words))


def test_people_sign_in_by_user_name_or_e_mail(people, client):
    for login in ("lead", "lead@brightpath.example"):
        client.post("/account/login/", {"login": login, "password": people.PASSWORD})
        assert client.session["_auth_user_id"] == str(people.lead.pk)
        client.logout()


def test_a_wrong_password_signs_nobody_in(people, client):
    client.post("/account/login/", {"login": "lead", "password": "wrong"})
    assert "_auth_user_id" not in client.session


def test_nobody_signs_themselves_up(stored, client):
    fields = {"username": "x", "email": "x@example.com", "password1": "correct horse 1", "password2": "correct horse 1"}
    client.get("/account/signup/")
    client.post("/account/signup/", fields)
    assert not User.objects.exists()


def test_a_partners_account_has_groups_and_is_listed_with_them(stored, capsys):
    users.save("amira", role="lead", groups="partners, learners,")
    assert User.objects.get().groups == ["learners", "partners"]
    users.save("amira", display_name="Amira")
    assert User.objects.get().groups == ["learners", "partners"]
    users._list(as_json=False)
    assert "(only learners, partners)" in capsys.readouterr().out
    users.save("amira", groups="")
    assert User.objects.get().groups == []


def test_a_group_that_can_be_none_or_that_the_policy_does_not_have_is_refused(stored, custodians, monkeypatch):
    with pytest.raises(SetUpError, match="«Not One» can't be a group's id"):
        users.save("amira", role="lead", groups="Not One")
    custodians.publish()
    monkeypatch.setattr("django.conf.settings.RULES_DIR", custodians.collector / "rules")
    with pytest.raises(SetUpError, match="no group «partner»; it has staff, learners, partners"):
        users.save("amira", role="lead", groups="partner")
    assert not User.objects.exists()
