"""IT's page of lists: what changed, why one is held back, the download, and a release by somebody who looked at it."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from server import lists
from server.config import Config
from server.list_settings import ListSettings
from server.store.models import AuditEntry
from tests.server.bad_list_server import ListServer

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def lines(first: int, last: int) -> bytes:
    return b"".join(b"site%d.example\n" % number for number in range(first, last))


def words(answer) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


@pytest.fixture
def server(monkeypatch, tmp_path, organisation):
    with ListServer().running() as server:
        server.body = lines(0, 1000) + b"github.com\nwikipedia.org\nsamaritans.org\n"
        made = ListSettings("games_list", server.list_url, "domains", "games", "Made <up> licence")
        monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
        monkeypatch.setattr(settings, "CONFIG", Config(lists=(made,)))
        yield server


@pytest.fixture
def it(client, people):
    client.force_login(people.it)
    return client


def test_without_lists_the_page_says_how_to_add_one(it):
    assert "No list is fetched yet" in words(it.get("/lists/"))


def test_a_list_shows_its_licence_what_is_offered_and_how_to_sign_it(it, server):
    assert "not fetched yet" in words(it.get("/lists/"))
    lists.refresh("games_list", NOW)
    text = words(it.get("/lists/"))
    for said in (
        "offered, not published yet",
        "Licence: Made <up> licence",
        "1,001 in the pack",
        "Popular sites that are in it: github.com.",
        "Popular sites that were left out: samaritans.org, wikipedia.org.",
        "Protected sites among them: 1.",
        "fairwatch-custody sign packs games_list.pack",
    ):
        assert said in text


def test_pack_report_and_difference_are_downloaded(it, server):
    assert it.get("/lists/games_list/pack").status_code == 404
    lists.refresh("games_list", NOW)
    answer = it.get("/lists/games_list/pack")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="games_list.pack"'
    assert b"".join(answer.streaming_content).startswith(b"FWRULES\n")
    assert b"".join(it.get("/lists/games_list/report.json").streaming_content).startswith(b"{")
    assert it.get("/lists/games_list/list").status_code == 404
    assert it.get("/lists/other/pack").status_code == 404


def test_a_failure_is_one_line_and_the_offer_stays(it, server):
    lists.refresh("games_list", NOW)
    server.body = b"<html>Sign in</html>"
    lists.refresh("games_list", NOW)
    text = words(it.get("/lists/"))
    assert (
        "The last try failed: a web page came, not a list (a sign-in page or a notice?). What is offered stays" in text
    )
    answer = it.get("/lists/games_list/pack")
    assert b"".join(answer.streaming_content).startswith(b"FWRULES\n")


def test_what_is_held_back_is_released_by_a_person_and_the_protection_officer_sees_it(it, server, people, client):
    lists.refresh("games_list", NOW)
    server.body = lines(0, 10)
    lists.refresh("games_list", NOW)
    page = it.get("/lists/")
    assert "Held back A new version waits for you: 991 of 1,001 entries would go, more than 25 %" in words(page)
    assert it.post("/lists/games_list/release", {"version": "0" * 16}).status_code == 409
    assert it.post("/lists/games_list/release").status_code == 409
    version = re.search(r'name="version" value="(\w+)"', page.content.decode())[1]
    assert it.post("/lists/games_list/release", {"version": version}).headers["Location"] == "/lists/"
    assert "Held back" not in words(it.get("/lists/"))
    assert AuditEntry.objects.filter(action="list_released").count() == 1
    client.force_login(people.dpo)
    assert "Released a list that was held back list:games_list" in words(client.get("/audit/"))


@pytest.mark.parametrize("role", ["lead", "deputy", "manager", "dpo"])
def test_nobody_but_it_releases_or_downloads(role, client, people, server):
    lists.refresh("games_list", NOW)
    server.body = lines(0, 10)
    lists.refresh("games_list", NOW)
    client.force_login(getattr(people, role))
    assert client.get("/lists/games_list/pack").status_code == 403
    assert client.post("/lists/games_list/release", {"version": lists.overview()[0].held}).status_code == 403
    assert lists.overview()[0].state == "held"


@pytest.fixture(scope="session")
def live_server_files():
    # Django's live server serves STATIC_ROOT by itself; the collector serves STATIC_DIR.
    settings.STATIC_ROOT = settings.STATIC_DIR


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_the_page_fits_a_screen_and_a_phone(
    width, scheme, live_server_files, live_server, server, people, chromium, client, tmp_path
):
    lists.refresh("games_list", NOW)
    server.body = lines(0, 10)
    lists.refresh("games_list", NOW)
    client.force_login(people.it)
    cookie = {
        "name": settings.SESSION_COOKIE_NAME,
        "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "url": live_server.url,
    }
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.add_cookies([cookie])
    page = context.new_page()
    page.goto(f"{live_server.url}/lists/")
    for details in page.query_selector_all("summary"):
        details.click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=Path(tmp_path) / "lists.png", full_page=True)
    page.get_by_role("button", name="Release this version").click()
    page.wait_for_url("**/lists/")
    assert page.get_by_text("offered, not published yet").is_visible()
    context.close()
