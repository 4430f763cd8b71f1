"""The service enrols with the token that the installation left, once, and waits while there is none."""

from __future__ import annotations

import hashlib
import logging
import threading
from pathlib import Path

import pytest

from agent import keys
from agent.windows import enrolment
from agent.windows.enrolment import REFUSED_FILE, TOKEN_FILE, wait, with_token
from protocol.codes import Code
from tests.agent.devices import enrolled, until
from tests.agent.enrolling import collecting


@pytest.fixture
def setting(pilot, tmp_path):
    with collecting(pilot, tmp_path / "device") as made:
        made.folder.mkdir()
        yield made


def leave(setting, text: str) -> None:
    (setting.folder / TOKEN_FILE).write_text(text, "ascii")


def left(setting) -> list[str]:
    return sorted(path.name for path in setting.folder.iterdir() if path.name in (TOKEN_FILE, REFUSED_FILE))


@pytest.mark.parametrize("beside", ["", "||", "|{url}/|{root}"])
def test_the_token_is_used_and_gone(setting, beside, caplog):
    root = setting.collector.publication.read("metadata/1.root.json")
    leave(setting, setting.token() + beside.format(url=setting.collector.url, root=hashlib.sha256(root).hexdigest()))
    with caplog.at_level(logging.INFO):
        assert with_token(setting.folder)
    assert keys.load(setting.folder).group == "learners"
    assert left(setting) == []
    assert "enrolment.done" in caplog.text


@pytest.mark.parametrize("beside", ["|https://another.example|", "||" + 64 * "0"])
def test_a_token_of_another_collector_or_root_than_was_named_is_put_aside_and_nothing_is_sent(setting, beside, caplog):
    leave(setting, setting.token() + beside)
    assert not with_token(setting.folder, settle_seconds=0.02)
    assert left(setting) == [REFUSED_FILE]
    assert setting.collector.asked == 0
    assert "enrolment.refused" in caplog.text


def test_a_token_that_is_refused_is_put_aside(setting, caplog):
    setting.collector.refuse = Code.TOKEN_EXPIRED
    leave(setting, setting.token())
    assert not with_token(setting.folder, settle_seconds=0.02)
    assert left(setting) == [REFUSED_FILE]
    assert setting.token() not in caplog.text


@pytest.mark.parametrize(("code", "stays"), [(Code.BUSY, TOKEN_FILE), (Code.REVOKED_DEVICE, REFUSED_FILE)])
def test_a_collector_that_is_busy_is_asked_again_and_one_that_will_not_have_it_is_not(setting, code, stays):
    setting.collector.refuse = code
    leave(setting, setting.token())
    assert not with_token(setting.folder, settle_seconds=0.02)
    assert left(setting) == [stays]


def test_a_token_waits_for_a_collector_that_does_not_answer(setting):
    leave(setting, setting.token())
    setting.collector.close()
    assert not with_token(setting.folder)
    assert left(setting) == [TOKEN_FILE]


def test_it_waits_for_a_token_that_comes_later(setting, caplog):
    ended, found = threading.Event(), list[bool]()
    waiting = threading.Thread(target=lambda: found.append(wait(setting.folder, ended, look_seconds=0.02)))
    waiting.start()
    try:
        until(lambda: "service.waits_to_be_enrolled" in caplog.text)
        leave(setting, setting.token())
        waiting.join(timeout=20)
    finally:
        ended.set()
    assert found == [True]


def written_in_between(setting, monkeypatch, *pieces: str):
    """Write one piece of the token's file before the first try, and another each time that it lets time pass."""
    rest = iter(pieces)
    leave(setting, next(rest))
    monkeypatch.setattr(enrolment.time, "sleep", lambda _: leave(setting, next(rest)))


@pytest.mark.parametrize("cut", [1, 200, -1])
def test_a_token_that_is_still_being_written_is_not_put_aside(setting, monkeypatch, cut, caplog):
    token = setting.token()
    written_in_between(setting, monkeypatch, token[:cut], token)
    assert wait(setting.folder, threading.Event(), look_seconds=0.02)
    assert left(setting) == []
    assert "enrolment.refused" not in caplog.text


@pytest.mark.parametrize("nothing", [b"", b" \r\n\r\n", b"\xef\xbb\xbf", b"\xff\xfe\r\0\n\0"])
def test_an_empty_file_is_no_token_yet_however_long_it_stays(setting, nothing, caplog):
    (setting.folder / TOKEN_FILE).write_bytes(nothing)
    with caplog.at_level(logging.INFO):
        assert not with_token(setting.folder, settle_seconds=0)
    assert left(setting) == [TOKEN_FILE]
    assert setting.collector.asked == 0
    assert "enrolment.token_is_empty" in caplog.text
    assert "enrolment.refused" not in caplog.text
    leave(setting, setting.token())
    assert with_token(setting.folder)


def test_one_that_is_emptied_to_be_written_anew_is_not_put_aside(setting, monkeypatch):
    written_in_between(setting, monkeypatch, "half", "")
    assert not with_token(setting.folder)
    assert left(setting) == [TOKEN_FILE]


def test_another_token_is_tried_at_once_and_the_same_one_later(setting, caplog):
    setting.collector.refuse = Code.BUSY
    leave(setting, setting.token())
    ended, found = threading.Event(), list[bool]()
    waiting = threading.Thread(target=lambda: found.append(wait(setting.folder, ended, look_seconds=0.02)))
    waiting.start()
    try:
        until(lambda: "enrolment.no_answer" in caplog.text)
        asked = setting.collector.asked
        assert not ended.wait(0.2)
        assert setting.collector.asked == asked
        setting.collector.refuse = None
        leave(setting, setting.token() + "|")
        waiting.join(timeout=20)
    finally:
        ended.set()
    assert found == [True]


def held_open(monkeypatch):
    """Windows neither moves nor deletes a file that another program has open."""

    def but_for_the_token(otherwise):
        def do(path, *given, **named):
            if path.name == TOKEN_FILE:
                raise PermissionError(13, "the file is being used by another process")
            return otherwise(path, *given, **named)

        return do

    monkeypatch.setattr(Path, "replace", but_for_the_token(Path.replace))
    monkeypatch.setattr(Path, "unlink", but_for_the_token(Path.unlink))


def test_a_token_that_somebody_has_open_is_no_reason_not_to_watch(setting, monkeypatch, caplog):
    leave(setting, setting.token())
    with monkeypatch.context() as opened:
        held_open(opened)
        assert with_token(setting.folder)
        assert wait(setting.folder, threading.Event())
        assert left(setting) == [TOKEN_FILE]
    assert "enrolment.token_left" in caplog.text
    assert wait(setting.folder, threading.Event())
    assert left(setting) == []


def test_a_refused_token_that_somebody_has_open_is_put_aside_later(setting, monkeypatch):
    leave(setting, "nothing")
    with monkeypatch.context() as opened:
        held_open(opened)
        assert not with_token(setting.folder, settle_seconds=0.02)
        assert left(setting) == [TOKEN_FILE]
    assert not with_token(setting.folder, settle_seconds=0.02)
    assert left(setting) == [REFUSED_FILE]


def test_a_device_that_is_enrolled_keeps_its_identity_and_the_token_goes(setting):
    enrolled(setting.folder)
    before = keys.load(setting.folder).device
    leave(setting, setting.token())
    assert wait(setting.folder, threading.Event())
    assert keys.load(setting.folder).device == before
    assert left(setting) == []


def test_told_to_end_it_waits_no_longer(setting):
    ended = threading.Event()
    ended.set()
    assert not wait(setting.folder, ended)
