"""What is chosen is read as it was written; a damaged file is a device that never fetched any."""

from __future__ import annotations

import pytest

from agent.release.state import BAD_MAX, State, chosen, fallen, read, refused, write


def test_what_was_written_is_read_by_everybody_and_written_by_its_owner(tmp_path):
    (tmp_path / "release").mkdir()
    state = State(version="1.2.0", before="1.1.0", starts=2, well=False, bad={"1.0.1": "why"})
    write(tmp_path, state)
    assert read(tmp_path) == state
    assert (tmp_path / "release/state.json").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b'{"version": 1}', b'{"other": ""}', b"[" * 100_000])
def test_a_damaged_state_is_none(tmp_path, text):
    (tmp_path / "release").mkdir()
    (tmp_path / "release/state.json").write_bytes(text)
    assert read(tmp_path) == State()
    assert read(tmp_path / "nothing") == State()


def test_only_the_latest_bad_versions_are_remembered(tmp_path):
    (tmp_path / "release").mkdir()
    write(tmp_path, State(bad={f"1.{minor}": "why" for minor in range(100)}))
    assert list(read(tmp_path).bad) == [f"1.{minor}" for minor in range(100 - BAD_MAX, 100)]


def test_a_version_is_tried_and_left():
    state = chosen(State(version="1.1.0", bad={"1.0.5": "x"}), "1.2.0", "1.1.0")
    assert state == State(version="1.2.0", before="1.1.0", well=False, bad={"1.0.5": "x"})
    assert fallen(state, "why") == State(version="1.1.0", bad={"1.0.5": "x", "1.2.0": "why"})
    assert refused(State(version="1.1.0"), "1.2.0", "why") == State(version="1.1.0", bad={"1.2.0": "why"})
