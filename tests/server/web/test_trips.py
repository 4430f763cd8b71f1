"""The page of tests: a person asks for one, sees it under way and then how long it took, and IT chooses the device."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from server import trips
from server.store.models import Trip, TripDevice
from server.web.trips import duration
from tests.server.web.look import look


def words(answer) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


@pytest.fixture
def lead(client, people):
    client.force_login(people.lead)
    return client


def test_a_group_that_was_never_tested_says_so_and_a_test_is_one_press(lead, device):
    assert "never tested" in words(lead.get("/tests/"))
    answer = lead.post("/tests/ask", {"group": "staff"}, follow=True)
    assert "The test is asked for" in words(answer)
    assert "waits for the device" in words(answer)
    assert "Test now" not in words(answer)


def test_asking_twice_or_for_no_group_is_one_clear_sentence(lead, device):
    lead.post("/tests/ask", {"group": "staff"})
    assert "A test of this group is under way." in words(lead.post("/tests/ask", {"group": "staff"}, follow=True))
    assert "There is no such group." in words(lead.post("/tests/ask", {"group": "moon"}, follow=True))
    assert Trip.objects.count() == 1


def test_what_came_of_it_is_said_with_how_long_it_took_and_what_was_tried(lead, people, device):
    now = datetime.now(UTC)
    trip = trips.ask(people.it, "staff", "service", now)
    trips.wanted_of(device.id, now)
    assert "the device has it" in words(lead.get("/tests/"))
    Trip.objects.filter(pk=trip.pk).update(received_at=now + timedelta(seconds=3), source="trip")
    text = words(lead.get("/tests/"))
    assert "arrived" in text
    assert "3 seconds" in text
    assert "by the agent" in text
    assert lead.get("/tests/data/standing").json()["standing"].endswith("arrived True")


def test_a_test_that_did_not_arrive_stands_out(lead, people, device):
    trips.ask(people.it, "staff", "service", datetime(2026, 11, 2, 9, tzinfo=UTC))
    trips.fail_overdue(datetime(2026, 11, 2, 11, tzinfo=UTC))
    assert "the device did not come for it" in words(lead.get("/tests/"))


def test_it_chooses_the_device_and_a_lead_does_not(client, lead, people, device):
    assert "Choose the devices" not in words(lead.get("/tests/"))
    client.force_login(people.it)
    assert "Choose the devices" in words(client.get("/tests/"))
    client.post("/tests/choose", {"group": "staff", "device": str(device.id)})
    assert TripDevice.objects.get().device_id == device.id
    assert client.post("/tests/choose", {"group": "staff", "device": "odd"}).status_code == 404
    client.post("/tests/choose", {"group": "staff", "device": ""})
    assert TripDevice.objects.count() == 0


def test_nothing_on_it_counts_or_names_a_case(client, people, case):
    client.force_login(people.it)
    text = client.get("/tests/").content.decode()
    assert str(case) not in text
    assert "FW-" not in text


@pytest.mark.more
def test_an_open_page_shows_by_itself_that_a_test_arrived(signed_in, people, device):
    now = datetime.now(UTC)
    trip = trips.ask(people.it, "staff", "service", now)
    page = signed_in(people.it)
    page.goto("/tests/")
    expect(page.get_by_text("waits for the device")).to_be_visible()
    look(page, "tests")
    trips.wanted_of(device.id, now)
    Trip.objects.filter(pk=trip.pk).update(received_at=now + timedelta(seconds=2), source="trip")
    expect(page.get_by_text("2 seconds").first).to_be_visible(timeout=30_000)
    expect(page.get_by_role("button", name="Test Staff now")).to_be_visible()
    assert page.faults == []


def test_how_long_a_trip_took_is_said_in_words():
    said = [duration(timedelta(seconds=seconds)) for seconds in (0.2, 1, 119, 120, 7300)]
    assert said == ["under a second", "1 second", "119 seconds", "2 minutes", "2 hours"]
