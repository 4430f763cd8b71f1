"""`status` asks the running service, never counts what waits, and never pretends that it runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from agent.__main__ import main
from agent.health import HealthReport, SourceHealth
from agent.notice import NoticeFacts, compose
from agent.session.address import socket_path
from agent.session.messages import Settings
from agent.session.server import SessionServer
from agent.status import in_words

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
REPORT = HealthReport(
    sources=(
        SourceHealth(name="browser_history", state="working"),
        SourceHealth(name="foreground", state="unknown", reason="Wayland does not tell which app is in front."),
    ),
    spool="normal",
    last_contact=NOW,
    versions={"agent": "0.1.0", "policy": "7"},
)


@pytest.fixture
def service(tmp_path):
    notice = compose(NoticeFacts(organisation="Test", groups=()))
    server = SessionServer(
        socket_path(tmp_path),
        on_front=lambda _person, _front: None,
        on_notice=lambda _person, _version, _at: None,
        on_reading=lambda _person, _message: None,
        answer=lambda _person, _what: msgspec.json.encode(REPORT),
        settings=lambda _person: Settings(notice=notice, observe=False, notice_is_new=False),
        collect_from=lambda _person: None,
        clock=lambda: NOW,
    )
    server.start()
    yield server
    server.stop()


def ask(capsys, *words):
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def test_status_prints_what_the_service_says_as_json(service, tmp_path, capsys):
    code, out, _ = ask(capsys, "status", "--data-dir", tmp_path, "--json")
    assert code == 0
    assert json.loads(out) == {"running": True, **json.loads(msgspec.json.encode(REPORT))}


def test_status_in_words_names_each_source_and_never_counts_what_waits(service, tmp_path, capsys):
    code, out, _ = ask(capsys, "status", "--data-dir", tmp_path)
    assert code == 0
    assert "browser_history: working" in out
    assert "foreground: unknown (Wayland does not tell which app is in front.)" in out
    assert "Spool: normal." in out
    assert "policy 7" in out


def test_status_says_what_the_agent_noticed_about_itself_in_sentences():
    said = in_words({"notices": ["clock_moved", "slowed_cpu", "of_a_newer_service"]})
    assert "Within the last day this device's clock was moved by more than two minutes." in said
    assert "looks less often until it does not." in said
    assert "The service noticed of_a_newer_service." in said


@pytest.mark.parametrize("words", [["--json"], []])
def test_status_of_a_service_that_does_not_run_says_so_and_fails(tmp_path, capsys, words):
    code, out, err = ask(capsys, "status", "--data-dir", tmp_path, *words)
    assert code == 1
    assert out == ('{"running": false}\n' if words else "")
    assert err == "fairwatch-agent status: the service is not running here, so nothing is watched or sent\n"


def test_somebody_who_asks_too_often_is_told_so_and_not_that_nothing_runs(service, capsys, tmp_path):
    for _ in range(100):
        code, out, err = ask(capsys, "status", "--data-dir", tmp_path, "--json")
        if code != 0:
            break
    assert code == 1
    assert "Too many questions. Try again in a minute." in err
    assert "not running" not in err
    assert json.loads(out)["running"] is True
