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
        is_active = login.sd_session_is_active
    except (OSError, AttributeError):
        return lambda: True

    def asked() -> bool:
        session = session_of(environment, login)
        # Negative is an error: no such session, or no logind.
        return session is None or is_active(session) != 0

    return asked


def session_of(environment: Mapping[str, str], login: Any) -> bytes | None:
    """The id of this session: as its environment says, else as logind knows the process or the person; None without.

    `login` is libsystemd, loaded.
    """
    return (
        environment.get("XDG_SESSION_ID", "").encode()
        or _said(login.sd_pid_get_session, 0)
        or _said(login.sd_uid_get_display, os.getuid())
    )


def _said(function: Any, of: int) -> bytes | None:
    """The session that libsystemd names for a process or a user id, or None; frees what was allocated for it."""
    answer = ctypes.c_void_p()
    if function(of, ctypes.byref(answer)) < 0 or not answer.value:
        return None
    try:
        return ctypes.string_at(answer.value)
    finally:
        ctypes.CDLL(None).free(answer)
