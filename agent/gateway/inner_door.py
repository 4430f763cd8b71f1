"""The inner door: takes how long an app was in front on a phone, from a companion there, judged like any other use.

From names alone nobody can say which app it was, or for how long; an Android companion sees both. Nothing listens here:
whoever carries a companion's word finds the phone by its id (`Phones.find`, on the listeners' thread) and calls `take`.

Attacks and what stops them: one phone's word for another (its id); use made up without end (an interval ends before
now, begins after the last one, and so never exceeds the wall clock); a word that is told twice (each counts once).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from agent.errors import AppUseRefused
from agent.gateway.phones import Phone, Phones
from agent.observation import Batch, Observation
from agent.spans import milliseconds
from rules.apps import normalise_app
from rules.errors import AppRefused

SOURCE: Final = "companion"
LONGEST_SECONDS: Final = 86_400.0
"""A day: a companion tells of each use when it ends, and at least once a day."""

AHEAD_SECONDS: Final = 300.0
"""How far a phone's clock may be ahead of ours."""

_TOLD_KEY: Final = "gateway app use"
_TOLD_BYTES: Final = 8


class InnerDoor:
    """Takes app use of phones; safe to use from several threads."""

    def __init__(
        self,
        phones: Phones,
        accept: Callable[[Batch], None],
        load: Callable[[str], bytes | None],
        collect_from: Callable[[], datetime | None],
        clock: Callable[[], datetime],
    ) -> None:
        """`accept` and `load` are the pipeline's and the spool's; `collect_from()` is None while nothing may be."""
        self._phones = phones
        self._accept = accept
        self._load = load
        self._collect_from = collect_from
        self._clock = clock
        self._lock = threading.Lock()

    def take(self, phone: Phone, package: str, started: datetime, seconds: float) -> bool:
        """Judge and count that an Android app was in front on a phone, and return whether that was news.

        `package` is as in `com.discord`, `started` aware, `seconds` more than nothing and at most a day. Intervals of
        one phone come in their order; one that was taken before is False, and may be told again after a lost answer.
        After True all that came of it is on disk. It is said of the phone's own device, person and group, by the source
        `companion`, and counts as an app in front. Raises AppUseRefused, in a sentence, for what is no such use, and
        SpoolError, after which the same is to be told again.
        """
        seen = self._observation(phone, package, started, seconds)
        key = f"{_TOLD_KEY} {phone.device.hex}"
        begun, ended = milliseconds(seen.started), milliseconds(seen.started + timedelta(seconds=seconds))
        with self._lock:
            told = int.from_bytes(self._load(key) or b"", "big")
            if ended <= told:
                return False
            if begun < told:
                raise AppUseRefused("it begins before the use that was told last had ended")
            self._accept(Batch(observations=(seen,), bookmark=(key, ended.to_bytes(_TOLD_BYTES, "big"))))
        return True

    def _observation(self, phone: Phone, package: object, started: object, seconds: object) -> Observation:
        if self._phones.group_of(phone.device) is None:
            raise AppUseRefused("this gateway knows no such phone")
        try:
            name = normalise_app(f"android:{package}") if isinstance(package, str) else ""
        except AppRefused as fault:
            raise AppUseRefused(f"the package is not as Android names one: {fault}") from None
        if not name:
            raise AppUseRefused("the package is a text such as com.discord")
        if not isinstance(started, datetime) or started.utcoffset() is None:
            raise AppUseRefused("when it began is a time with its zone")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise AppUseRefused("how long it was in front is a number of seconds")
        if not 0 < seconds <= LONGEST_SECONDS:
            raise AppUseRefused("how long it was in front is more than nothing and at most a day")
        self._check_time(phone, started, seconds)
        return Observation(
            device=phone.device,
            kind="app",
            name=name,
            started=started.astimezone(UTC),
            seconds=float(seconds),
            person=phone.person,
            source=SOURCE,
        )

    def _check_time(self, phone: Phone, started: datetime, seconds: float) -> None:
        since = self._collect_from()
        if since is None:
            raise AppUseRefused("nothing may be observed yet: there are no signed rules")
        if started < since or started.timestamp() < phone.since:
            raise AppUseRefused("it began before this phone was to be observed")
        # Compared as numbers: a time at the end of the calendar can't be added to.
        if started.timestamp() + seconds > self._clock().timestamp() + AHEAD_SECONDS:
            raise AppUseRefused("it ends in the future")
