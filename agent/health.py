"""How this agent is: each source's state and why, spool, last contact and versions, for status and the heartbeat."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:  # the session part imports this module, and has no room for the messages
    from protocol.messages import HealthNotice

State = Literal["working", "unknown", "failing"]
SpoolState = Literal["normal", "filling"]

# The worse a state, the higher: where several people are signed in, the worst of them is what is said.
SEVERITY: dict[State, int] = {"working": 0, "unknown": 1, "failing": 2}


class SourceHealth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source's state. `reason` is a plain sentence, empty when working; never a host name, person or path."""

    name: str
    state: State
    reason: str = ""


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `status --json` prints and the heartbeat carries.

    The spool is "normal" or "filling" and never a count: a count would tell whoever looks, the person at the device
    among them, how many alerts wait. `notices` are what the agent noticed about itself.
    """

    sources: tuple[SourceHealth, ...]
    spool: SpoolState
    last_contact: datetime | None
    versions: dict[str, str]
    notices: tuple[HealthNotice, ...] = ()


class Health:
    """The board on which the parts of the service pin how they are; safe to use from several threads."""

    def __init__(self, versions: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
        self._versions = dict(versions)
        self._pinned: dict[tuple[str, str], SourceHealth] = {}
        self._asked: list[Callable[[], SourceHealth]] = []
        self._noticed: set[HealthNotice] = set()
        self._spool: SpoolState = "normal"
        self._last_contact: datetime | None = None

    def ask(self, source: Callable[[], SourceHealth]) -> None:
        """Add a source that is asked at each report (its `health` method)."""
        with self._lock:
            self._asked.append(source)

    def pin(self, health: SourceHealth, part: str = "") -> None:
        """Record a source's state; `part` tells apart several places of one source (a signed-in session each)."""
        with self._lock:
            self._pinned[(health.name, part)] = health

    def unpin(self, name: str, part: str = "") -> None:
        """Forget a part that has gone."""
        with self._lock:
            self._pinned.pop((name, part), None)

    def notice(self, word: HealthNotice, *, stands: bool = True) -> None:
        """Record that something was noticed about the agent itself, or that it stands no longer."""
        with self._lock:
            (self._noticed.add if stands else self._noticed.discard)(word)

    def set_spool(self, state: SpoolState) -> None:
        """Record whether the spool has room."""
        with self._lock:
            self._spool = state

    def set_last_contact(self, at: datetime) -> None:
        """Record when the collector last answered (aware UTC)."""
        with self._lock:
            self._last_contact = at

    @property
    def last_contact(self) -> datetime | None:
        """When the collector last answered since the start (aware UTC); None if it has not."""
        with self._lock:
            return self._last_contact

    def set_version(self, what: str, version: str) -> None:
        """Record the version in force of a part, such as the agent, the policy, a pack or the recipient list."""
        with self._lock:
            self._versions[what] = version

    def report(self) -> HealthReport:
        """Gather everything. A source that can't even be asked is failing, and the report is made all the same."""
        with self._lock:
            asked, found = list(self._asked), list(self._pinned.values())
        found += [_asked_safely(source) for source in asked]
        worst: dict[str, SourceHealth] = {}
        for health in found:
            known = worst.get(health.name)
            if known is None or SEVERITY[health.state] > SEVERITY[known.state]:
                worst[health.name] = health
        with self._lock:
            return HealthReport(
                sources=tuple(worst[name] for name in sorted(worst)),
                spool=self._spool,
                last_contact=self._last_contact,
                versions=dict(sorted(self._versions.items())),
                notices=tuple(sorted(self._noticed)),
            )


def _asked_safely(source: Callable[[], SourceHealth]) -> SourceHealth:
    """A source's own word, or that it gave none: one broken source must not silence the others."""
    try:
        return source()
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not silence the other sources
        name = str(getattr(getattr(source, "__self__", None), "name", "source"))
        return SourceHealth(name=name, state="failing", reason=f"It could not say how it is ({type(error).__name__}).")
