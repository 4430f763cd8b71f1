"""From names that phones looked up to observations: which was likely a visit, and which app was likely used.

Everything is in memory, for seconds: there is no log of questions. Names that came by DNS over TLS are of an unproven
identity, since the network between can read and copy the server name that has the phone's id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Final, NamedTuple

from agent.bursts import Bursts, Sighting
from agent.gateway.front import Door
from agent.gateway.phones import Phone
from agent.observation import Observation
from rules.errors import HostRefused
from rules.hosts import normalise_host
from rules.services import observe_services, service_of

WAITING_MAX: Final = 50_000
"""Sightings that wait to be judged: a minute of ten thousand phones at their busiest. More are dropped, and counted."""


class Who(NamedTuple):
    """Whose burst of lookups it is, and by which door it came."""

    phone: Phone
    door: Door


class Visits:
    """Takes names as they are answered, and gives them to whoever judges them. All on the listeners' thread."""

    def __init__(self, is_background: Callable[[str], bool], clock: Callable[[], float]) -> None:
        """`clock` gives seconds since 1970."""
        self._bursts: Bursts[Who] = Bursts(is_background)
        self._clock = clock
        self._ended: list[Sighting[Who]] = []
        self.dropped = 0

    def note(self, phone: Phone, name: str, door: Door) -> None:
        """Take a name that was answered."""
        self._keep(self._bursts.add(Who(phone, door), name, self._clock()))

    def take(self, *, everything: bool = False) -> list[Sighting[Who]]:
        """Return the names of bursts that are over (or of all), in their order: to be called about once a second."""
        self._keep(self._bursts.end_all() if everything else self._bursts.end_quiet(self._clock()))
        ended, self._ended = self._ended, []
        return ended

    def _keep(self, ended: list[Sighting[Who]]) -> None:
        room = WAITING_MAX - len(self._ended)
        self._ended += ended[:room]
        self.dropped += max(len(ended) - room, 0)


def seen_in(sightings: Iterable[Sighting[Who]]) -> Iterator[Observation]:
    """What bursts show, of which all names lie one behind the other."""
    for who, burst in groupby(sightings, key=lambda one: one.who):
        yield from observations(who, burst)


def observations(who: Who, burst: Iterable[Sighting[Who]]) -> list[Observation]:
    """What one burst shows: each name, likely visited or unclear, and the apps whose own names are among them.

    What lies before the phone's person was given the notice is nobody's business.
    """
    seen = [one for one in burst if one.at >= who.phone.since]
    found = [made for one in seen if (made := _of_name(who, one)) is not None]
    if not found:
        return []
    started = min(one.started for one in found)
    # What shows as a visit is not told a second time as an app's use.
    visited = {hit.service.identity for one in found if one.said == "likely" and (hit := service_of(one.name))}
    apps = [
        _observation(who, "app", identity, started, likely=True)
        for identity, confidence in observe_services(one.name for one in found)
        if confidence == "app" and identity not in visited
    ]
    return found + apps


def _of_name(who: Who, one: Sighting[Who]) -> Observation | None:
    try:
        name = normalise_host(one.name)
    except HostRefused:
        return None  # a name that no rule can know, such as one with an underscore
    return _observation(who, "host", name, datetime.fromtimestamp(one.at, UTC), likely=one.likely)


def _observation(who: Who, kind: str, name: str, started: datetime, *, likely: bool) -> Observation:
    return Observation(
        device=who.phone.device,
        kind="app" if kind == "app" else "host",
        name=name,
        started=started,
        seconds=None,
        person=who.phone.person,
        source=who.door,
        said="likely" if likely else "unclear",
        identity="proven" if who.door == "doh" else "unproven",
    )
