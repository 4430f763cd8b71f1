"""Native messaging's frames: a length of four bytes in the machine's own order, then so much JSON.

Source: developer.chrome.com, "Native messaging", and MDN, "Native messaging": both use the same frames.
"""

from __future__ import annotations

import struct
from typing import Final

from agent.session.errors import MessageRefused

MAX_FRAME_BYTES: Final = 1024
"""The extension's longest message is under 400 bytes. A longer one is refused by its length, before it is read."""

_LENGTH: Final = struct.Struct("=I")


class Frames:
    """Bytes as they come, and the messages in them."""

    def __init__(self) -> None:
        self._received = bytearray()

    def take(self, received: bytes) -> list[bytes]:
        """Add what came, and give the messages that are whole; raises `MessageRefused` for a wrong length."""
        self._received += received
        found = []
        while len(self._received) >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._received)
            if not 0 < size <= MAX_FRAME_BYTES:
                raise MessageRefused(f"A message of {size} bytes is none of the extension's.")
            end = _LENGTH.size + size
            if len(self._received) < end:
                break
            found.append(bytes(self._received[_LENGTH.size : end]))
            del self._received[:end]
        return found

    @property
    def is_between(self) -> bool:
        """Whether nothing of an unfinished message has come."""
        return not self._received


def frame(body: bytes) -> bytes:
    """One message as it goes to the browser."""
    return _LENGTH.pack(len(body)) + body
