"""A folder that answers nobody, like a network home whose server has gone: a FUSE mount that nothing serves."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

_NOSUID_NODEV, _DETACH = 6, 2


class Hanging:
    """Hangs from the start until `answer`, after which the folder below is there again. Skips where it can't be had."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.fsencode(folder)
        self._libc = ctypes.CDLL(None, use_errno=True)
        try:
            self._file = os.open("/dev/fuse", os.O_RDWR)
        except OSError as fault:
            pytest.skip(f"needs /dev/fuse ({fault.strerror})")
        options = f"fd={self._file},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()},allow_other".encode()
        if self._libc.mount(b"hanging", self._folder, b"fuse", _NOSUID_NODEV, options) != 0:
            os.close(self._file)
            pytest.skip(f"needs the right to mount ({os.strerror(ctypes.get_errno())})")
        self._hangs = True

    def answer(self) -> None:
        """End it: whoever hangs gets an error."""
        if self._hangs:
            self._hangs = False
            self._libc.umount2(self._folder, _DETACH)
            os.close(self._file)
