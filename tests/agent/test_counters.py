"""No number ever comes twice."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.counters import COUNTER_BLOCK, Counters
from agent.errors import SpoolUnavailableError

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def counters(folder, ceiling=None) -> Counters:
    return Counters(folder / "spool.sqlite3", ceiling, lambda: NOW)


def test_numbers_rise_by_one_across_blocks(tmp_path):
    made = counters(tmp_path)
    numbers = [made.next() for _ in range(2 * COUNTER_BLOCK + 3)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_each_start_begins_after_everything_that_may_have_been_used(tmp_path):
    last = 0
    for _ in range(5):
        made = counters(tmp_path)
        first = made.next()
        assert first > last
        last = made.ceiling


def test_the_higher_of_the_file_and_the_database_counts(tmp_path):
    made = counters(tmp_path)
    made.next()
    assert counters(tmp_path, made.ceiling - 5).next() == made.ceiling + 1
    assert counters(tmp_path, made.ceiling + 5000).next() == made.ceiling + 5001


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff"])
def test_with_nothing_to_go_by_the_time_is_the_first_number(tmp_path, content):
    (tmp_path / "spool.sqlite3.counter").write_bytes(content)
    assert counters(tmp_path).next() == int(NOW.timestamp() * 1000) + 1


def test_no_number_is_given_out_that_could_not_be_noted_first(tmp_path, monkeypatch):
    made = counters(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("agent.counters.write_whole", full)
        for _ in range(2):
            with pytest.raises(SpoolUnavailableError):
                made.next()
    assert made.next() == int(NOW.timestamp() * 1000) + 1
