"""The browser's end of the pipe to read from: never blocks, and can be waited for beside the service."""

from __future__ import annotations

import os
import sys
from typing import Final, Protocol

CHUNK_BYTES: Final = 16 * 1024


class BrowserPipe(Protocol):
    """What comes from the browser."""

    def fileno(self) -> int:
        """What to wait for (see `agent.session.waiting`): told when something has come, or the browser has gone."""

    def read(self) -> bytes | None:
        """What has come, empty once the browser has gone, None while nothing has."""


def of_this_system(descriptor: int, platform: str = sys.platform) -> BrowserPipe:
    """The pipe behind a descriptor."""
    if platform == "win32":
        from agent.windows.reading import Reading

        return Reading(descriptor, CHUNK_BYTES)
    return PlainPipe(descriptor)


class PlainPipe:
    """A pipe that the system itself lets one wait for."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def read(self) -> bytes | None:
        """What has come, empty once the browser has gone, None while nothing has."""
        try:
            return os.read(self._descriptor, CHUNK_BYTES)
        except BlockingIOError:
            return None
