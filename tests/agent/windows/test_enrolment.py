"""The service enrols with the token that the installation left, once, and waits while there is none."""

from __future__ import annotations

import hashlib
import logging
import threading

import pytest

from agent import keys
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
    assert not with_token(setting.folder)
    assert left(setting) == [REFUSED_FILE]
    assert setting.collector.asked == 0
    assert "enrolment.refused" in caplog.text


def test_a_token_that_is_refused_is_put_aside(setting, caplog):
    setting.collector.refuse = Code.TOKEN_EXPIRED
    leave(setting, setting.token())
    assert not with_token(setting.folder)
    assert left(setting) == [REFUSED_FILE]
    assert setting.token() not in caplog.text


@pytest.mark.parametrize(("code", "stays"), [(Code.BUSY, TOKEN_FILE), (Code.REVOKED_DEVICE, REFUSED_FILE)])
def test_a_collector_that_is_busy_is_asked_again_and_one_that_will_not_have_it_is_not(setting, code, stays):
    setting.collector.refuse = code
    leave(setting, setting.token())
    assert not with_token(setting.folder)
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
