"""How sure a source can be: visited or in front, only looked up, only running; nothing is called more than it is.

Of a name that was looked up it is told by itself: `likely` for the page of a burst of them, `unclear` for any other.
"""

from __future__ import annotations

from typing import Literal

Certainty = Literal["visited", "likely", "looked_up", "unclear", "running"]
Proof = Literal["proven", "unproven"]
"""Whether what a record says of its device or person was proved; a name that anybody could copy proves nothing."""

# Sources that see the use itself. Every other source is believed less, so that a new one has to be put here on purpose.
_SEES_USE = frozenset({"browser_history", "browser_extension", "foreground", "companion"})


def certainty_of(source: str, kind: Literal["host", "app"]) -> Certainty:
    """What a source shows: that a host was visited or only looked up, that an app was in front or only running."""
    if source in _SEES_USE:
        return "visited"
    return "looked_up" if kind == "host" else "running"
