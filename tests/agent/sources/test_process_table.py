"""Whose a process is and what it runs: of this very process here, and of a made-up answer as macOS gives it."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from agent.sources.process_table import executable, owner, path_by


class LibProc:
    """`proc_pidpath` as libproc.h describes it; made up, not recorded on a Mac."""

    def __init__(self, path: bytes, fault: int = 0) -> None:
        self.path, self.fault = path, fault

    def proc_pidpath(self, pid: int, buffer: Any, size: int) -> int:
        assert (pid, size, len(buffer)) == (42, 4096, 4096)
        if self.fault:
            ctypes.set_errno(self.fault)
            return 0
        buffer[: len(self.path)] = self.path
        return len(self.path)


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_process_is_its_owners(platform: str) -> None:
    assert owner(os.getpid(), platform) == os.geteuid()


def test_linux_says_which_executable_runs() -> None:
    assert executable(os.getpid(), "linux") == str(Path("/proc/self/exe").resolve())


def test_macos_says_it_by_libproc() -> None:
    path = "/Applications/Ex\u00e4mple.app/Contents/MacOS/Ex\u00e4mple"
    assert path_by(LibProc(path.encode()), 42) == path


@pytest.mark.parametrize(("fault", "kind"), [(errno.EPERM, PermissionError), (errno.ESRCH, ProcessLookupError)])
def test_what_may_not_be_seen_is_an_error_of_its_kind(fault: int, kind: type[OSError]) -> None:
    with pytest.raises(kind):
        path_by(LibProc(b"", fault), 42)
