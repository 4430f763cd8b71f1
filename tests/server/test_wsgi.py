"""The one application: a page that fails says so in the log, by kind and place, and a form is read within bounds."""

from __future__ import annotations

import io
import logging

import pytest
from django.test import Client

from protocol.limits import REQUEST_MAX_BYTES
from server import devices, wsgi

CANARY = "canary.example"


@pytest.fixture
def lines(monkeypatch):
    written = []
    handler = logging.Handler()
    handler.emit = lambda record: written.append(record.getMessage())
    logger = logging.getLogger("fairwatch")
    logger.addHandler(handler)
    yield written
    logger.removeHandler(handler)


def test_a_page_that_fails_is_in_the_log_without_any_value(people, monkeypatch, lines):
    def breaks(_user):
        raise ValueError(CANARY)

    monkeypatch.setattr(devices, "listing", breaks)
    client = Client(raise_request_exception=False)
    client.force_login(people.it)
    assert client.get("/devices/").status_code == 500
    (line,) = lines
    assert line.startswith("page_failed fault=ValueError at=")
    assert CANARY not in line


def _post(body, **more):
    said = []
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/account/login/", "SERVER_NAME": "localhost", "SERVER_PORT": "8460",
        "wsgi.input": body, "wsgi.url_scheme": "http", "wsgi.errors": io.StringIO(), "CONTENT_LENGTH": "", **more,
    }  # fmt: skip
    wsgi.application(environ, lambda status, _headers, *_: said.append(int(status.split()[0])))
    return said[0]


def test_a_form_that_is_too_large_or_cut_short_is_refused(organisation):
    assert _post(io.BytesIO(b"x" * 10), CONTENT_LENGTH=str(REQUEST_MAX_BYTES + 1)) == 413
    assert _post(io.BytesIO(b"x" * 10), CONTENT_LENGTH="11") == 400
    assert _post(io.BytesIO(b"x" * 10), HTTP_CONTENT_ENCODING="gzip") == 415
