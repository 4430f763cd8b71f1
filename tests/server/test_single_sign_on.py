"""Single sign-on against a real provider over HTTP: it lets in whom IT added, and nobody else."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urlsplit

import jwt
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.test import Client

from server import single_sign_on
from server.sign_in_settings import Oidc
from server.store.models import AuditEntry, User
from tests.identity_provider import identity_provider

pytestmark = pytest.mark.django_db
BEGIN = "/account/oidc/work/"
TENANT = "0a1b2c3d"


@pytest.fixture(scope="module")
def provider():
    with identity_provider() as running:
        yield running


@pytest.fixture
def configured(provider, settings, people):
    settings.SINGLE_SIGN_ON = Oidc(
        id="work",
        name="Work account",
        server=provider.url,
        client_id="fairwatch",
        secret="client-secret",
        tenants=(TENANT,),
        domains=("brightpath.example",),
        trusted=True,
    )
    return settings


def claims(**changes):
    given = {"email": "lead@brightpath.example", "email_verified": True, "tid": TENANT, "name": "Sam"}
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


def begin(client, following=""):
    answer = client.get(BEGIN + following)
    assert answer.status_code == 302
    return answer.url


def come_back(client, address):
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}" == "http://localhost:8460", "always the registered address"
    return client.get(f"{parts.path}?{parts.query}")


def sign_in(provider, subject, client=None, **changes):
    client = client or Client()
    provider.add(subject, **claims(**changes))
    return client, come_back(client, provider.consent(begin(client), subject))


def who(client):
    return client.session.get("_auth_user_id")


def sentence(answer):
    assert answer.status_code == 403
    return re.search(r'role="alert">([^<]+)<', answer.content.decode())[1].replace("&#x27;", "'")


def test_whom_it_added_comes_in_by_the_verified_address_and_only_the_subject_is_kept(provider, configured, people):
    client, answer = sign_in(provider, "s-1")
    assert (answer.status_code, answer.url, who(client)) == (302, "/", str(people.lead.pk))
    tied = SocialAccount.objects.get()
    assert (tied.user_id, tied.provider, tied.uid, tied.extra_data) == (people.lead.pk, "work", "s-1", {})
    people.lead.refresh_from_db()
    assert people.lead.check_password(people.PASSWORD), "the password stays"
    assert [entry.action for entry in AuditEntry.objects.order_by("seq")] == ["single_sign_on_connected", "signed_in"]
    # And again, when the directory has given the address another spelling.
    client, answer = sign_in(provider, "s-1", email="Sam.Okafor@brightpath.example")
    assert who(client) == str(people.lead.pk)
    assert SocialAccount.objects.get().extra_data == {}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"email": "nobody@brightpath.example"}, "stranger"),
        ({"email": None}, "tenant"),
        ({"email_verified": False}, "unverified"),
        ({"email_verified": "false"}, "unverified"),
        ({"tid": "another"}, "tenant"),
        ({"tid": None}, "tenant"),
        ({"email": "lead@evil.example"}, "tenant"),
        ({"email": "lead@brightpath.example.evil.example"}, "tenant"),
    ],
)
def test_others_get_one_clear_sentence_and_no_account(provider, configured, people, changes, says):
    before = User.objects.count()
    client, answer = sign_in(provider, "s-2", **changes)
    assert sentence(answer) == single_sign_on.REFUSALS[says]
    assert who(client) is None
    assert (User.objects.count(), SocialAccount.objects.count()) == (before, 0)


def test_entra_says_nothing_of_verifying_and_is_believed_for_the_named_tenant_only(provider, configured, people):
    client, _ = sign_in(provider, "s-3", email_verified=None)
    assert who(client) == str(people.lead.pk)
    SocialAccount.objects.all().delete()
    configured.SINGLE_SIGN_ON = replace(configured.SINGLE_SIGN_ON, tenants=())
    _, answer = sign_in(provider, "s-4", email_verified=None)
    assert sentence(answer) == single_sign_on.REFUSALS["unverified"]


def test_an_address_given_to_somebody_new_does_not_open_the_account_of_who_had_it(provider, configured, people):
    sign_in(provider, "s-1")
    client, answer = sign_in(provider, "s-new")
    assert sentence(answer) == single_sign_on.REFUSALS["other"]
    assert who(client) is None


def test_a_closed_account_stays_closed(provider, configured, people):
    sign_in(provider, "s-1")
    User.objects.filter(pk=people.lead.pk).update(is_active=False)
    client, answer = sign_in(provider, "s-1")
    assert answer.status_code == 403
    assert who(client) is None


def test_another_nonce_another_state_and_a_second_use_are_refused(provider, configured, people):
    provider.add("s-1", **claims())
    client = Client()
    replayed = re.sub(r"nonce=[^&]+", "nonce=of-somebody-else", begin(client))
    assert sentence(come_back(client, provider.consent(replayed, "s-1"))) == single_sign_on.REFUSALS["failed"]
    client = Client()
    back = provider.consent(begin(client), "s-1")
    assert come_back(client, re.sub(r"state=[^&]+", "state=guessed", back)).status_code == 403
    # An attacker's own answer, brought to somebody else's browser.
    assert come_back(Client(), provider.consent(begin(Client()), "s-1")).status_code == 403
    assert come_back(client, back).status_code == 302
    assert come_back(client, back).status_code == 403


def test_a_provider_that_does_not_answer_or_says_no_is_one_sentence(provider, configured, people):
    client = Client()
    begin(client)
    assert client.get(f"{BEGIN}callback/?error=access_denied&state=x").status_code == 403
    configured.SINGLE_SIGN_ON = replace(configured.SINGLE_SIGN_ON, server="http://localhost:9")
    answer = Client().get(BEGIN)
    assert sentence(answer) == single_sign_on.REFUSALS["failed"]


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_that_anybody_could_have_made_is_refused(algorithm):
    key = "the provider's public key, which everybody knows"
    token = jwt.encode({"sub": "s-1"}, None if algorithm == "none" else key, algorithm=algorithm)
    for text in (token, "", "a.b.c"):
        with pytest.raises(OAuth2Error):
            single_sign_on.Connection(None, "work")._decode_id_token(None, text)


def test_the_way_back_leads_only_to_pages_of_our_own(provider, configured, people):
    provider.add("s-1", **claims())
    for following, lands in (
        ("?next=/desk/key/", "/desk/key/"),
        ("?next=https://evil.example/", "/"),
        ("?next=//evil.example", "/"),
    ):
        client = Client()
        assert come_back(client, provider.consent(begin(client, following), "s-1")).url == lands


def test_what_the_request_adds_does_not_reach_the_provider(configured, people):
    address = Client().get(f"{BEGIN}?auth_params=prompt%3Dnone&scope=admin&process=connect").url
    assert "prompt" not in address
    assert "admin" not in address
    assert "code_challenge_method=S256" in address


def test_it_stands_for_the_second_factor_only_if_the_file_says_so(provider, configured, people):
    configured.SECOND_FACTOR_ROLES = ("lead",)
    client, _ = sign_in(provider, "s-1")
    assert client.get("/desk/").url == "/account/2fa/"
    configured.SINGLE_SIGN_ON = replace(configured.SINGLE_SIGN_ON, counts_as_second_factor=True)
    client, _ = sign_in(provider, "s-1")
    assert client.get("/desk/").status_code == 200
    # It counts for that sign-in, not for one by password.
    client = Client()
    client.post("/account/login/", {"login": "lead", "password": people.PASSWORD})
    assert client.get("/desk/").url == "/account/2fa/"


def test_who_has_a_second_factor_is_asked_for_it_after_single_sign_on(provider, configured, people):
    TOTP.activate(people.lead, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    client, answer = sign_in(provider, "s-1")
    assert answer.url == "/account/2fa/authenticate/"
    assert who(client) is None
    assert Authenticator.objects.count() == 1


def test_a_provider_that_is_not_trusted_lets_in_only_whom_a_signed_in_person_connected(provider, configured, people):
    configured.SINGLE_SIGN_ON = replace(configured.SINGLE_SIGN_ON, trusted=False)
    _, answer = sign_in(provider, "s-1")
    assert sentence(answer) == single_sign_on.REFUSALS["stranger"]
    client = Client()
    client.post("/account/login/", {"login": "lead", "password": people.PASSWORD})
    assert come_back(client, provider.consent(begin(client), "s-1")).url == "/account/2fa/"
    other, _ = sign_in(provider, "s-1")
    assert who(other) == str(people.lead.pk)
    # Somebody else can't connect the same identity, nor oneself a second one.
    dpo = Client()
    dpo.post("/account/login/", {"login": "dpo", "password": people.PASSWORD})
    assert come_back(dpo, provider.consent(begin(dpo), "s-1")).status_code == 403
    provider.add("s-9", **claims())
    assert come_back(client, provider.consent(begin(client), "s-9")).status_code == 403


def test_without_a_provider_there_is_no_such_page(people, client):
    assert client.get(BEGIN).status_code == 404
    assert client.get(f"{BEGIN}callback/").status_code == 404
    assert b"oidc" not in client.get("/account/login/").content
