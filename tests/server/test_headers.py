"""Every page has the strict headers, an error page and a file as well as any other."""

from __future__ import annotations

import pytest

PATHS = ("/account/login/", "/nowhere/", "/static/nothing.css")


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_strict_headers(stored, client, path):
    headers = client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_no_page_for_people_is_kept_by_a_cache(stored, client):
    assert "no-store" in client.get("/account/login/").headers["Cache-Control"]


def test_the_sign_in_page_has_no_inline_script_or_style(stored, client):
    page = client.get("/account/login/").content.decode()
    assert "<style" not in page
    assert " style=" not in page
    assert "<script>" not in page
    assert " onclick=" not in page


def test_another_host_is_refused(stored, client):
    assert client.get("/account/login/", HTTP_HOST="evil.example").status_code == 400
