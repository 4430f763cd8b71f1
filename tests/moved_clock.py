"""A clock that a test moves, for the schedulers and the library beneath them."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from types import ModuleType

import apscheduler.executors.base
import apscheduler.schedulers.base
import apscheduler.triggers.interval
import pytest

_LIBRARY = (apscheduler.schedulers.base, apscheduler.triggers.interval, apscheduler.executors.base)


class MovedClock(datetime):
    """The true time, and how far it was moved."""

    by = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """The time that the clock shows."""
        return datetime.now(tz) + cls.by


def moved_clock(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> type[MovedClock]:
    """Give these modules and the scheduler's library a clock that is right until its `by` is set."""
    for module in (*modules, *_LIBRARY):
        monkeypatch.setattr(module, "datetime", MovedClock)
    monkeypatch.setattr(MovedClock, "by", timedelta())
    return MovedClock
