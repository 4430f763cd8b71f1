"""Real names reach leads alone, and the browser finds the person behind an account as the protocol would."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from protocol.publication import same_account
from server.store.models import Person

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
ACCOUNTS = (
    "anna",
    "Anna@example.org",
    "COLLEGE\\anna",
    "AzureAD\\anna@example.org",
    "anna@other.example",
    "ben",
    "ben@example.org",
    "COLLEGE\\Ben ",
)


@pytest.mark.django_db
def test_the_names_come_with_group_and_partner_and_are_not_kept_by_the_browser(people):
    Person.objects.create(
        account="Anna@Example.org", key="anna@example.org", name="Anna Adams", partner="North", changed_at=NOW
    )
    client = Client()
    client.force_login(people.lead)
    answer = client.get("/desk/data/people/")
    assert answer.json()["people"] == [
        {"account": "Anna@Example.org", "name": "Anna Adams", "group": "", "partner": "North", "left": False}
    ]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("imported", ACCOUNTS)
@pytest.mark.parametrize("seen", ACCOUNTS)
def test_the_browser_finds_a_person_exactly_where_the_protocol_says_the_accounts_may_be_one(modules, imported, seen):
    found = modules(
        """([imported, seen]) => {
          people.remember([{ account: imported, name: "Somebody", group: "", partner: "", left: false }]);
          return people.nameOf(seen)?.name ?? null;
        }""",
        [imported, seen],
    )
    assert (found == "Somebody") == same_account(imported, seen)


def test_where_two_people_could_be_meant_none_is_named_and_an_exact_one_goes_first(modules):
    found = modules(
        """() => {
          const person = (account, name) => ({ account, name, group: "", partner: "", left: false });
          people.remember([person("anna@a.example", "Anna A"), person("anna@b.example", "Anna B")]);
          const unsure = people.nameOf("anna");
          const sure = people.nameOf("ANNA@b.example").name;
          people.remember([person("anna", "Just Anna"), person("anna@b.example", "Anna B")]);
          return [unsure, sure, people.nameOf("anna").name, people.nameOf("anna@c.example").name];
        }"""
    )
    assert found == [None, "Anna B", "Just Anna", "Just Anna"]


def test_a_name_stands_over_its_account_and_is_text_whatever_it_holds(modules):
    html = modules(
        """() => {
          people.remember([{ account: "x", name: "<b>Eve</b>", group: "", partner: "North", left: true }]);
          return [people.personView("x").outerHTML, people.personView("unknown").outerHTML, people.personWords("x")];
        }"""
    )
    assert "&lt;b&gt;Eve&lt;/b&gt;" in html[0]
    assert "x · North · has left" in html[0]
    assert "unknown" in html[1]
    assert "<br" not in html[1]
    assert html[2] == "<b>Eve</b> x"


def upload(client, address, text, **more):
    return client.post(address, {"file": SimpleUploadedFile("people.csv", text.encode()), **more})


@pytest.mark.django_db
def test_it_looks_first_and_imports_only_what_was_looked_at(people):
    client = Client()
    client.force_login(people.it)
    told = upload(client, "/people/data/preview", "account,name\nanna,Anna Adams\n=x,y\n").json()
    assert told["new"] == [["anna", "Anna Adams", "", ""]]
    assert told["problems"][0][0] == "Line 3"
    assert Person.objects.count() == 0
    other = upload(client, "/people/data/import", "account,name\nben,Ben\n", counts=told["looked_at"])
    assert (other.status_code, Person.objects.count()) == (409, 0)
    assert "look at what would change again" in other.json()["error"]
    done = upload(client, "/people/data/import", "account,name\nanna,Anna Adams\n=x,y\n", counts=told["looked_at"])
    assert (done.status_code, Person.objects.get().name) == (200, "Anna Adams")
    page = client.get("/people/").content.decode()
    assert "<strong>1</strong>" in page
    assert "Anna" not in page


@pytest.mark.django_db
@pytest.mark.parametrize("body", [{}, {"file": "text, not a file"}])
def test_a_request_without_a_file_is_refused_in_words(people, body):
    client = Client()
    client.force_login(people.it)
    answer = client.post("/people/data/preview", body)
    assert (answer.status_code, answer.json()["error"]) == (409, "No file was chosen.")
