"""What the laptop's service has from the system that it runs on, where systems differ: apps' names, lookups, people."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Protocol

from agent.health import SourceHealth
from agent.people_here import PeopleHere
from agent.session.address import person_of_uid
from agent.sources.resolved import Hearer, Resolved


class HearsNames(Protocol):
    """A source of names that any program looks up."""

    def want(self, wanted: bool) -> None:
        """Begin or end to listen."""


def identities(platform: str = sys.platform) -> Callable[[str], Iterable[str]]:
    """How the system names the app of an executable."""
    if platform == "darwin":
        from agent.macos.bundles import identities_of

        return identities_of
    if platform == "win32":
        from agent.windows.app_identity import AppNames
        from agent.windows.signatures import Signatures

        return AppNames(Signatures().publisher_of).identities
    from agent.session.identity import DesktopIndex, application_folders

    return DesktopIndex(application_folders(os.environ)).identities


def names_looked_up(
    hearer: Hearer, said: Callable[[SourceHealth | None], None], platform: str = sys.platform
) -> HearsNames:
    """What hears the names that any program looks up; `said(health)` hears how it goes."""
    if platform == "win32":
        from agent.windows.dns_cache import DnsCache

        return DnsCache(hearer, said)
    return Resolved(hearer, said)


def lookups_come_in_order(platform: str = sys.platform) -> bool:
    """Whether names are told in the order in which they were looked up; a list of what is kept has none."""
    return platform != "win32"


def people_here(platform: str = sys.platform) -> PeopleHere:
    """Who has programs running."""
    if platform == "win32":
        return PeopleHere(person_of_uid, owners=_owners)
    return PeopleHere(person_of_uid)


def _owners() -> Iterable[str]:
    """The SIDs of all processes; raises OSError where they can't be listed."""
    import psutil

    from agent.windows.processes import table

    found = set[str]()
    for pid in psutil.pids():
        try:
            found.add(table().owner(pid))
        except OSError:
            continue  # it ended meanwhile, or is the system's own
    return found
