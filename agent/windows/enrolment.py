"""Waits until this device is enrolled, and enrols it with the token that its installation left.

The installation leaves `token` in the data folder, which the system and administrators alone can read: the token, then
the collector's address and the root's SHA-256, each perhaps empty, with "|" between them.
"""

from __future__ import annotations

import contextlib
import logging
import platform
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from agent import enrol, keys
from agent.errors import AgentError, CollectorRefused, EnrolmentError
from protocol import tokens
from protocol.errors import ProtocolError
from protocol.limits import ENROLMENT_TOKEN_MAX_CHARS
from rules.errors import RulesError

TOKEN_FILE: Final = "token"  # noqa: S105 - a file's name
REFUSED_FILE: Final = "token.refused"
LOOK_SECONDS: Final = 10.0
"""How often to look whether there is a token, or an identity that somebody made by hand."""
TRY_AGAIN_SECONDS: Final = 600.0
"""How soon a collector that did not answer is asked again."""
SETTLE_SECONDS: Final = 1.0
"""How long a token that can't be used must have stood unchanged: whoever writes the file may not be done with it."""
# Beside the token: an address and a hash.
_LONGEST: Final = ENROLMENT_TOKEN_MAX_CHARS + 4096
_BLANK: Final = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
"""White space in the encodings that Windows' programs write, with the marks that these begin with."""

log = logging.getLogger(__name__)


def wait(data_dir: Path, ended: threading.Event, *, look_seconds: float = LOOK_SECONDS) -> bool:
    """Wait until there is an identity; False where `ended` was set before."""
    waits, next_try = False, 0.0
    tried: tuple[int, int] | None = None
    file = data_dir / TOKEN_FILE
    while not ended.is_set():
        if (data_dir / keys.IDENTITY_FILE).exists():
            _take_away(file)
            return True
        found = _state_of(file)
        if found is not None and (found != tried or time.monotonic() >= next_try):
            if with_token(data_dir):
                return True
            next_try = time.monotonic() + TRY_AGAIN_SECONDS
        tried = found
        if not waits:
            log.warning("service.waits_to_be_enrolled")
            waits = True
        ended.wait(look_seconds)
    return False


def with_token(
    data_dir: Path,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    *,
    settle_seconds: float = SETTLE_SECONDS,
) -> bool:
    """Enrol with the token that was left; gives whether it did.

    A token that can't be used is put aside as `token.refused`, one that may do later stays, and so does one that is
    still being written, or not begun: editors make an empty file first.
    """
    file = data_dir / TOKEN_FILE
    found = _state_of(file)
    if _is_blank(file):
        log.info("enrolment.token_is_empty")
        return False
    try:
        enrol.enrol(data_dir, lambda: _token_in(file), name=platform.node(), clock=clock)
    except (AgentError, ProtocolError, RulesError, OSError) as fault:
        if _may_do_later(fault):
            log.warning("enrolment.no_answer kind=%s", type(fault).__name__)
            return False
        time.sleep(settle_seconds)
        if _state_of(file) == found and not _is_blank(file):
            log.error("enrolment.refused kind=%s", type(fault).__name__)  # noqa: TRY400 - no traceback: it has the token
            # Windows moves no file that somebody has open: then it is tried, and refused, once more.
            with contextlib.suppress(OSError):
                file.replace(data_dir / REFUSED_FILE)
        return False
    _take_away(file)
    log.info("enrolment.done")
    return True


def _state_of(file: Path) -> tuple[int, int] | None:
    """What changes when the file is written: its time and its size; None where there is none."""
    try:
        state = file.stat()
    except FileNotFoundError:
        return None
    return state.st_mtime_ns, state.st_size


def _is_blank(file: Path) -> bool:
    """Whether a file is there with nothing in it but white space; False where it can't be read."""
    try:
        with file.open("rb") as opened:
            return not opened.read(_LONGEST).strip(_BLANK)
    except OSError:
        return False


def _take_away(token: Path) -> None:
    """Delete a token that is of no more use; where somebody has it open, it is deleted at the next start."""
    try:
        token.unlink(missing_ok=True)
    except OSError as fault:
        log.warning("enrolment.token_left kind=%s", type(fault).__name__)


def _may_do_later(fault: Exception) -> bool:
    if isinstance(fault, CollectorRefused):
        return enrol.is_for_now(fault)
    return isinstance(fault, OSError) or bool(getattr(fault, "retry", False))


def _token_in(file: Path) -> str:
    """The token, once it is for the collector and the root that were named beside it; raises EnrolmentError."""
    with file.open("rb") as opened:
        given = opened.read(_LONGEST).decode("ascii", "replace")
    text, collector, root = [*given.strip().split("|"), "", ""][:3]
    said = tokens.read(text)
    if collector and collector.rstrip("/").lower() != said.collector.rstrip("/").lower():
        raise EnrolmentError("the token is another collector's than the installation named")
    if root and root.lower() != said.root.lower():
        raise EnrolmentError("the token names another root of trust than the installation")
    return text
