"""The session part's end: what could not be sent is kept, and it comes back when the service does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from agent.session.address import person_of_uid
from agent.session.errors import ServiceUnreachable
from agent.session.link import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, MAX_KEPT, Link, ask
from agent.session.messages import Ask, FromService, Front, Settings

if TYPE_CHECKING:
    from conftest import Service

ME = person_of_uid(os.getuid()) or ""


class Clock:
    """Monotonic seconds that go on as told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def link(service: Service, clock: Clock) -> Iterator[Link]:
    link = Link(service.path, clock)
    yield link
    link.close()


def used(number: int = 0) -> Front:
    return Front(identity=f"linux:a{number}", started=datetime.now(UTC) - timedelta(seconds=60), seconds=1)


def test_what_is_sent_before_the_service_is_there_arrives_when_it_is(
    service: Service, link: Link, clock: Clock, until: Callable[..., Any]
) -> None:
    service.had_notice_an_hour_ago(ME)
    for number in range(100):
        link.send(used(number))
    assert isinstance(until(link.turn)[0], Settings)
    until(lambda: len(service.fronts) == 100)
    assert [one.identity for _, one in service.fronts] == [f"linux:a{number}" for number in range(100)]


def test_it_comes_back_after_the_service_was_away(
    service: Service, link: Link, clock: Clock, until: Callable[..., Any]
) -> None:
    service.had_notice_an_hour_ago(ME)
    until(link.turn)
    service.server.stop()
    until(lambda: link.turn() == [] and not link.connected)
    link.send(used())
    service.server = service.made()
    service.server.start()
    clock.now += FIRST_WAIT_SECONDS
    until(link.turn)
    until(lambda: len(service.fronts) == 1)


def test_it_is_left_behind_once_the_service_is_of_another_version(
    service: Service, link: Link, clock: Clock, until: Callable[..., Any]
) -> None:
    for version in ("1.0", "1.0", "1.1"):
        service.server.stop()
        until(lambda: link.turn() == [] and not link.connected)
        assert not link.is_left_behind
        service.server = service.made(version)
        service.server.start()
        clock.now += LONGEST_WAIT_SECONDS
        until(lambda: any(isinstance(one, Settings) for one in link.turn()))
        assert link.is_left_behind == (version == "1.1")


def test_it_tries_ever_more_rarely_and_never_reconnects_in_between(tmp_path: Path, clock: Clock) -> None:
    link = Link(tmp_path / "absent" / "session.sock", clock)
    waits = []
    for _ in range(8):
        assert link.turn() == []
        wait = link.wait_seconds()
        assert wait is not None
        waits.append(wait)
        clock.now += wait
    assert waits == [1, 2, 4, 8, 16, LONGEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS]


def test_what_it_keeps_is_bounded_and_the_newest_stay(tmp_path: Path, clock: Clock) -> None:
    link = Link(tmp_path / "session.sock", clock)
    for number in range(MAX_KEPT + 5):
        link.send(used(number))
    assert len(link._kept) == MAX_KEPT
    assert b"linux:a5" in link._kept[0]


def test_a_message_of_a_newer_service_is_passed_over(link: Link) -> None:
    understood: list[FromService] = link._understood(
        [b'{"type":"Reminder","category_name":"games","minutes":5}', b'{"type":"New"}']
    )
    assert len(understood) == 1


def test_a_question_is_answered_for_the_caller(service: Service) -> None:
    answer = ask(service.path, Ask(what="own_totals"))
    assert msgspec.json.decode(answer) == {"person": ME, "what": "own_totals"}


def test_without_a_service_a_question_fails_at_once_and_says_that_trying_later_helps(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(ServiceUnreachable) as error:
        ask(tmp_path / "session.sock", Ask(what="status"))
    assert error.value.retrying_helps
    assert time.monotonic() - began < 1
