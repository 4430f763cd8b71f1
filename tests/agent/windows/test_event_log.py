"""Windows' event log is told which event it was, and never about whom or what."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from agent.windows.event_log import NUMBERS, OTHER, OTHER_NUMBER, EventLog, event_of
from tests.agent.windows.answers import Library

TOP = Path(__file__).parents[3]
ERROR, WARNING, INFORMATION = 1, 2, 4


class Log:
    """An event log that keeps what it is told."""

    def __init__(self, source: int = 3) -> None:
        self.kept: list[tuple[int, int, list[str]]] = []
        self.closed: list[int] = []
        self.library = Library(
            RegisterEventSourceW=lambda machine, name: source,
            ReportEventW=self._report,
            DeregisterEventSource=lambda handle: self.closed.append(handle),
        )

    def _report(self, source, kind, category, number, sid, count, size, words, raw) -> int:
        assert (source, category, sid, size, raw) == (3, 0, None, 0, None)
        self.kept.append((kind, number, list(words)[:count]))
        return 1


@pytest.fixture
def log():
    made = Log()
    handler = EventLog(made.library)
    logger = logging.getLogger("of a test of the event log")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    yield made, logger
    logger.removeHandler(handler)
    handler.close()


def test_an_event_is_its_name_and_number_and_nothing_that_was_put_into_it(log) -> None:
    made, logger = log
    logger.info("service.started device=%s", "anna")
    logger.warning("watchdog.pace factor=%d why=%s", 2, "example.test")
    logger.error("service.failed kind=%s", "ValueError")
    assert made.kept == [
        (INFORMATION, NUMBERS["service.started"], ["service.started"]),
        (WARNING, OTHER_NUMBER, ["watchdog.pace"]),
        (ERROR, NUMBERS["service.failed"], ["service.failed"]),
    ]


def test_what_a_library_says_in_its_own_words_is_not_told(log) -> None:
    made, logger = log
    logger.error("can't reach https://example.test/?q=anna")
    logger.error(Path("C:/Users/anna"))
    assert made.kept == [(ERROR, OTHER_NUMBER, [OTHER])] * 2


def test_what_goes_on_all_the_time_is_not_told(log) -> None:
    made, logger = log
    logger.info("sender.waiting reason=%s", "no answer")
    logger.debug("service.started")
    assert [words for _, _, words in made.kept] == [["service.started"]]


def test_a_machine_without_an_event_log_is_an_error() -> None:
    with pytest.raises(OSError, match="no event log"):
        EventLog(Log(source=0).library)


def test_a_log_that_was_closed_is_told_nothing(log) -> None:
    made, logger = log
    logger.handlers[0].close()
    logger.error("service.failed")
    assert (made.kept, made.closed) == ([], [3])


def test_every_event_with_a_number_is_one_that_the_agent_has_and_the_page_names_it() -> None:
    code = "".join(path.read_text("utf-8") for path in (TOP / "agent").rglob("*.py"))
    said = set(re.findall(r"\blog\.\w+\(\s*\"([a-z_.]+)", code))
    assert set(NUMBERS) <= said
    assert all(event_of(name) == name for name in NUMBERS)
    assert len(set(NUMBERS.values())) == len(NUMBERS)
    page = (TOP / "docs/platforms.md").read_text("utf-8")
    rows = {name: int(number) for number, name in re.findall(r"^\| (\d+) \| `([\w.]+)` \|", page, re.MULTILINE)}
    assert rows == NUMBERS


@pytest.mark.more
def test_on_windows_an_event_is_taken(wine) -> None:
    said = wine.run(
        "import logging; from agent.windows.event_log import EventLog\n"
        "handler = EventLog(); handler.handle(logging.makeLogRecord({'msg': 'service.failed', 'levelno': 40}))\n"
        "handler.close(); print('taken')"
    )
    assert said == "taken\n"
