"""A locked session, one switched away and one whose remote client has gone are nobody's use."""

from __future__ import annotations

import ctypes
import struct

import pytest

from agent.windows.presence import is_active_session
from tests.agent.windows.answers import Library, fill

ACTIVE, CONNECTED, DISCONNECTED = 0, 1, 4
LOCKED, UNLOCKED = 0, 1


def wts(told: dict[int, bytes]) -> tuple[Library, list[int]]:
    """A library that tells these infos by number, and what was freed of it."""
    kept = {kind: ctypes.create_string_buffer(raw, len(raw)) for kind, raw in told.items()}
    freed: list[int] = []

    def query(server, session, kind, into, size) -> int:
        if kind not in kept:
            return 0
        fill(size, len(kept[kind]))
        return fill(into, ctypes.addressof(kept[kind]))

    return Library(WTSQuerySessionInformationW=query, WTSFreeMemory=lambda place: freed.append(place.value)), freed


def info(state: int, flags: int, level: int = 1) -> bytes:
    return struct.pack("<IIIii", level, 0, 2, state, flags) + bytes(200)


@pytest.mark.parametrize(
    ("told", "is_active"),
    [
        ({25: info(ACTIVE, UNLOCKED)}, True),
        ({25: info(ACTIVE, LOCKED)}, False),
        ({25: info(DISCONNECTED, UNLOCKED)}, False),
        ({25: info(CONNECTED, UNLOCKED)}, False),
        ({25: info(ACTIVE, LOCKED, level=2), 8: struct.pack("<i", ACTIVE)}, True),
        ({25: b"short", 8: struct.pack("<i", DISCONNECTED)}, False),
        ({8: struct.pack("<i", ACTIVE)}, True),
        ({}, True),
    ],
)
def test_only_an_active_and_unlocked_session_counts(told: dict[int, bytes], is_active: bool) -> None:
    library, freed = wts(told)
    assert is_active_session(library)() is is_active
    assert len(freed) == len(told)


@pytest.mark.more
def test_on_windows_a_session_that_runs_this_is_active(wine) -> None:
    assert wine.run("from agent.windows.presence import is_active_session; print(is_active_session()())") == "True\n"
