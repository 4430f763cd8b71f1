"""How a device's keys are guarded beyond their files' modes: by the system, where it offers that.

A copy of the files alone (a backup, a disk taken out) then lets no other machine speak as this one. It does not stop
who administers the device, who can ask the system as the service does.
"""

from __future__ import annotations

import sys
from typing import Protocol


class Protector(Protocol):
    """What turns a key into what stands in its file, and back; `name` is the file's, so that no two can be swapped."""

    def protect(self, key: bytes, name: str) -> bytes:
        """Return what to keep; raises KeyStoreError."""

    def unprotect(self, kept: bytes, name: str) -> bytes:
        """Return the key; raises KeyStoreError, or SealedTextError for what was altered or is another's."""


def of_this_system(platform: str = sys.platform) -> Protector | None:
    """Return this system's own protector, None where there is none and a file that root alone reads must do."""
    if platform == "darwin":
        from agent.macos.keychain import Keychain

        return Keychain()
    if sys.platform == "win32":
        from agent.windows.dpapi import Dpapi

        return Dpapi()
    return None
