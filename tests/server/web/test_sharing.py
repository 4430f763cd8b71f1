"""A lead shares older cases with a colleague's key in a real Chromium, and the colleague opens them in theirs."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from custody import recovering
from protocol import leadkeys as keyfile
from protocol.documents import seal_signed
from protocol.messages import encode
from protocol.publication import Recipient, RecipientList
from server import cases as desk
from server import leadkeys
from server.store.models import AlertRecord, AuditEntry, Incident, IncidentRecipient, Note
from tests.server.web.held import Held

pytestmark = [pytest.mark.more, pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
HOST = "canary-host.example"


@pytest.fixture
def older(people, device, team_files, team, team_words):
    """Four cases from before the deputy came: two plain ones, one about the deputy, one that was tampered with."""
    for person in ("amira", "bo", "CORP\\Dee", "cal"):
        held = (Held(team_files["lead"]), Held(team_files["recovery"]))
        assert device.send(device.alert(*held, name=HOST, person=person)).results == [("stored", None)]
    first, second, about, tampered = Incident.objects.order_by("received_at")
    private = keyfile.unlock(team_files["lead"], team_words["lead"])
    said = {"version": 1, "kind": "note", "text": "Rang the tutor", "author": "Sam", "at": "2026-11-20T10:00:00Z"}
    readers = [team_files["lead"].public_key]
    note = seal_signed("note", json.dumps(said).encode(), readers, first.pk, uuid4(), private)
    desk.add_note(people.lead, first.pk, note)
    record = AlertRecord.objects.get(incident=tampered)
    AlertRecord.objects.filter(pk=record.pk).update(heading=bytes(second.records.get().heading))
    return first, second, about, tampered


def test_older_cases_are_shared_after_comparing_keys_and_the_colleague_opens_them(team_site, older, team_files):
    page = team_site("lead")
    page.wait_for_selector("#share-offer:visible")
    assert "4 cases are not yet open to Priya Nair" in page.inner_text("#share-offer")
    page.click("#share-offer a")
    card = page.locator(f"[data-newcomer='{team_files['deputy'].key_id}']")
    card.wait_for()
    assert keyfile.fingerprint(team_files["deputy"].public_key) in card.inner_text()
    assert card.locator("button[data-share]").is_disabled()
    card.locator("input").check()
    card.locator("button[data-share]").click()
    page.wait_for_selector("text=Done. 2 cases shared.")
    told = card.inner_text()
    assert "1 case kept back" in told
    assert "1 case left out: not as the device made them" in told
    shared = set(
        IncidentRecipient.objects.filter(key_id=team_files["deputy"].key_id).values_list("incident", flat=True)
    )
    assert shared == {older[0].pk, older[1].pk}
    assert AuditEntry.objects.filter(action="evidence_released").count() == 0
    assert page.faults == []
    colleague = team_site("deputy")
    colleague.wait_for_selector("#queue[data-opened]")
    assert "amira" in colleague.inner_text("#queue")
    colleague.goto(f"/desk/incidents/{older[0].pk}/")
    colleague.click("#open:enabled")
    colleague.wait_for_selector("#opened:not([hidden])")
    assert HOST in colleague.inner_text("#opened")
    colleague.wait_for_selector("#notes :text('Rang the tutor')")
    colleague.fill("#note-text", "Thank you, I take it from here")
    colleague.click("#note button")
    colleague.wait_for_selector("#notes :text('I take it from here')")
    assert colleague.faults == []
    page.goto(f"/desk/incidents/{older[0].pk}/")
    page.click("#open:enabled")
    page.wait_for_selector("#opened:not([hidden])")
    page.wait_for_selector("#notes :text('I take it from here')")
    assert Note.objects.count() == 2


def test_one_case_is_handed_over_by_name_and_one_about_the_colleague_never(team_site, older, team_files):
    page = team_site("lead")
    hand = """async ([incident, key]) => {
      const sharing = await import("/static/web/sharing.js");
      const keystore = await import("/static/web/keystore.js");
      const pair = await keystore.recall(document.body.dataset.owner);
      const newcomer = (await sharing.newcomers()).find((one) => one.key_id === key);
      try { return await sharing.shareCase(incident, newcomer, pair); } catch (fault) { return fault.message; }
    }"""
    key = team_files["deputy"].key_id
    assert page.evaluate(hand, [str(older[1].pk), key]) == 1
    assert "about this person" in page.evaluate(hand, [str(older[2].pk), key])
    assert IncidentRecipient.objects.get(key_id=key).incident_id == older[1].pk
    assert AuditEntry.objects.filter(action="incident_shared").count() == 1


def test_cases_of_the_only_lead_who_left_are_taken_in_from_the_custodians_file(
    team_site, older, team_files, people, tmp_path
):
    people.lead.is_active = False
    people.lead.save()
    page = team_site("deputy")
    page.goto("/desk/share/")
    with page.expect_download() as download:
        page.click("#recovery form[method=post] button")
    saved = tmp_path / "asked.json"
    download.value.save_as(saved)
    rescue = keyfile.unlock(team_files["recovery"], "recovery")
    asked = recovering.read_file(saved.read_bytes())
    made = recovering.recover(asked, recovering.recipient_of(asked, leadkeys.signed_list(), rescue), rescue)
    assert (len(made.file.parcels), made.kept_back, len(made.refused)) == (2, 1, 1)
    back = tmp_path / "recovered.json"
    back.write_bytes(encode(made.file))
    page.set_input_files("#recovered-file", back)
    page.click("#recovered button")
    page.wait_for_selector("text=Done. 2 cases opened to your key.")
    page.goto(f"/desk/incidents/{older[0].pk}/")
    page.click("#open:enabled")
    page.wait_for_selector("#opened:not([hidden])")
    assert HOST in page.inner_text("#opened")
    assert page.faults == []
    page.goto("/desk/share/")
    (tmp_path / "odd.json").write_text("{}")
    page.set_input_files("#recovered-file", tmp_path / "odd.json")
    page.click("#recovered button")
    page.wait_for_selector("#recovered-problem:not([hidden])")
    assert "not the file" in page.inner_text("#recovered-problem")


@pytest.mark.more
def test_a_lead_moves_their_cases_to_a_new_key_of_their_own_and_opens_them_with_it(
    team_site, older, team_files, people, tmp_path, unlock_with
):
    new = keyfile.make("new words for a new key")
    leadkeys.keep(people.lead, encode(new))
    rows = (
        Recipient(new.key_id, new.public_key, "lead", "Sam Okafor"),
        Recipient(team_files["recovery"].key_id, team_files["recovery"].public_key, "recovery", "Recovery"),
    )
    folder = tmp_path / "rules" / "targets" / "recipients"
    (folder / "1b.recipients.json").write_bytes(encode(RecipientList(2, True, rows)))
    page = team_site("lead")
    page.wait_for_selector("#share-offer:visible")
    assert "your own new key" in page.inner_text("#share-offer")
    page.click("#share-offer a")
    page.locator("[data-newcomer] input").check()
    page.click("[data-newcomer] button[data-share]")
    page.wait_for_selector("text=Done. 3 cases shared.")
    page.click("#lock-now")
    page.wait_for_selector("#locked:visible")
    page.goto("/desk/")
    unlock_with(page, "new words for a new key")
    page.wait_for_selector("#queue[data-opened]")
    assert "amira" in page.inner_text("#queue")
    page.goto(f"/desk/incidents/{older[0].pk}/")
    page.click("#open:enabled")
    page.wait_for_selector("#opened:not([hidden])")
    page.wait_for_selector("#notes :text('Rang the tutor')")
    page.fill("#note-text", "Written with the new key")
    page.click("#note button")
    page.wait_for_selector("#notes :text('Written with the new key')")
    assert page.faults == []
