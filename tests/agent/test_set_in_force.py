"""One set of rules is in force at a time, on every system, and a damaged note of which is none."""

from __future__ import annotations

import pytest

from agent.set_in_force import FILE, in_force, put_in_force


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_a_later_set_takes_the_formers_place(tmp_path, platform):
    assert not in_force(tmp_path, platform).exists()
    for number in (1, 2):
        (tmp_path / "sets" / str(number)).mkdir(parents=True)
        put_in_force(tmp_path, number, platform)
        assert in_force(tmp_path, platform).resolve() == (tmp_path / "sets" / str(number)).resolve()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("note", [b"", b"../elsewhere", b"\xff", b"1 ", b"-1", "²".encode()])
def test_a_note_that_is_no_number_leads_nowhere(tmp_path, note):
    (tmp_path / "sets/1").mkdir(parents=True)
    (tmp_path / FILE).write_bytes(note)
    assert not in_force(tmp_path, "win32").exists()
