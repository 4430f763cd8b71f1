"""`fairwatch-agent acknowledge` shows what waits for the caller and acknowledges it for them alone."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime

import msgspec
import pytest

from agent.__main__ import main
from agent.notice import NoticeFacts, compose
from agent.reading import ToRead
from agent.session.address import person_of_uid, socket_path
from agent.session.messages import Acknowledged, DocumentShown, Settings
from agent.session.server import SessionServer

HANDBOOK = ToRead(
    id="handbook", title="Staff handbook", version="4", day=date(2026, 11, 1), where="", text="Section 3 is new.",
    shown="a" * 64, ask_at=datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip


@pytest.fixture
def heard(tmp_path):
    """A service with one document for whoever asks; gives what it was told."""
    told = []

    def answer(person, what):
        done = any(isinstance(message, Acknowledged) for _, message in told)
        return msgspec.json.encode({"acknowledged": [], "waiting": [] if done else [HANDBOOK]})

    notice = compose(NoticeFacts(organisation="Test", groups=()))
    server = SessionServer(
        socket_path(tmp_path),
        on_front=lambda _person, _front: None,
        on_notice=lambda _person, _version, _at: None,
        on_reading=lambda person, message: told.append((person, message)),
        answer=answer,
        settings=lambda _person: Settings(notice=notice, observe=False, notice_is_new=False),
        collect_from=lambda _person: None,
        clock=lambda: datetime.now(UTC),
    )
    server.start()
    yield told
    server.stop()


def run(capsys, *words):
    code = main(["acknowledge", *map(str, words)])
    return code, *capsys.readouterr()


def test_what_waits_is_printed_and_then_acknowledged(heard, tmp_path, capsys):
    code, out, err = run(capsys, "--data-dir", tmp_path)
    assert (code, err) == (0, "")
    assert "Section 3 is new." in out
    assert out.endswith("When you have read it: fairwatch-agent acknowledge handbook\n")
    assert run(capsys, "handbook", "--data-dir", tmp_path) == (0, "Acknowledged: Staff handbook, version 4.\n", "")
    me = person_of_uid(os.getuid())
    assert heard == [
        (me, DocumentShown(document="handbook", shown="a" * 64)),
        (me, Acknowledged(document="handbook", shown="a" * 64)),
    ]
    assert run(capsys, "--data-dir", tmp_path)[1] == "Nothing waits for you to be read.\n"


def test_what_does_not_wait_for_the_caller_is_refused_and_a_service_that_is_away_is_told(heard, tmp_path, capsys):
    code, out, err = run(capsys, "unheard_of", "--data-dir", tmp_path)
    assert (code, out) == (2, "")
    assert err == "fairwatch-agent acknowledge: 'unheard_of' does not wait for you; what does: handbook\n"
    code, _, err = run(capsys, "handbook", "--data-dir", tmp_path / "nobody")
    assert (code, err.count("\n")) == (1, 1)
    assert heard == []
