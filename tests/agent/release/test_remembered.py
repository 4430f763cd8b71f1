"""What could not be taken in is remembered; a damaged memory is none."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.release.remembered import Memory, remember, remembered


def test_it_is_read_as_it_was_written(tmp_path):
    memory = Memory("1.2.0", 3, datetime(2026, 11, 2, tzinfo=UTC), "no answer")
    remember(tmp_path, memory)
    assert remembered(tmp_path) == memory


def test_a_damaged_memory_is_none(tmp_path):
    assert remembered(tmp_path) == Memory()
    remember(tmp_path, Memory("1.2.0"))
    (tmp_path / "release/fetch.json").write_bytes(b'{"tries": "x"}')
    assert remembered(tmp_path) == Memory()
