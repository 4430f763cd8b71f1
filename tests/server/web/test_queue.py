"""Many cases decided together, in a real Chromium: by group, by keyboard, each signed; urgent ones never."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from django.test import Client
from playwright.sync_api import expect

from protocol import leadkeys
from protocol.documents import SealedDocument, seal_signed
from server import cases as domain
from server.errors import WrongState
from server.store.models import AuditEntry, Incident, Note
from tests.server.web.held import Held
from tests.server.web.look import look

pytestmark = [pytest.mark.more, pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]
NEWS_MS = 20_000  # the page asks every five seconds
BET, PHISH = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
def queue(device, team, team_files):
    """Three cases with one entry, one like no other, and one of the same entry that is urgent."""
    key = Held(team_files["lead"])
    for number, (tag, urgent) in enumerate([(BET, False), (PHISH, False), (BET, False), (BET, True), (BET, False)]):
        parcel = device.alert(key, person=f"person-{number}", urgent=urgent, entries=(tag,))
        assert device.send(parcel).results == [("stored", None)]
    return list(Incident.objects.order_by("received_at"))


@pytest.mark.more
def test_a_group_is_selected_and_decided_once_by_keyboard_and_each_case_gets_its_own_signed_note(
    team_site, queue, people
):
    page = team_site("lead")
    page.wait_for_selector("#queue[data-opened]")
    assert page.locator("[data-choose]").count() == 4  # the urgent one has no box
    page.focus("#together-by")
    page.keyboard.press("ArrowDown")
    group = page.locator("tr.together")
    expect(group).to_have_count(1)
    expect(group).to_contain_text("3 cases with the same entry: Gambling, 3 accounts")
    rows = page.locator("#queue tbody tr").all_inner_texts()
    assert "person-3" in rows[0]  # urgent stays first, and outside the group
    group.get_by_role("button", name="Select all 3").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#chosen-count")).to_have_text("3 cases are selected.")
    expect(page.locator("tr.together button")).to_be_focused()
    page.focus("#together-decision summary")
    page.keyboard.press("Enter")
    page.focus("[name=finding][value=false_alarm]")
    page.keyboard.press("Space")
    page.select_option("#outcome", "none")
    page.fill("#close-text", "The canteen's menu")
    look(page, "queue-together")
    page.focus("#close button")
    page.keyboard.press("Enter")
    expect(page.locator("#close-report")).to_contain_text("3 cases are closed.")
    expect(page.locator("#close-report")).to_be_focused()
    closed = Incident.objects.filter(state="closed")
    assert {one.pk for one in closed} == {queue[number].pk for number in (0, 2, 4)}
    assert Note.objects.filter(closing=True).count() == 3
    assert AuditEntry.objects.filter(action="incident_closed").count() == 3
    assert not any(b"canteen" in bytes(note.envelope) for note in Note.objects.all())
    assert page.faults == []


def references(page):
    return [one.split()[0] for one in page.locator("#queue tbody th").all_inner_texts()]


def persons(page):
    return page.locator("#queue tbody td[data-label=Person]").all_inner_texts()


def test_cases_are_found_filtered_and_sorted_here_and_nothing_sealed_gets_into_the_address(team_site, queue):
    page = team_site("lead")
    page.wait_for_selector("#queue[data-opened]")
    assert persons(page) == ["person-3", "person-0", "person-1", "person-2", "person-4"]  # urgent first, then by age
    for field, wanted, left in (
        ("#search", "PERSON-2", ["person-2"]),
        ("#search", "gambling person-4", ["person-4"]),
        ("#search", queue[1].reference.lower(), ["person-1"]),
    ):
        page.fill(field, wanted)
        expect(page.locator("#found")).to_have_text("1 of 5 cases")
        assert persons(page) == left
    assert "person" not in page.url
    assert "gambling" not in page.url
    page.fill("#search", "nobody of this name")
    expect(page.locator("#found")).to_have_text("None of 5 cases is like this. Clear the filters to see all.")
    page.click("#filters button[type=reset]")
    expect(page.locator("#queue tbody tr")).to_have_count(5)
    page.select_option("#urgency", "urgent")
    expect(page.locator("#queue tbody tr")).to_have_count(1)
    assert "urgency=urgent" in page.url
    page.click("#filters button[type=reset]")
    head = page.get_by_role("columnheader", name="Person")
    for order, shown in (("ascending", "01234"), ("descending", "43210")):
        head.get_by_role("button").focus()
        page.keyboard.press("Enter")
        expect(head).to_have_attribute("aria-sort", order)
        assert persons(page) == [f"person-{number}" for number in shown]
    # Back from a case, the list is as it was left.
    page.click("#queue tbody a")
    page.wait_for_selector("#open:enabled")
    page.go_back()
    page.wait_for_selector("#queue[data-opened]")
    expect(page.get_by_role("columnheader", name="Person")).to_have_attribute("aria-sort", "descending")
    assert persons(page)[0] == "person-4"
    assert page.faults == []


@pytest.mark.more
def test_what_is_new_is_announced_and_comes_when_asked_and_what_changes_does_so_in_its_place(
    team_site, queue, device, team_files, team_words, people
):
    page = team_site("lead")
    page.wait_for_selector("#queue[data-opened]")
    before = references(page)
    page.focus(f"tr[data-incident='{queue[1].pk}'] a")
    assert device.send(device.alert(Held(team_files["lead"]), person="person-9", urgent=True)).results == [
        ("stored", None)
    ]
    expect(page.locator("#news span")).to_have_text("1 new case, 1 urgent.", timeout=NEWS_MS)
    expect(page.locator("[data-figure=open]")).to_have_text("6")
    assert references(page) == before  # nothing moves under a hand
    lead = leadkeys.unlock(team_files["lead"], team_words["lead"])
    note = seal_signed("note", b"{}", [team_files["lead"].public_key], queue[0].pk, uuid4(), lead)
    domain.close(people.lead, queue[0].pk, note)  # in another window
    row = page.locator(f"tr[data-incident='{queue[0].pk}']")
    expect(row).to_contain_text("Closed just now", timeout=NEWS_MS)
    assert references(page) == before
    expect(page.locator(f"tr[data-incident='{queue[1].pk}'] a")).to_be_focused()
    page.focus("#show-news")
    page.keyboard.press("Enter")
    expect(page.locator("#news")).to_be_hidden()
    expect(page.locator("#queue tbody tr")).to_have_count(5)
    assert persons(page) == ["person-3", "person-9", "person-1", "person-2", "person-4"]
    assert page.faults == []


def test_what_became_urgent_or_had_news_or_left_the_list_since_is_not_closed_unread(
    team_site, queue, device, team_files
):
    page = team_site("lead")
    page.route("**/desk/data/changes*", lambda route: route.abort())
    page.wait_for_selector("#queue[data-opened]")
    first, other, third, _, fourth = queue
    for one in (first, other, third, fourth):
        page.check(f"[data-choose='{one.pk}']")
    expect(page.locator("#chosen-count")).to_have_text("4 cases are selected.")
    page.fill("#search", "person-0 ")
    expect(page.locator("#chosen-count")).to_have_text("1 case is selected.")
    page.fill("#search", "")
    for one in (other, third):
        page.check(f"[data-choose='{one.pk}']")
    key = Held(team_files["lead"])
    for one, urgent in ((first, True), (other, False)):
        parcel = device.alert(key, alert=one.pk, revision=1, urgent=urgent, entries=(BET,))
        assert device.send(parcel).results == [("stored", None)]
    page.click("#together-decision summary")
    page.check("[name=finding][value=concern]")
    page.select_option("#outcome", "advice")
    page.fill("#close-text", "Spoke with them")
    page.click("#close button")
    report = page.locator("#close-report")
    expect(report).to_contain_text("1 case is closed.")
    expect(report).to_contain_text(f"{first.reference}: It is urgent or closed by now.")
    expect(report).to_contain_text(f"{other.reference}: Something new came in this case")
    assert list(Incident.objects.filter(state="closed")) == [third]


def test_the_collector_itself_refuses_to_close_an_urgent_case_together_and_gives_its_readers_to_nobody(
    queue, people, team_files
):
    urgent = queue[3]
    nothing = SealedDocument(urgent.pk, b"", b"", b"")
    with pytest.raises(WrongState, match="urgent; open it"):
        domain.close(people.lead, urgent.pk, nothing, seen=0)
    client = Client()
    client.force_login(people.lead)
    asked = "&".join(f"incident={one.pk}" for one in queue)
    given = json.loads(client.get(f"/desk/data/readers?{asked}").content)["cases"]
    assert {one["id"] for one in given} == {str(one.pk) for one in queue} - {str(urgent.pk)}
    assert not AuditEntry.objects.filter(action__in=("evidence_released", "incident_closed")).exists()


def test_no_browser_keeps_on_its_disk_what_a_lead_types_or_chooses(signed_in, people, queue):
    # Chromium writes the state of fields into its session file, unless their form says otherwise.
    page = signed_in(people.lead)
    for address in ("/desk/", f"/desk/incidents/{queue[0].pk}/", "/desk/concern/", "/desk/exceptions/"):
        page.goto(address)
        kept = page.evaluate(
            """() => Array.from(document.querySelectorAll("main :is(textarea, select, [type=text], [type=search])"))
              .filter((field) => field.form?.autocomplete !== "off").map((field) => field.id)"""
        )
        assert page.locator("main textarea").count() > 0, address
        assert kept == [], address
