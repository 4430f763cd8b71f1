"""Makes observations of what a browser's extension tells, and says where it tells anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol
from uuid import UUID

from agent.health import SourceHealth
from agent.observation import Family, Observation
from agent.session.messages import BrowserHere, HostShown, HostVisited
from rules.errors import HostRefused
from rules.hosts import normalise_host

SOURCE: Final = "browser_extension"
_HAD_KEY: Final = "extension families"


class Told(Protocol):
    """What knows which visits came from histories alone: the pipeline."""

    @property
    def only_from_history(self) -> Iterable[Family]:
        """Families of browsers without the extension."""


class Extension:
    """The extensions that are connected, as a source among others."""

    name = SOURCE

    def __init__(
        self,
        browsers: Callable[[], list[tuple[str, BrowserHere]]],
        told: Told,
        private_windows: Callable[[], bool],
        load: Callable[[str], bytes | None],
        save: Callable[[str, bytes], None],
    ) -> None:
        """`browsers()` are those connected, with their person; `private_windows()` whether policy has them watched.

        `load` and `save` keep which families ever had the extension, so that one that was removed is noticed.
        """
        self._browsers = browsers
        self._told = told
        self._private_windows = private_windows
        self._save = save
        self._had = frozenset((load(_HAD_KEY) or b"").decode().split())

    def is_there(self, person: str, browser: Family) -> bool:
        """Whether a browser of that family tells what that person visits."""
        return any(who == person and here.family == browser for who, here in self._browsers())

    def is_removed(self) -> bool:
        """Whether a family of browsers that had the extension tells visits by its history alone."""
        had = self._had | {here.family for _, here in self._browsers()}
        if had != self._had:
            self._save(_HAD_KEY, " ".join(sorted(had)).encode())
            self._had = had
        return not had.isdisjoint(self._told.only_from_history)

    def health(self) -> SourceHealth:
        """Unknown where visits came from a history alone, or where private windows are watched and can't be seen."""
        reasons = [
            f"{browser}: visits are taken from its history, since the extension is not there."
            for browser in sorted(self._told.only_from_history)
        ]
        if self._private_windows():
            closed = {here.family for _, here in self._browsers() if not here.private_windows}
            reasons += [
                f"{browser}: private windows are not seen, as it lets nobody look." for browser in sorted(closed)
            ]
        return SourceHealth(name=SOURCE, state="unknown" if reasons else "working", reason=" ".join(reasons))


def observed(message: HostVisited | HostShown, device: UUID, person: str, browser: Family) -> Observation | None:
    """What the message says as an observation; None where its host is no host name.

    A visit is told without time, and its time as it passes.
    """
    try:
        name = normalise_host(message.host)
    except HostRefused:
        return None
    shown = isinstance(message, HostShown)
    return Observation(
        device=device,
        kind="host",
        name=name,
        started=message.started if isinstance(message, HostShown) else message.at,
        seconds=message.seconds if isinstance(message, HostShown) else 0.0,
        person=person,
        source=SOURCE,
        browser=browser,
        continues=shown,
    )
