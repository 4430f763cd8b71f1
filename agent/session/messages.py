"""What the session part and the service say to each other: one strict JSON object a line over the local socket.

No message has a field for a person: the service takes the person from the peer's uid. None has a field for a title.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from agent.health import State
from agent.notice import Notice
from agent.reading import ToRead
from agent.session.errors import MessageRefused

# The longest line a session may send: its longest message is under 600 bytes.
MAX_LINE_BYTES: Final = 4096
# The longest line the service may send: the notice, and a person's own totals for some months.
MAX_ANSWER_BYTES: Final = 1024 * 1024
# The session cuts intervals every minute, so ten times the longest honest one.
MAX_INTERVAL_SECONDS: Final = 600.0

# An installed desktop file's name or an executable's, in the few characters that such names use; on Windows the
# publisher's before it, whose letters may be any.
Identity = Annotated[
    str,
    Meta(
        pattern=r"^((linux|macos):(exe:)?[A-Za-z0-9_][A-Za-z0-9._+@~-]{0,127}"
        r"|windows:\w[\w .,&'()+-]{0,63}:\w[\w ._+@~-]{0,63})$(?!\n)"
    ),
]
Host = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:\[\]-]{1,253}$(?!\n)")]
Seconds = Annotated[float, Meta(ge=0, le=MAX_INTERVAL_SECONDS)]
Instant = Annotated[datetime, Meta(tz=True)]
Version = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$(?!\n)")]
DocumentId = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$(?!\n)")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]

Reason = Literal[
    "seen", "starting", "not_observing", "notice_not_shown", "wayland", "no_display", "display_failed",
    "no_window_manager",
]  # fmt: skip
REASONS: Final[dict[Reason, str]] = {
    "seen": "",
    "starting": "The session part has just started.",
    "not_observing": "There is no signed recipient list or policy yet, so nothing is observed.",
    "notice_not_shown": "The notice could not be shown, so nothing is observed.",
    "wayland": "The session uses Wayland with a compositor that does not say which app is in front.",
    "no_display": "The session has no display.",
    "display_failed": "The display can't be opened or does not say whether anyone is there.",
    "no_window_manager": "No window manager says which app is in front.",
}


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """A message, named by its type; a field that is not known is refused."""


class NoticeShown(_Message, frozen=True, kw_only=True):
    """The notice of that version was on the person's screen at that time."""

    at: Instant
    notice_version: Version


class Front(_Message, frozen=True, kw_only=True):
    """A completed interval of one app in front. `identity` is None where it can't be told which app it was.

    `idle` says that the interval ended because nothing was typed or moved.
    """

    identity: Identity | None
    started: Instant
    seconds: Seconds
    idle: bool = False


class Idle(_Message, frozen=True, kw_only=True):
    """A completed interval in which nothing was typed or moved."""

    started: Instant
    seconds: Seconds


class SourceState(_Message, frozen=True, kw_only=True):
    """How well the session part can see.

    The reason is one of a closed list, for it goes into the heartbeat: free words from a peer could carry anything.
    """

    state: State
    reason: Reason


class BrowserHere(_Message, frozen=True, kw_only=True):
    """A browser of that family has the extension, which may or may not look at private windows."""

    family: Literal["Chromium", "Firefox"]
    private_windows: bool


class HostVisited(_Message, frozen=True, kw_only=True):
    """A page of that host was opened. It comes from a `BrowserHere`, as does `HostShown`."""

    host: Host
    at: Instant
    private: bool


class HostShown(_Message, frozen=True, kw_only=True):
    """A completed interval of that host in front, of a visit that was told by itself."""

    host: Host
    started: Instant
    seconds: Seconds
    private: bool


class DocumentShown(_Message, frozen=True, kw_only=True):
    """A document that the person is asked to read was on their screen, in the words that `shown` is the hash of."""

    document: DocumentId
    shown: Sha256


class Acknowledged(_Message, frozen=True, kw_only=True):
    """The person said that they have read a document, in these words."""

    document: DocumentId
    shown: Sha256


class Ask(_Message, frozen=True, kw_only=True):
    """A question about the agent, or about the asking person's own totals or documents, or all that is held of them."""

    what: Literal["status", "own_totals", "documents", "held"]


class ServiceVersion(_Message, frozen=True, kw_only=True):
    """The first word of the service on each connection: which version it is.

    Its form never changes: a part that an update left behind may understand nothing else of a newer service.
    """

    version: Annotated[str, Meta(max_length=64)]


class Settings(_Message, frozen=True, kw_only=True):
    """What a session part needs to know: the notice, whether it is new to them, whether to observe, what to read.

    `private_windows` is for browsers: whether those are watched too.
    """

    notice: Notice
    observe: bool
    notice_is_new: bool
    documents: tuple[ToRead, ...] = ()
    private_windows: bool = False


class Reminder(_Message, frozen=True, kw_only=True):
    """A reminder for the person: this many minutes of that category today."""

    category_name: Annotated[str, Meta(max_length=100)]
    minutes: Annotated[int, Meta(ge=0, le=24 * 60)]


class Answer(_Message, frozen=True, kw_only=True):
    """The answer to an `Ask`, as the JSON that the command prints."""

    json: msgspec.Raw


class Refused(_Message, frozen=True, kw_only=True):
    """The last message a peer gets that said what is not understood."""

    reason: str


FromBrowser = BrowserHere | HostVisited | HostShown
FromSession = NoticeShown | Front | Idle | SourceState | DocumentShown | Acknowledged | Ask | FromBrowser
FromService = ServiceVersion | Settings | Reminder | Answer | Refused

_from_session: msgspec.json.Decoder[FromSession] = msgspec.json.Decoder(FromSession)
_from_service: msgspec.json.Decoder[FromService] = msgspec.json.Decoder(FromService)
_encoder = msgspec.json.Encoder()
T = TypeVar("T")


def encode(message: FromSession | FromService) -> bytes:
    """One line of JSON with its newline."""
    return _encoder.encode(message) + b"\n"


def decode_from_session(line: bytes) -> FromSession:
    """Read a line that came from a session part; raises `MessageRefused` for anything but a message of ours."""
    if len(line) > MAX_LINE_BYTES:
        raise MessageRefused("The line is longer than any message.")
    return _decode(_from_session, line)


def decode_from_service(line: bytes) -> FromService:
    """Read a line that came from the service; raises `MessageRefused` for anything but a message of ours."""
    return _decode(_from_service, line)


def _decode(decoder: msgspec.json.Decoder[T], line: bytes) -> T:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageRefused(f"Not a message of ours: {type(error).__name__}.") from error
