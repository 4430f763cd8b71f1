"""The log holds events and ids; what a fault says, which may be anything, stays out of it."""

from __future__ import annotations

import logging
import logging.config

import pytest

from server import log


@pytest.fixture
def written(tmp_path):
    """Log to a file, and back to nowhere after."""
    path = tmp_path / "collector.log"
    log.configure({"file": str(path)})
    yield lambda: path.read_text() if path.exists() else ""
    log.configure({"file": None})


def test_an_event_is_one_line_with_its_time_in_utc(written):
    log.event("device_enrolled", device="1234")
    (line,) = written().splitlines()
    assert line.endswith("Z INFO device_enrolled device=1234")


def test_a_failure_names_the_kind_and_the_place_and_nothing_else(written):
    try:
        raise ValueError("amira visited secret.example")
    except ValueError as fault:
        log.failure("request_failed", fault, record="5678")
    assert "request_failed fault=ValueError at=test_log.py:" in written()
    assert "secret.example" not in written()
    assert "amira" not in written()


def test_what_libraries_would_say_is_not_written(written):
    logging.getLogger("django.request").error("Not Found: /desk/incidents/1234")
    logging.getLogger("django.security.csrf").error("/desk/")
    logging.getLogger("allauth.account").error("amira")
    assert written() == ""
