"""The data folder is where Windows says, whatever the environment says."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.windows.folders import USUAL, program_data
from tests.agent.windows.answers import Library


def test_where_windows_says_nothing_it_is_the_usual_place() -> None:
    assert program_data() == USUAL
    assert program_data(Library(SHGetFolderPathW=lambda *_: -1)) == USUAL


def test_it_is_where_windows_says() -> None:
    def say(window, kind, token, flags, into) -> int:
        assert (window, kind, token, flags) == (None, 0x23, None, 0)
        into.value = r"D:\ProgramData"
        return 0

    assert str(program_data(Library(SHGetFolderPathW=say))) == r"D:\ProgramData"


@pytest.mark.more
def test_on_windows_the_environment_does_not_move_it(wine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(wine.environment, "PROGRAMDATA", r"Z:\elsewhere")
    said = wine.run(
        "from agent.windows.folders import program_data; from agent.places import DATA_DIR; print(DATA_DIR)"
    )
    assert Path(said.strip()).parts == (r"C:\ProgramData\Fairwatch",)
