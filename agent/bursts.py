"""Tells the page that somebody opened from the names that it, or the device by itself, looked up beside it.

A page's lookups come in a burst: its own name, then those of its pictures, scripts and measuring. So the first name of
a burst is likely a visit, and all others, and a name that came alone (a link that a browser prefetched, an app's own
round), are unclear. What is unclear never wakes anybody. Only what is open is remembered, in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeVar

QUIET_SECONDS: Final = 2.0
"""A device that asks for nothing for so long has loaded its page: within one, names follow in well under a second."""

LONGEST_SECONDS: Final = 10.0
"""A burst is cut here: a page that loads on and on, or an app that never stops, must not hide the next page."""

PAGE_LEAST_NAMES: Final = 3
"""A page's own name and two others: of the popular sites nearly all ask for more, a prefetched link for no other."""

NAMES_MAX: Final = 256
"""Names remembered of one burst; further ones are unclear at once, so that a flood costs no memory."""

PERSON_TYPES: Final = frozenset({1, 28, 65})
"""A, AAAA and HTTPS: what is asked before somebody goes anywhere. Other types are a program's business."""


Who = TypeVar("Who")


class Sighting(NamedTuple, Generic[Who]):
    """A name that was looked up, when first (seconds since 1970), and whether it was likely visited."""

    who: Who
    name: str
    at: float
    likely: bool


class _Burst:
    """The names of one burst, in their order."""

    __slots__ = ("last", "lead", "names", "started")

    def __init__(self, at: float) -> None:
        self.started = self.last = at
        self.names: dict[str, float] = {}
        self.lead: str | None = None


class Bursts(Generic[Who]):
    """The open bursts of all who ask. A burst is told as a whole: its names one behind the other."""

    def __init__(self, is_background: Callable[[str], bool]) -> None:
        """`is_background(name)` says what the signed rules call background traffic: it never is a page."""
        self._is_background = is_background
        self._open: dict[Who, _Burst] = {}

    def add(self, who: Who, name: str, at: float) -> list[Sighting[Who]]:
        """Take a lookup; returns what is known of an earlier burst that it ends."""
        burst = self._open.get(who)
        ended: list[Sighting[Who]] = []
        if burst is not None and _is_over(burst, at):
            ended = self._close(who, burst)
            burst = None
        if burst is None:
            burst = self._open[who] = _Burst(at)
        burst.last = max(burst.last, at)
        if name in burst.names:
            return ended
        if len(burst.names) >= NAMES_MAX:
            return [*ended, Sighting(who, name, at, likely=False)]
        burst.names[name] = at
        if burst.lead is None and not self._is_background(name):
            burst.lead = name
        return ended

    def end_quiet(self, now: float) -> list[Sighting[Who]]:
        """Return what is known of the bursts that are over; to be called about once a second."""
        over = [(who, burst) for who, burst in self._open.items() if _is_over(burst, now)]
        return [sighting for who, burst in over for sighting in self._close(who, burst)]

    def end_all(self) -> list[Sighting[Who]]:
        """Return what is known of all, at the end."""
        return [sighting for who, burst in list(self._open.items()) for sighting in self._close(who, burst)]

    def _close(self, who: Who, burst: _Burst) -> list[Sighting[Who]]:
        del self._open[who]
        is_page = burst.lead is not None and len(_sites(burst.names, burst.lead)) >= PAGE_LEAST_NAMES - 1
        return [
            Sighting(who, name, at, likely=is_page and burst.lead is not None and same_site(name, burst.lead))
            for name, at in burst.names.items()
        ]


def is_of_a_person(name: str, qtype: int) -> bool:
    """Whether a person can have caused a lookup at all: not services (`_8088._https.…`), discovery or local names."""
    if qtype not in PERSON_TYPES or "." not in name or "\\" in name:
        return False
    if name.startswith("_") or "._" in name:
        return False
    return not name.endswith((".arpa", ".local", ".localhost", ".invalid", ".test", ".home", ".lan", ".internal"))


def _is_over(burst: _Burst, now: float) -> bool:
    return now - burst.last > QUIET_SECONDS or now - burst.started > LONGEST_SECONDS


def _sites(names: dict[str, float], lead: str) -> list[str]:
    """The names of a burst that are not the page's own: `www.` before it is no sign of a page."""
    return [name for name in names if not same_site(name, lead)]


def same_site(name: str, lead: str) -> bool:
    """Whether two names are one site, as far as that shows without a list: one ends with the other, `www.` or not."""
    one, other = name.removeprefix("www."), lead.removeprefix("www.")
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")
