"""`show-data` tells each person only their own, and of flags and rights the same with and without the service."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime

import msgspec
import pytest

from agent.__main__ import main
from agent.health import HealthReport
from agent.held import Person, held
from agent.notice import FLAG_WORDS, NoticeFacts, compose
from agent.session.address import person_of_uid, socket_path
from agent.session.messages import Settings
from agent.session.server import SessionServer
from agent.tally import OwnTotal
from rules.rights import RIGHTS

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
REPORT = HealthReport(sources=(), spool="normal", last_contact=NOW, versions={})
TOTALS = [
    OwnTotal(day=date(2026, 3, 2), kind="host", category="games", name="chess.example", seconds=125, visits=1),
    OwnTotal(day=date(2026, 3, 2), kind="host", category="other", name=None, seconds=600, visits=0),
]
DOCUMENTS = {"acknowledged": [{"id": "code", "title": "Code of conduct", "version": "3", "at": NOW}], "waiting": []}
ME = person_of_uid(os.getuid())


@pytest.fixture
def service(tmp_path, bundle):
    asked = []

    def answer(person, what):
        asked.append((person, what))
        who = Person(person, "staff", watched=True, collected_from=NOW)
        whole = held(who, TOTALS, DOCUMENTS, bundle, REPORT, collector="https://c.example", now=NOW)
        return msgspec.json.encode({"held": whole, "own_totals": TOTALS}[what])

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
    code = main(["show-data", *(str(word) for word in words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_it_prints_the_callers_own_totals_and_the_words_about_flags(service, tmp_path, capsys):
    code, out, _ = ask(capsys, "--data-dir", tmp_path)
    words = " ".join(out.split())
    assert code == 0
    assert f"For {ME}, on this device, 2 March 2026." in words
    assert "Games 2 min 2 min -" in words
    assert "You acknowledged: Code of conduct, version 3 on 2026-03-02" in words
    assert FLAG_WORDS in words
    assert service == [(ME, "held")]


def test_day_by_day_where_it_is_asked_for(service, tmp_path, capsys):
    code, out, _ = ask(capsys, "--data-dir", tmp_path, "--days")
    assert code == 0
    assert "2026-03-02  chess.example (games): 2 min, 1 visit\n" in out
    assert "2026-03-02  other (other): 10 min\n" in out


def test_as_json_it_holds_all_of_it(service, tmp_path, capsys):
    code, out, _ = ask(capsys, "--data-dir", tmp_path, "--json")
    said = json.loads(out)
    totals, documents = (json.loads(msgspec.json.encode(one)) for one in (TOTALS, DOCUMENTS))
    assert code == 0
    assert (said["totals"], said["documents"], said["flags"]) == (totals, documents, FLAG_WORDS)
    assert (said["held"]["account"], said["held"]["rules"]["group"]) == (ME, "Staff")
    assert said["rights"] == list(RIGHTS)


def test_the_words_about_flags_are_the_same_when_the_service_does_not_run(tmp_path, capsys):
    code, out, err = ask(capsys, "--data-dir", tmp_path)
    assert code == 1
    assert FLAG_WORDS in " ".join(out.split())
    assert err == "fairwatch-agent show-data: the service is not running here, so it can't be asked\n"
    code, out, _ = ask(capsys, "--data-dir", tmp_path, "--json")
    said = json.loads(out)
    assert (code, said["held"], said["totals"], said["flags"]) == (1, None, None, FLAG_WORDS)


def test_without_a_display_the_window_is_text(service, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    code, out, _ = ask(capsys, "--data-dir", tmp_path, "--window")
    assert code == 0
    assert "What is held about me" in out


def test_somebody_who_asks_too_often_is_told_so_and_not_that_nothing_runs(service, capsys, tmp_path):
    for _ in range(100):
        code, out, err = ask(capsys, "--data-dir", tmp_path, "--json")
        if code != 0:
            break
    assert code == 1
    assert "Too many questions. Try again in a minute" in err
    assert "not running" not in err
    assert json.loads(out)["flags"] == FLAG_WORDS
