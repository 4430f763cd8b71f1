"""What the extension and the program beside the browser say to each other: strict JSON, with no field for a page.

A host is checked again by the service, which has the room for it; here it is only bounded.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from agent.notice import Notice
from agent.session.errors import MessageRefused

Family = Literal["Chromium", "Firefox"]

LONGEST_SPENT_SECONDS: Final = 120.0
"""The extension hands time over each minute."""

OLDEST_MS: Final = 3_600_000
"""What waits in a browser for the agent waits an hour at most; histories know what is older."""

Host = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:\[\]-]{1,253}$(?!\n)")]
Ago = Annotated[int, Meta(ge=0, le=OLDEST_MS)]


class _Word(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """A message, named by its type; a field that is not known is refused."""


class Hello(_Word, frozen=True, kw_only=True):
    """The first message: the extension's version, and whether the browser lets it see private windows."""

    version: Annotated[str, Meta(max_length=32)]
    private_windows: bool


class Visit(_Word, frozen=True, kw_only=True):
    """A page of that host was opened in a tab, so many milliseconds ago."""

    host: Host
    private: bool
    ago_ms: Ago


class Spent(_Word, frozen=True, kw_only=True):
    """That host was in front for so many seconds, until so many milliseconds ago."""

    host: Host
    private: bool
    seconds: Annotated[float, Meta(gt=0, le=LONGEST_SPENT_SECONDS)]
    ago_ms: Ago


class Settings(_Word, frozen=True, kw_only=True):
    """The answer: whether anything may be told, whether of private windows too, and the notice, for people to read."""

    watch: bool
    private_windows: bool
    notice: Notice


FromExtension = Hello | Visit | Spent

_decoder: msgspec.json.Decoder[FromExtension] = msgspec.json.Decoder(FromExtension)
_encoder = msgspec.json.Encoder()


def decode(body: bytes) -> FromExtension:
    """Read one message of the extension; raises `MessageRefused` for anything else."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageRefused(f"Not a message of the extension: {type(error).__name__}.") from error


def encode(message: Settings) -> bytes:
    """Write the message for the extension."""
    return _encoder.encode(message)
