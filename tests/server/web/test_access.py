"""Every page as lead, deputy, partner's lead, IT, manager, data protection officer and stranger: what each sees."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import Resolver404, URLResolver, get_resolver, resolve
from django.utils.regex_helper import normalize

from custody import opening
from protocol import leadkeys as keyfile
from protocol import sealing
from protocol.documents import seal_signed
from protocol.messages import encode
from protocol.publication import Recipient, RecipientList
from server import leadkeys
from server.leadkeys import Openers
from server.store.models import AuditEntry, Device, Incident, LeadKey, Note
from tests.server.web.held import Held
from tests.server.web.pages import PAGES, ROLES

pytestmark = pytest.mark.django_db

HOST = "canary-host.example"


@pytest.fixture(scope="module")
def files():
    """The lead's key file and the recovery key, made once: making one is slow on purpose."""
    return keyfile.make("six words"), keyfile.make("shares")


@pytest.fixture
def key(files, people, monkeypatch, tmp_path):
    """The lead's key as a browser makes it, on a signed list with the recovery key."""
    made, recovery = files
    leadkeys.keep(people.lead, encode(made))
    listed = RecipientList(
        1,
        True,
        (
            Recipient(made.key_id, made.public_key, "lead", "The lead"),
            Recipient(recovery.key_id, recovery.public_key, "recovery", "Recovery"),
        ),
    )
    folder = tmp_path / "rules" / "targets" / "recipients"
    folder.mkdir(parents=True)
    (folder / "0a.recipients.json").write_bytes(encode(listed))
    monkeypatch.setattr("django.conf.settings.RULES_DIR", tmp_path / "rules")
    return made, recovery


@pytest.fixture
def case(key, people, device, new_lead_key):
    new_lead_key(people.deputy)
    mistaken = new_lead_key(people.partner)  # its list should have said which groups this key is for
    reply = device.send(
        device.alert(*map(Held, key), mistaken, name=HOST, person="somebody.sealed", category="gambling")
    )
    assert reply.results == [("stored", None)]
    return Incident.objects.get()


@pytest.fixture
def as_role(people):
    def sign_in(role: str) -> Client:
        client = Client()
        if role != "stranger":
            client.force_login(getattr(people, role))
        return client

    return sign_in


def content(answer) -> bytes:
    """What an answer holds, a file's too."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


ALIKE = {first: [one for one in PAGES if one.split("/")[1] == first] for first in {one.split("/")[1] for one in PAGES}}
"""The addresses by their first part, so that one case does for many: without a body nothing is changed."""


@pytest.mark.parametrize("first", sorted(ALIKE))
def test_each_page_lets_in_whom_it_is_for_and_nobody_else(first, case, as_role, subtests):
    for row in ALIKE[first]:
        method, expected = PAGES[row]
        address = row.format(case=case.pk, nobody=uuid4())
        with subtests.test(row):
            answers = [as_role(role).generic(method, address) for role in ROLES]
            assert all(content(answer) or answer.status_code == 302 for answer in answers)
            assert tuple(answer.status_code for answer in answers) == expected


def test_every_address_there_is_stands_in_the_table(case):
    tested = {_route(address.format(case=case.pk, nobody=uuid4())) for address in PAGES}
    there = dict(_addresses(get_resolver()))
    assert len(there) > 30
    # What another address answers before it (a page that is closed here) is that one's row.
    assert {route for route, example in there.items() if _route(example) == route} - tested == set()


def _route(address: str) -> str | None:
    try:
        return resolve(address.partition("?")[0]).route
    except Resolver404:
        return None


def _addresses(resolver: URLResolver, route: str = "", regex: str = "/"):
    """Every route of the collector with an address that leads there, if nothing before it does."""
    for one in resolver.url_patterns:
        whole = regex + one.pattern.regex.pattern.lstrip("^")
        if isinstance(one, URLResolver):
            yield from _addresses(one, route + str(one.pattern), whole)
            continue
        text, names = next(iter(normalize(whole)))
        candidates = (text % dict.fromkeys(names, value) for value in (str(uuid4()), "1", "x", "x-y"))
        own = route + str(one.pattern)
        fitting = [address for address in candidates if re.match(f"^{whole}", address)]
        assert fitting, f"no example was found for {own}"
        yield own, fitting[0]


def test_a_stranger_is_sent_to_sign_in_and_comes_back_to_the_page_asked_for(as_role, organisation):
    answer = as_role("stranger").get("/desk/?state=closed")
    assert answer.url == "/account/login/?next=/desk/%3Fstate%3Dclosed"


def test_each_role_lands_on_its_own_first_page(as_role):
    landed = {role: as_role(role).get("/").url for role in ROLES if role != "stranger"}
    assert landed == {
        "lead": "/desk/",
        "deputy": "/desk/",
        "partner": "/desk/",
        "it": "/devices/",
        "manager": "/summary/",
        "dpo": "/audit/",
    }


def test_signing_in_works_with_user_name_or_e_mail_and_not_with_a_wrong_password(people):
    for name, password, status in (
        ("lead", people.PASSWORD, 302),
        (people.lead.email, people.PASSWORD, 302),
        ("lead", "wrong", 200),
    ):
        assert Client().post("/account/login/", {"login": name, "password": password}).status_code == status


def test_no_page_of_it_changes_by_a_single_byte_when_there_is_an_incident(people, key, device, as_role):
    client = as_role("it")
    before = client.get("/devices/").content
    device.send(device.alert(*map(Held, key), name=HOST))
    assert Incident.objects.count() == 1
    assert _timeless(client.get("/devices/").content) == _timeless(before)


def _timeless(content: bytes) -> bytes:
    # What is new in every answer, and the words for "when last heard of", which a sent record does change.
    content = re.sub(rb'name="csrfmiddlewaretoken" value="[^"]+"', b"", content)
    content = re.sub(rb"never<br>.*?Silent</span>|under a minute ago", b"", content)
    return re.sub(rb"<strong>\d+</strong>", b"", content)


@pytest.mark.parametrize("role", ROLES)
def test_no_answer_to_any_role_holds_a_word_of_what_is_sealed(role, case, as_role):
    client = as_role(role)
    for address, (method, _) in PAGES.items():
        body = content(client.generic(method, address.format(case=case.pk, nobody=uuid4()))).lower()
        for word in (HOST, "somebody.sealed", "gambling"):
            if word == "gambling" and (b'"categories"' in body or address == "/desk/concern/"):
                continue  # the names of all categories go along with sealed headings, and stand in a form
            assert word.encode() not in body, (address, word)


@pytest.mark.parametrize("role", ["it", "manager", "dpo", "stranger"])
def test_who_opens_no_evidence_never_gets_an_envelope(role, case, as_role):
    record = case.records.get()
    client = as_role(role)
    for address, (method, _) in PAGES.items():
        body = content(client.generic(method, address.format(case=case.pk, nobody=uuid4())))
        for part in (record.heading, record.evidence):
            assert base64.b64encode(bytes(part))[:60] not in body
            assert bytes(part)[:60] not in body


def test_headings_come_without_evidence_and_opening_is_logged_once_before_it_is_handed_out(case, key, as_role):
    client, made = as_role("lead"), key[0]
    headings = client.get("/desk/data/headings").content
    record = case.records.get()
    assert bytes(record.heading) in headings
    assert bytes(record.evidence) not in headings
    assert AuditEntry.objects.filter(action="evidence_released").count() == 0
    released = client.post(f"/desk/data/incidents/{case.pk}/release").json()
    entry = AuditEntry.objects.get(action="evidence_released")
    assert (entry.subject, entry.actor) == (
        f"incident:{case.pk}",
        f"user:{LeadKey.objects.get(key_id=made.key_id).user_id}",
    )
    header = base64.b64decode(released["alert"]["header"])
    place = sealing.Place(purpose="evidence", subject=case.device_id, record=case.records.get().record, header=header)
    private = keyfile.unlock(made, "six words")
    opened = json.loads(sealing.open_envelope(base64.b64decode(released["alert"]["evidence"]), private, place))
    assert opened["seen"][0]["name"] == HOST
    assert set(released["recipients"]) == {base64.b64encode(one.public_key).decode() for one in key}


def test_a_case_saved_sealed_is_logged_and_is_what_the_offline_command_opens(case, key, as_role):
    answer = as_role("lead").post(f"/desk/data/incidents/{case.pk}/export")
    assert f'filename="{case.reference}.sealed.json"' in answer.headers["Content-Disposition"]
    assert AuditEntry.objects.filter(action="evidence_released").count() == 1
    (alert,) = opening.read_export(answer.content).alerts
    opened, refused = opening.open_all(opening.Export((alert,)), keyfile.unlock(key[0], "six words"))
    assert refused == []
    assert opened[0].evidence.seen[0].name == HOST


def test_a_lead_sees_on_the_case_and_in_its_file_which_phone_it_was_and_which_gateway_saw_it(case, key, as_role):
    laptop = Device.objects.get(pk=case.device_id)
    assert "<dt>Seen by gateway</dt>" not in as_role("lead").get(f"/desk/incidents/{case.pk}/").content.decode()
    # Of the same name: they are told apart by what they are.
    phone = Device(
        id=uuid4(), name=laptop.name, group=laptop.group, public_key=None, platform="ios", enrolled_at=datetime.now(UTC)
    )
    phone.save(force_insert=True)
    Incident.objects.filter(pk=case.pk).update(device=phone)
    page = as_role("lead").get(f"/desk/incidents/{case.pk}/").content.decode()
    assert f"<dt>Phone</dt><dd>{laptop.name}</dd>" in page
    assert f"<dt>Seen by gateway</dt><dd>{laptop.name}</dd>" in page
    (alert,) = opening.read_export(as_role("lead").post(f"/desk/data/incidents/{case.pk}/export").content).alerts
    assert (alert.device, alert.gateway) == (laptop.name, laptop.name)


def test_a_note_is_kept_sealed_and_closing_moves_the_case(case, key, as_role):
    client, private = as_role("lead"), keyfile.unlock(key[0], "six words")
    for action, state in (("notes", "open"), ("close", "closed")):
        readers = [one.public_key for one in key]
        body = encode(seal_signed("note", b"secret words", readers, case.pk, uuid4(), private))
        answer = client.post(f"/desk/data/incidents/{case.pk}/{action}", body, content_type="application/json")
        assert answer.status_code == 200
        case.refresh_from_db()
        assert case.state == state
    assert Note.objects.count() == 2
    assert case.reference.encode() in client.get("/desk/?state=closed").content
    assert case.reference.encode() not in client.get("/desk/").content
    again = client.post(f"/desk/data/incidents/{case.pk}/close", body, content_type="application/json")
    assert (again.status_code, Note.objects.count()) == (200, 2)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"id":"x","envelope":""}',
        b'{"id":"%s","envelope":"AAAA","more":1}',
        b"\xff",
        b"1" * 99,
    ],
)
def test_odd_notes_are_refused_in_words(case, as_role, body):
    answer = as_role("lead").post(f"/desk/data/incidents/{case.pk}/notes", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_a_post_without_the_forms_own_token_is_refused(case, people):
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.lead)
    assert client.post(f"/desk/data/incidents/{case.pk}/release").status_code == 403
    assert AuditEntry.objects.filter(action="evidence_released").count() == 0


def test_other_methods_are_refused(case, as_role):
    client = as_role("lead")
    assert client.get(f"/desk/data/incidents/{case.pk}/release").status_code == 405
    assert client.post("/desk/").status_code == 405
    assert client.post("/desk/data/headings").status_code == 405


@pytest.mark.parametrize("role", ROLES)
def test_every_page_carries_the_marks_the_policy_and_nothing_inline(role, case, organisation, as_role):
    organisation.sample = True
    organisation.save()
    client = as_role(role)
    seen = 0
    for address, (method, _) in PAGES.items():
        answer = client.generic(method, address.format(case=case.pk, nobody=uuid4()))
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        body = content(answer)
        if not answer.headers["Content-Type"].startswith("text/html") or answer.status_code == 302:
            continue
        html = body.decode()
        seen += 1
        assert ("Sample data." in html and "Pilot." in html) == (answer.status_code != 400), address
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", html), address
        assert re.search(r'<html lang="en-(?:gb|GB)">.*<main id="main"', html, re.DOTALL)
        assert html.count("<h1") == 1, address
    assert seen >= 8


def test_nothing_in_the_pages_names_an_address_elsewhere():
    web = Path(leadkeys.__file__).parent / "web"
    for path in [*web.rglob("*.html"), *web.rglob("*.js"), *web.rglob("*.css"), *web.rglob("*.svg")]:
        addresses = re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z][^\s\"')]*", path.read_text())
        assert not [one for one in addresses if "www.w3.org" not in one], path.name


def test_the_log_is_shown_in_words(case, as_role):
    as_role("lead").post(f"/desk/data/incidents/{case.pk}/release")
    page = as_role("dpo").get("/audit/").content.decode()
    assert "The chain holds" in page
    assert "Opened the evidence" in page
    assert f"Case {case.reference}" in page


def test_times_are_the_organisations_and_the_zone_is_named(case, organisation, as_role):
    Incident.objects.update(started=datetime(2026, 7, 1, 10, 0, tzinfo=UTC))
    for zone, words in (("Europe/London", "1 July 2026, 11:00"), ("Asia/Kolkata", "1 July 2026, 15:30")):
        organisation.timezone = zone
        organisation.save()
        page = as_role("lead").get(f"/desk/incidents/{case.pk}/").content.decode()
        assert words in page
        assert f"Times in {zone} time" in page


@pytest.mark.parametrize("before", ["", "x", "-1", "٣", "9" * 40, "1"])
def test_odd_places_in_the_log_are_no_fault(before, as_role, organisation):
    assert as_role("dpo").get("/audit/", {"before": before}).status_code == 200


def test_it_reads_what_a_device_can_not_see_and_why(device, as_role):
    from protocol.messages import SourceState

    broken = SourceState("browser_history", "failing", "The history can't be read.")
    waiting = device.heartbeat(sources=(broken, SourceState("foreground", "working", "")), spool="filling")
    assert device.send(waiting).results == [("stored", None)]
    page = as_role("it").get("/devices/").content.decode()
    for words in (
        "failing",
        "The history can&#x27;t be read.",
        "app in front",
        "filling",
        "under a minute ago",
        "0.1.0",
    ):
        assert words in page


@pytest.mark.parametrize(
    ("openers", "words"),
    [
        (None, None),
        (Openers(2, 2), None),
        (Openers(1, 1), "Fewer than two people can open new incidents."),
        (Openers(2, 1), "Today fewer than two people are here who can open new incidents"),
    ],
)
def test_the_desk_warns_while_fewer_than_two_can_open_new_incidents(as_role, monkeypatch, openers, words):
    monkeypatch.setattr("server.leadkeys.openers", lambda _: openers)
    found = as_role("lead").get("/desk/").content.decode()
    assert (words in found) if words else ("few-openers" not in found)


def test_a_case_of_a_lost_device_says_so_in_the_queue_and_on_its_page(case, key, as_role):
    words = "The device was reported lost when some of this was seen"
    assert words not in as_role("lead").get(f"/desk/incidents/{case.pk}/").content.decode()
    Incident.objects.filter(pk=case.pk).update(lost=True)
    assert words in as_role("lead").get(f"/desk/incidents/{case.pk}/").content.decode()
    assert '<span class="chip warn">lost</span>' in as_role("lead").get("/desk/").content.decode()
