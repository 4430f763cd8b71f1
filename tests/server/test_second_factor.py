"""Who must have a second factor, that its secrets are unreadable in the database, and how a lost one is reset."""

from __future__ import annotations

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.db import connection
from django.test import Client

from server import second_factor
from server.errors import NotAllowed
from server.store.models import AuditEntry

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code_now() -> str:
    return format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))


def with_password(name: str, password: str) -> Client:
    client = Client()
    client.post("/account/login/", {"login": name, "password": password})
    return client


def test_the_roles_of_the_file_need_one_and_a_demonstration_needs_none(people, organisation, settings):
    settings.SECOND_FACTOR_ROLES = ("lead", "it")
    assert {user.role for user in people if second_factor.must_have(user)} == {"lead", "it"}
    organisation.sample = True
    organisation.save()
    assert not any(second_factor.must_have(user) for user in people)


def test_the_password_alone_does_not_sign_in_who_has_one_and_each_code_does_once(people, database):
    TOTP.activate(people.lead, SECRET)
    code = code_now()
    client = with_password("lead", people.PASSWORD)
    assert client.get("/desk/").status_code == 302
    assert client.post("/account/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert client.post("/account/2fa/authenticate/", {"code": code}).status_code == 302
    assert client.get("/desk/").status_code == 200
    # Somebody who has the password and read the code over a shoulder, a minute later or at once.
    again = with_password("lead", people.PASSWORD)
    from django.core.cache import cache

    cache.delete(f"allauth.mfa.totp.used?user={people.lead.pk}&code={code}")  # what the library forgets after 30 s
    assert again.post("/account/2fa/authenticate/", {"code": code}).status_code == 200
    assert again.get("/desk/").status_code == 302


def test_wrong_codes_are_bounded(people):
    TOTP.activate(people.lead, SECRET)
    client = with_password("lead", people.PASSWORD)
    answers = [client.post("/account/2fa/authenticate/", {"code": "000000"}).content for _ in range(6)]
    assert b"Too many failed login attempts" in answers[-1]
    assert client.post("/account/2fa/authenticate/", {"code": code_now()}).status_code == 200


def test_a_recovery_code_signs_in_once_and_it_is_on_the_log(people):
    TOTP.activate(people.lead, SECRET)
    code = RecoveryCodes.activate(people.lead).get_unused_codes()[0]
    for opens in (True, False):
        client = with_password("lead", people.PASSWORD)
        client.post("/account/2fa/authenticate/", {"code": code})
        assert (client.get("/desk/").status_code == 200) is opens
    assert AuditEntry.objects.filter(action="recovery_code_used").count() == 1


def test_a_copied_database_holds_no_secret_of_a_factor(people):
    TOTP.activate(people.lead, SECRET)
    seed = second_factor.Adapter().decrypt(RecoveryCodes.activate(people.lead).instance.data["seed"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM mfa_authenticator")
        kept = str(cursor.fetchall())
    assert SECRET not in kept
    assert seed not in kept


def test_a_secret_that_can_not_be_read_any_more_matches_no_code(people, settings):
    factor = TOTP.activate(people.lead, SECRET)
    settings.SECRET_KEY = "another key, after a restore without keys/"
    assert not factor.validate_code(code_now())


def test_it_resets_what_was_lost_ends_the_sessions_and_tells_the_person(people, mailoutbox):
    TOTP.activate(people.lead, SECRET)
    client = with_password("lead", people.PASSWORD)
    client.post("/account/2fa/authenticate/", {"code": code_now()})
    second_factor.reset(people.lead, people.it)
    assert client.get("/desk/").status_code == 302
    assert not Authenticator.objects.exists()
    assert {mail.to[0] for mail in mailoutbox} == {"lead@brightpath.example", "dpo@brightpath.example"}
    entry = AuditEntry.objects.get(action="second_factor_reset")
    assert (entry.actor, entry.subject) == (f"user:{people.it.pk}", f"user:{people.lead.pk}")


def test_nobody_but_it_resets_and_it_not_its_own(people):
    for by, whose in ((people.it, people.it), (people.lead, people.deputy), (people.dpo, people.lead)):
        with pytest.raises(NotAllowed):
            second_factor.reset(whose, by)


@pytest.mark.parametrize(
    "sent", ["", "{}", "[]", "7", '{"id": "x", "response": {}}', '{"response": {"userHandle": 5}}']
)
def test_what_is_no_passkey_is_refused_and_is_no_fault(people, sent):
    client = Client()
    client.get("/account/2fa/webauthn/login/", headers={"accept": "application/json"})
    assert client.post("/account/2fa/webauthn/login/", {"credential": sent}).status_code == 302
    assert "_auth_user_id" not in client.session
    signed_in = with_password("lead", people.PASSWORD)
    signed_in.get("/account/2fa/webauthn/add/")
    assert signed_in.post("/account/2fa/webauthn/add/", {"credential": sent, "name": "x"}).status_code == 200
    assert not Authenticator.objects.exists()
