"""The one thing a source may say: who had which host or app in front, when, and for how long."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from agent.certainty import Certainty, Proof, certainty_of

Kind = Literal["host", "app"]
Family = Literal["Chromium", "Firefox", "Safari"]
"""Browsers that keep their histories alike."""

TRIP_SOURCE: Final = "trip"
"""The source of the harmless test (`trip.py`): what it hands on is of no person, and ends before it is judged."""


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """A host name visited or an app used. There is no field for a path, a query, a title or any content.

    `name` is a host name as `rules.hosts.normalise_host` gives it, or an app identity (see `rules/model.py`).
    `started` is aware UTC. `seconds` is None where the source can't see how long (it is not a guess).
    `person` is the operating system's account name; `source` the name of the source that saw it. `said` is for a source
    that knows of each name how sure it is; `identity` is unproven where another could have said whose it is.

    `browser` is the family whose history or extension told it, else None. `continues`: it is more time of a visit that
    was told before, so that it is counted, and neither judged nor counted as a visit.
    """

    device: UUID
    kind: Kind
    name: str
    started: datetime
    seconds: float | None
    person: str
    source: str
    said: Certainty | None = None
    identity: Proof = "proven"
    browser: Family | None = None
    continues: bool = False

    @property
    def certainty(self) -> Certainty:
        """What it may be called: by what was said of it, else by its source."""
        return self.said if self.said is not None else certainty_of(self.source, self.kind)


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What a source saw, and where it has got to: the pipeline keeps both in one transaction or neither.

    `bookmark` is (key, bytes) for the source that made it, handed back to it at the next start; None for a source that
    has none. A batch may carry a bookmark only.
    """

    observations: tuple[Observation, ...]
    bookmark: tuple[str, bytes] | None
