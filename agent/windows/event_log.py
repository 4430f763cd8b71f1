"""The agent's events in Windows' event log: each by its name and a number, and nothing of what stands behind them.

Source: Microsoft Learn, RegisterEventSourceW, ReportEventW.
"""

from __future__ import annotations

import ctypes
import logging
import re
from typing import Any, Final

from agent.windows.libraries import BOOL, DWORD, HANDLE, WORD, declare, last_error, library

SOURCE: Final = "Fairwatch"
NUMBERS: Final = {
    "service.started": 1,
    "service.stopped": 2,
    "service.failed": 3,
    "service.not_started": 4,
    "service.waits_to_be_enrolled": 5,
    "enrolment.done": 6,
    "enrolment.refused": 7,
    "enrolment.no_answer": 8,
    "watchdog.begins_anew": 9,
}
"""The events that IT may watch for by their numbers; they are told however it goes."""
OTHER_NUMBER: Final = 100
"""Of any other event, told where it is a warning or worse; its name says which."""
OTHER: Final = "other.event"
"""What is named otherwise is a library's, whose words are not ours to show."""
_ERROR, _WARNING, _INFORMATION = 1, 2, 4
_EVENT: Final = re.compile(r"[a-z][a-z_]*(?:\.[a-z][a-z_]*)+")


class EventLog(logging.Handler):
    """Hands on the name of each event, without what was put into it."""

    def __init__(self, advapi32: Any = None) -> None:
        """Raises OSError where there is no Windows, or no such log."""
        super().__init__()
        advapi = library("advapi32") if advapi32 is None else advapi32
        pointer = ctypes.c_void_p
        register = declare(advapi, "RegisterEventSourceW", HANDLE, ctypes.c_wchar_p, ctypes.c_wchar_p)
        self._report = declare(
            advapi, "ReportEventW", BOOL, HANDLE, WORD, WORD, DWORD, pointer, WORD, DWORD, pointer, pointer
        )
        self._deregister = declare(advapi, "DeregisterEventSource", BOOL, HANDLE)
        self._source = register(None, SOURCE)
        if not self._source:
            raise OSError(last_error(), "Windows keeps no event log for this")

    def emit(self, record: logging.LogRecord) -> None:
        """Report one event; that it can't be reported is no reason to stop."""
        name = event_of(record.msg)
        if self._source is None or (record.levelno < logging.WARNING and name not in NUMBERS):
            return
        kind = _INFORMATION if record.levelno < logging.WARNING else _WARNING
        kind = _ERROR if record.levelno >= logging.ERROR else kind
        words = (ctypes.c_wchar_p * 1)(name)
        self._report(self._source, kind, 0, NUMBERS.get(name, OTHER_NUMBER), None, 1, 0, words, None)

    def close(self) -> None:
        """Report no more."""
        if self._source is not None:
            self._deregister(self._source)
            self._source = None
        super().close()


def event_of(text: object) -> str:
    """The event's name at the beginning of what was logged, before anything that was put into it."""
    found = _EVENT.fullmatch(str(text).partition(" ")[0])
    return found.group() if found is not None else OTHER
