"""`status` and `show-data` ask the running service, tell each person only their own, and never pretend that it runs."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime

import msgspec
import pytest

from agent.__main__ import main
from agent.health import HealthReport, SourceHealth
from agent.notice import FLAG_WORDS, NoticeFacts, compose
from agent.session.address import person_of_uid, socket_path
from agent.session.messages import Settings
from agent.session.server import SessionServer
from agent.tally import OwnTotal

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
TOTALS = [
    OwnTotal(day=date(2026, 3, 2), kind="host", category="games", name="chess.example", seconds=125, visits=1),
    OwnTotal(day=date(2026, 3, 2), kind="host", category="other", name=None, seconds=600, visits=0),
]

DOCUMENTS = {
    "acknowledged": [{"id": "code", "title": "Code of conduct", "version": "3", "at": NOW}],
    "waiting": [{"id": "handbook", "title": "Staff handbook", "version": "4"}],
}


@pytest.fixture
def service(tmp_path):
    asked = []

    def answer(person, what):
        asked.append((person, what))
        return msgspec.json.encode({"status": REPORT, "own_totals": TOTALS, "documents": DOCUMENTS}[what])

    notice = compose(NoticeFacts(organisation="Test", groups=()))
    server = SessionServer(
        socket_path(tmp_path),
        on_front=lambda _person, _front: None,
        on_notice=lambda _person, _version, _at: None,
        on_reading=lambda _person, _message: None,
        answer=answer,
        settings=lambda _person: Settings(notice=notice, observe=False, notice_is_new=False),
        collect_from=lambda _person: None,
        clock=lambda: NOW,
    )
    server.start()
    yield asked
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


@pytest.mark.parametrize("words", [["--json"], []])
def test_status_of_a_service_that_does_not_run_says_so_and_fails(tmp_path, capsys, words):
    code, out, err = ask(capsys, "status", "--data-dir", tmp_path, *words)
    assert code == 1
    assert out == ('{"running": false}\n' if words else "")
    assert err == "fairwatch-agent status: the service is not running here, so nothing is watched or sent\n"


def test_show_data_prints_the_callers_own_totals_and_the_words_about_flags(service, tmp_path, capsys):
    code, out, _ = ask(capsys, "show-data", "--data-dir", tmp_path)
    assert code == 0
    assert "2026-03-02  chess.example (games): 2 min, 1 visit\n" in out
    assert "2026-03-02  other (other): 10 min\n" in out
    assert "You acknowledged: Code of conduct, version 3 on 2026-03-02\n" in out
    assert "Waiting to be read: Staff handbook, version 4\n" in out
    assert out.endswith(FLAG_WORDS + "\n")
    me = person_of_uid(os.getuid())
    assert service == [(me, "own_totals"), (me, "documents")]


def test_show_data_as_json_holds_the_totals_and_the_same_words(service, tmp_path, capsys):
    code, out, _ = ask(capsys, "show-data", "--data-dir", tmp_path, "--json")
    assert code == 0
    totals, documents = (json.loads(msgspec.json.encode(one)) for one in (TOTALS, DOCUMENTS))
    assert json.loads(out) == {"totals": totals, "documents": documents, "flags": FLAG_WORDS}


def test_the_words_about_flags_are_the_same_when_the_service_does_not_run(tmp_path, capsys):
    code, out, err = ask(capsys, "show-data", "--data-dir", tmp_path)
    assert code == 1
    assert out.endswith(FLAG_WORDS + "\n")
    assert "not running" in err
    code, out, _ = ask(capsys, "show-data", "--data-dir", tmp_path, "--json")
    assert (code, json.loads(out)) == (1, {"totals": None, "documents": None, "flags": FLAG_WORDS})


@pytest.mark.parametrize("command", ["status", "show-data"])
def test_somebody_who_asks_too_often_is_told_so_and_not_that_nothing_runs(command, service, capsys, tmp_path):
    for _ in range(100):
        code, out, err = ask(capsys, command, "--data-dir", tmp_path, "--json")
        if code != 0:
            break
    assert code == 1
    assert "Too many questions. Try again in a minute." in err
    assert "not running" not in err
    assert json.loads(out).get("running", True)
