"""The page of papers: managers and the data protection officer save what is made from the policy in force."""

from __future__ import annotations

import pytest
from django.conf import settings

from server.papers_formats import PAPERS
from tests.server.web.look import look

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer(client, people):
    client.force_login(people.dpo)
    return client


def test_without_a_policy_it_says_what_is_missing(officer):
    assert "Papers can be made once the signed policy is published" in officer.get("/papers/").content.decode()
    assert officer.get("/papers/dpia.html").status_code == 409


def test_a_partners_manager_has_no_papers(client, people):
    people.manager.groups = ["learners"]
    people.manager.save()
    client.force_login(people.manager)
    assert client.get("/papers/").status_code == 403
    assert client.get("/papers/dpia.pdf").status_code == 403


def test_each_paper_is_saved_as_a_file_made_from_what_is_in_force(officer, custodians, monkeypatch):
    custodians.publish()
    monkeypatch.setattr(settings, "DATA_DIR", custodians.collector)
    page = officer.get("/papers/").content.decode()
    for paper in PAPERS:
        assert f"/papers/{paper.id}.pdf" in page
        answer = officer.get(f"/papers/{paper.id}.html")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="fairwatch-{paper.id}.html"'
        assert "Bright Path Training" in answer.content.decode()
    assert officer.get("/papers/blind.pdf").content.startswith(b"%PDF-")
    assert officer.get("/papers/novel.pdf").status_code == 404
    assert officer.get("/papers/dpia.docx").status_code == 404


@pytest.mark.more
def test_the_page_looks_right_on_a_screen_and_a_phone(signed_in, people, custodians, monkeypatch):
    custodians.publish()
    monkeypatch.setattr(settings, "DATA_DIR", custodians.collector)
    page = signed_in(people.manager)
    page.goto("/papers/")
    look(page, "papers")
    assert page.faults == []
