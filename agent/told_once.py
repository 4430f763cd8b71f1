"""Lets each visit through once, whether a browser's history told it first or the browser's extension.

The extension tells a visit within a second, the history up to ten seconds later, or first. Two that name the same host
in one person's browser at nearly the same moment are one visit, and each is matched with one other at most, so that
whatever only one of the two knows still counts. Time comes from the extension where it is there, since a history can
only say when the next page was opened.

What is remembered is a short hash and a time, for an hour, in the same transaction as what came of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from agent.observation import Family, Observation
from agent.spans import milliseconds

EXTENSION: Final = "browser_extension"
HISTORY: Final = "browser_history"

SAME_VISIT_SECONDS: Final = 3.0
"""The two tell the moment of one visit less than a second apart; a slow machine has some more."""

KEPT_SECONDS: Final = 3600.0
"""Longer than a history may be behind: it is swept every few minutes."""

MOST_KEPT: Final = 1024
"""A day of visits in an hour; of more the oldest are forgotten, and at worst some count twice."""

GONE_AFTER: Final = timedelta(minutes=1)
"""An extension that told nothing for so long before a visit is not there: a browser that closes writes history last."""

ONLY_FROM_HISTORY_FOR: Final = timedelta(days=1)

Live = Callable[[str, Family], bool]

_KEY: Final = "told once"


class _Told(msgspec.Struct, frozen=True, array_like=True):
    """A visit that one of the two told and the other did not yet."""

    what: bytes
    at_ms: int
    told_ms: int
    by_extension: bool


_decoder = msgspec.msgpack.Decoder(list[_Told])


class ToldOnce:
    """What was told lately. Every change counts once the spool's transaction is committed."""

    def __init__(self, load: Callable[[str], bytes | None], is_there: Live) -> None:
        """`is_there(person, browser)`: whether an extension of that family is connected for that person."""
        self._is_there = is_there
        self._saved = load(_KEY)
        self._told = _decoded(self._saved)
        self._changed = False
        self._written: bytes | None = None
        self._last_told: dict[tuple[str, Family], datetime] = {}
        self._unmatched: dict[tuple[str, Family], datetime] = {}

    def first(self, observation: Observation, now: datetime, *, private: bool) -> Observation | None:
        """The observation where it is not told yet, None where it is; of any other source it is as it came.

        `now` is aware UTC. What lies in private time stands for nothing outside it: else a visit that is dropped there,
        which anybody can make up, would hide one a moment later.
        """
        browser = observation.browser
        if browser is None or observation.kind != "host":
            return observation
        by_extension, whose = observation.source == EXTENSION, (observation.person, browser)
        if by_extension:
            self._last_told[whose] = max(observation.started, self._last_told.get(whose, observation.started))
            self._unmatched.pop(whose, None)
        if observation.continues:
            return observation
        what, at_ms = _digest(observation, browser, private=private), milliseconds(observation.started)
        same = self._other(what, at_ms, by_extension=by_extension)
        self._changed = True
        if same is not None:
            self._told.remove(same)
            return None
        self._told.append(_Told(what, at_ms, milliseconds(now), by_extension))
        self._forget(milliseconds(now))
        if by_extension:
            return observation
        if self._is_there(observation.person, browser):
            return msgspec.structs.replace(observation, seconds=0.0)
        last = self._last_told.get(whose)
        if last is None or observation.started - last > GONE_AFTER:
            self._unmatched[whose] = now
        return observation

    def only_from_history(self, now: datetime) -> frozenset[Family]:
        """Families of browsers of which a history told visits lately, and no extension since."""
        for whose in [whose for whose in self._unmatched if self._is_there(*whose)]:
            del self._unmatched[whose]  # it came after all; a browser that is closed later lost nothing
        return frozenset(browser for (_, browser), at in self._unmatched.items() if now - at < ONLY_FROM_HISTORY_FOR)

    def write(self, save: Callable[[str, bytes | None], None]) -> None:
        """Save what changed, inside the spool's transaction."""
        if self._changed:
            self._written = msgspec.msgpack.encode(self._told)
            save(_KEY, self._written)

    def committed(self) -> None:
        """The transaction is on the disk."""
        if self._changed:
            self._saved, self._changed = self._written, False

    def rolled_back(self, *, disk_lost: bool = False) -> None:
        """The transaction came to nothing; were the disk lost too, what is known is written again."""
        self._told = _decoded(self._saved)
        self._changed = disk_lost

    def _other(self, what: bytes, at_ms: int, *, by_extension: bool) -> _Told | None:
        near = [
            one
            for one in self._told
            if one.what == what
            and one.by_extension != by_extension
            and abs(one.at_ms - at_ms) <= SAME_VISIT_SECONDS * 1000
        ]
        return min(near, key=lambda one: abs(one.at_ms - at_ms), default=None)

    def _forget(self, now_ms: int) -> None:
        oldest = now_ms - KEPT_SECONDS * 1000
        self._told = [one for one in self._told if oldest <= one.told_ms <= now_ms][-MOST_KEPT:]


def _digest(observation: Observation, browser: Family, *, private: bool) -> bytes:
    told = f"{observation.device}\0{observation.person}\0{browser}\0{observation.name}\0{private}"
    return hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=8).digest()


def _decoded(saved: bytes | None) -> list[_Told]:
    if saved is None:
        return []
    try:
        return _decoder.decode(saved)
    except msgspec.MsgspecError:
        return []  # of another version: at worst a visit of the last minutes counts twice
