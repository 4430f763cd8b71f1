"""Recording a concern with a real browser's modules: what JavaScript seals Python opens, and both refuse alike."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from uuid import uuid4

import msgspec
import pytest
from django.test import Client

from protocol import concerns, leadkeys
from protocol.concerns import ConcernEvidence
from protocol.messages import encode
from protocol.publication import Recipient, RecipientList, same_account
from server.store.models import Incident

pytestmark = pytest.mark.django_db
PHRASE = "six words of a lead's sheet"


@pytest.fixture(scope="module")
def js(modules):
    """The page with the concern's own modules as well."""
    modules(
        """async () => {
          for (const name of ["concern", "recipients", "related", "people"]) {
            window[name] = await import(`/web/${name}.js`);
          }
        }"""
    )
    return modules


@pytest.fixture(scope="module")
def files():
    return leadkeys.make(PHRASE), leadkeys.make("recovery")


@pytest.fixture
def listed(files, people, tmp_path, monkeypatch):
    from server import leadkeys as kept

    lead, recovery = files
    kept.keep(people.lead, encode(lead))
    folder = tmp_path / "rules" / "targets" / "recipients"
    folder.mkdir(parents=True)
    recipients = (
        Recipient(lead.key_id, lead.public_key, "lead", "The lead", (), ("sam",)),
        Recipient(recovery.key_id, recovery.public_key, "recovery", "Recovery"),
    )
    (folder / "0a.recipients.json").write_bytes(encode(RecipientList(2, True, recipients)))
    monkeypatch.setattr("django.conf.settings.RULES_DIR", tmp_path / "rules")


def _seal(js, file, given, **changes):
    said = {
        "person": "amira", "source": "tutor", "category": "self_harm", "group": "staff", "urgent": True,
        "started": "2026-11-20T09:00:00Z", "text": "Said she is tired. Zoë", "author": "The lead",
    } | changes  # fmt: skip
    return js(
        """async ([file, phrase, given, said, incident, record]) => {
          const pair = await leadkey.unlock(file, phrase);
          const list = await recipients.readList(given);
          const readers = recipients.forCase(list, said.group, said.person);
          said.started = new Date(said.started);
          return concern.sealConcern(said, readers, list.version, pair, incident, record);
        }""",
        [json.loads(encode(file)), PHRASE, given, said, str(uuid4()), str(uuid4())],
    )


def test_what_the_browser_seals_is_kept_and_opens_in_python(js, files, listed, people):
    client = Client()
    client.force_login(people.lead)
    given = client.get("/desk/data/recipients").json()
    made = _seal(js, files[0], given)
    kept = client.post("/desk/data/concern", json.dumps(made), content_type="application/json")
    assert kept.status_code == 200
    assert kept.json()["reference"] == Incident.objects.get().reference
    parts = [b64decode(made[name]) for name in ("signature", "header", "heading", "evidence")]
    header = concerns.verify(files[0].public_key, *parts)
    for file, phrase in zip(files, (PHRASE, "recovery"), strict=True):
        text = concerns.open_part("evidence", parts[3], header, parts[1], leadkeys.unlock(file, phrase))
        said = msgspec.json.decode(text, type=ConcernEvidence)
        assert (said.person, said.text, said.about) == ("amira", "Said she is tired. Zoë", None)
    released = client.post(f"/desk/data/incidents/{Incident.objects.get().pk}/release").json()
    assert b64decode(released["alert"]["lead_key"]) == files[0].public_key


def test_a_concern_about_the_only_lead_is_not_sealed_to_them(js, files, listed, people):
    client = Client()
    client.force_login(people.lead)
    given = client.get("/desk/data/recipients").json()
    with pytest.raises(Exception, match="Nobody but the recovery key could open this"):
        _seal(js, files[0], given, person="CORP\\Sam")


def test_a_list_with_an_exchanged_key_is_refused(js, files, listed, people):
    client = Client()
    client.force_login(people.lead)
    given = client.get("/desk/data/recipients").json()
    given["recipients"][0]["public_key"] = b64encode(bytes(64)).decode()
    with pytest.raises(Exception, match="damaged"):
        _seal(js, files[0], given)


def test_the_browser_verifies_a_concern_and_refuses_an_altered_or_moved_one(js, files, listed, people):
    client = Client()
    client.force_login(people.lead)
    made = _seal(js, files[0], client.get("/desk/data/recipients").json())
    incident = json.loads(b64decode(made["header"]))["incident"]
    alert = made | {"lead_key": b64encode(files[0].public_key).decode()}
    cases = [
        (alert, incident),
        (alert, str(uuid4())),
        (alert | {"evidence": made["heading"]}, incident),
        (alert | {"lead_key": b64encode(files[1].public_key).decode()}, incident),
    ]
    faults = js(
        """async (cases) => {
          const faults = [];
          for (const [given, incident] of cases) {
            try {
              faults.push((await window.alert.verify(given, incident)).group);
            } catch (fault) {
              faults.push(fault.constructor.name);
            }
          }
          return faults;
        }""",
        [list(one) for one in cases],
    )
    assert faults == ["staff", "SignatureError", "SignatureError", "SignatureError"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("amira", "AMIRA"),
        ("amira", "corp\\amira"),
        ("a@x", "a@y"),
        ("Groß", "GROSS"),
        ("a", "b"),
        ("AzureAD\\a@x", "a@x"),
    ],
)
def test_browser_and_devices_agree_when_two_accounts_may_be_one_person(js, one, other):
    assert js("([one, other]) => people.sameAccount(one, other)", [one, other]) is same_account(one, other)


def test_related_cases_are_the_person_s_and_the_device_s_only_while_it_was_theirs(js):
    found = js(
        """() => {
          const at = (day) => new Date(Date.UTC(2026, 0, day));
          const made = (incident, person, day, device = "d") =>
            ({ incident, person, device, started: at(day), ended: at(day) });
          const one = made("one", "amira", 100);
          const others = [
            one, made("near", "CORP\\\\amira", 110), made("far", "amira", 50), made("else", "amira", 99, "e"),
            made("between", "ben", 70), made("before", "ben", 40), made("after", "ben", 120),
            made("other", "ben", 99, "e"),
          ];
          const { near, earlier, device } = related.related(one, others);
          return [near, earlier, device].map((found) => found.map((each) => each.incident));
        }"""
    )
    assert found == [["near", "else"], ["far"], ["between"]]
