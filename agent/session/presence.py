"""Whether a session is the one in front of its seat: on a shared laptop, who was switched away uses nothing.

The word is logind's, through libsystemd, which reads it from `/run/systemd` without a bus and without waiting. Sessions
without a seat (remote desktop, `ssh -X`) are always active to logind, so they count for their own person.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

LIBRARY: Final = "libsystemd.so.0"

IsActive = Callable[[], bool]


def is_active_session(environment: Mapping[str, str], library: str = LIBRARY) -> IsActive:
    """A question that says whether this session is active now (sd_session_is_active(3)).

    It says yes where logind isn't there or doesn't know the session: then only the display can tell who is away.
    """
    try:
        login: Any = ctypes.CDLL(library)
        is_active, session_of, display_of = (
            login.sd_session_is_active,
            login.sd_pid_get_session,
            login.sd_uid_get_display,
        )
    except (OSError, AttributeError):
        return lambda: True

    def asked() -> bool:
        session = (
            environment.get("XDG_SESSION_ID", "").encode() or _said(session_of, 0) or _said(display_of, os.getuid())
        )
        # Negative is an error: no such session, or no logind.
        return session is None or is_active(session) != 0

    return asked


def _said(function: Any, of: int) -> bytes | None:
    """The session that libsystemd names for a process or a user id, or None; frees what was allocated for it."""
    answer = ctypes.c_void_p()
    if function(of, ctypes.byref(answer)) < 0 or not answer.value:
        return None
    try:
        return ctypes.string_at(answer.value)
    finally:
        ctypes.CDLL(None).free(answer)
