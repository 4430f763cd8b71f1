"""IT and the data protection officer see what is missing before real use, and tick what no machine can know."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from server import go_live
from tests.server.web.look import look


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["it", "dpo"])
def test_every_point_stands_there_with_what_to_do(people, role):
    page = client_of(getattr(people, role)).get("/go-live/").content.decode()
    for point in go_live.POINTS:
        assert f'id="point-{point.id}"' in page
    assert f"{len(go_live.POINTS)} points are open." in page


@pytest.mark.django_db
def test_links_lead_only_where_this_person_may_go(people):
    for role, theirs, others in (("it", "/devices/", "/papers/"), ("dpo", "/papers/", "/devices/")):
        page = client_of(getattr(people, role)).get("/go-live/").content.decode()
        links = re.findall(r'<a href="([^"]+)" aria-label="The page for', page)
        assert theirs in links
        assert others not in links


@pytest.mark.django_db
def test_a_tick_shows_who_said_so_and_can_be_taken_back(people):
    dpo = client_of(people.dpo)
    page = dpo.post("/go-live/tick", {"point": "told", "done": "yes"}, follow=True).content.decode()
    assert f"{len(go_live.POINTS) - 1} points are open." in page
    assert people.dpo.get_full_name() in re.search(r'id="point-told".*?</tr>', page, re.DOTALL)[0]
    page = dpo.post("/go-live/tick", {"point": "told", "done": "no"}, follow=True).content.decode()
    assert f"{len(go_live.POINTS)} points are open." in page


@pytest.mark.django_db
@pytest.mark.parametrize("form", [{}, {"point": "mail", "done": "yes"}, {"point": "told'--", "done": "yes"}])
def test_odd_forms_are_refused_in_words(people, form):
    page = client_of(people.it).post("/go-live/tick", form, follow=True).content.decode()
    assert "There is no such point to tick." in page


@pytest.mark.django_db
def test_not_a_byte_of_it_changes_with_a_case(people, new_incident, lead_key):
    def shown():
        page = client_of(people.it).get("/go-live/").content.decode()
        return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page)

    before = shown()
    new_incident(lead_key)
    assert shown() == before


@pytest.mark.more
@pytest.mark.django_db(transaction=True)
def test_it_is_clear_to_axe_and_fits_every_screen_light_and_dark(signed_in, people):
    page = signed_in(people.dpo)
    page.goto("/go-live/")
    page.click("button[aria-label='It is done: Staff and learners were told']")
    page.wait_for_selector("#point-told >> text=done")
    look(page, "go-live")
    assert page.faults == []
