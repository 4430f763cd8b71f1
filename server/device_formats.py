"""Finds the devices that are too old for what is being published: they keep the rules they have, and nobody would know.

Whoever publishes may see device names (IT does, on its pages); nothing of what a device observed is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rules.versions import FIRST_FORMAT
from server.publish import Publication
from server.store.models import Device

NAMES_SHOWN = 5
_WORDS = {"packs": "packs", "policy": "a policy"}
_SAID_AS = {"packs": "pack_formats", "policy": "policy_formats"}


@dataclass(frozen=True)
class TooOld:
    """The devices that can't read something of one kind that is published, by name."""

    what: str
    formats: tuple[int, ...]
    names: tuple[str, ...]

    def sentence(self) -> str:
        """Say how many, and which, in one line."""
        count = len(self.names)
        shown = ", ".join(self.names[:NAMES_SHOWN]) + (
            f" and {count - NAMES_SHOWN} more" if count > NAMES_SHOWN else ""
        )
        they = "it keeps the rules it has until its" if count == 1 else "they keep the rules they have until their"
        formats = " and ".join(str(number) for number in self.formats)
        return (
            f"{count} {'device is' if count == 1 else 'devices are'} too old for {_WORDS[self.what]} of format "
            f"{formats}; {they} agent is updated: {shown}"
        )


def too_old(publication: Publication) -> list[TooOld]:
    """Return which devices can't read what is published now; empty where all can. Revoked ones don't count."""
    found = []
    rows = list(Device.objects.exclude(status=Device.Status.REVOKED).order_by("name").values_list("name", "health"))
    for what, formats in publication.formats().items():
        names = tuple(name for name, health in rows if health and not formats <= _reads(health, what))
        if names:
            found.append(TooOld(what, tuple(sorted(formats)), names))
    return found


def _reads(health: dict[str, Any], what: str) -> frozenset[int]:
    return frozenset(_numbers(health.get(_SAID_AS[what]))) or frozenset((FIRST_FORMAT,))


def _numbers(said: object) -> Iterator[int]:
    if isinstance(said, list | tuple):
        yield from (number for number in said if isinstance(number, int))
