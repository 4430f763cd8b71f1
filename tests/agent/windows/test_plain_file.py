"""A file is read as a guest: links, pipes and folders in its place are refused, and its owner is in nobody's way."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.windows import plain_file
from agent.windows.plain_file import PlainFiles
from tests.agent.windows.answers import Library
from tests.agent.windows.wine_python import as_windows

DISK, PIPE = 1, 3
PLAIN, LINK = 0x20, 0x420


class Machine:
    """A machine on which one thing can be opened."""

    def __init__(self, kind: int = DISK, attributes: int = PLAIN, error: int = 0) -> None:
        self.opened: list[tuple[int, int, int, int]] = []
        self.closed: list[int] = []
        self.attributes, self.error = attributes, error
        kernel = Library(
            CreateFileW=self._open, GetFileType=lambda handle: kind, GetFileInformationByHandle=self._tell,
            CloseHandle=lambda handle: self.closed.append(handle),
        )  # fmt: skip
        self.files = PlainFiles(kernel)

    def _open(self, path, rights, sharing, security, how, flags, template) -> int:
        self.opened.append((rights, sharing, how, flags))
        return 2**64 - 1 if self.error else 9

    def _tell(self, handle, into) -> int:
        into._obj.attributes = self.attributes
        return 1


def test_it_is_opened_to_read_and_shared_for_everything_and_no_link_is_followed() -> None:
    machine = Machine()
    assert machine.files.handle(r"C:\history") == 9
    ((rights, sharing, how, flags),) = machine.opened
    assert (rights, sharing, how) == (0x80000000, 7, 3)
    assert flags & 0x00200000, "the link itself, and not where it leads"
    assert flags & 0x00110000 == 0x00110000, "a pipe in its place learns who comes, and can't act as them"
    assert machine.closed == []


@pytest.mark.parametrize("machine", [Machine(attributes=LINK), Machine(kind=PIPE), Machine(kind=0)])
def test_a_link_or_a_pipe_is_refused_and_let_go(machine: Machine) -> None:
    with pytest.raises(OSError, match="no plain file"):
        machine.files.handle(r"C:\history")
    assert machine.closed == [9]


@pytest.mark.parametrize(("error", "kind"), [(2, FileNotFoundError), (3, FileNotFoundError), (5, PermissionError),
                                             (32, PermissionError)])  # fmt: skip
def test_what_is_not_there_is_told_from_what_may_not_be_read(
    error: int, kind: type[OSError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_file, "last_error", lambda: error)
    with pytest.raises(kind):
        Machine(error=error).files.handle(r"C:\history")


READING = """
import os, sys
from pathlib import Path
from agent.sources.history_file import opened_plain
from agent.sources.errors import SourceError
folder = Path(sys.argv[1])
file = folder / "History"
file.write_bytes(b"first\\r\\n\\x1alast")
with opened_plain(file) as opened:
    os.replace(file, folder / "moved")
    (folder / "moved").unlink()
    print(opened.read())
for place in (folder, Path(r"\\\\.\\pipe\\fairwatch-nowhere"), folder / "gone"):
    try:
        opened_plain(place).close()
        print("opened")
    except (OSError, SourceError) as fault:
        print(type(fault).__name__)
"""


@pytest.mark.more
def test_on_windows_its_owner_may_move_and_delete_it_while_it_is_read(wine, tmp_path: Path) -> None:
    said = wine.run(READING, as_windows(tmp_path)).splitlines()
    assert said == [r"b'first\r\n\x1alast'", "PermissionError", "HistoryAbsent", "HistoryAbsent"]
