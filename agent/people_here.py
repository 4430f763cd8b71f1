"""Says whose programs run on this machine now: what only the machine as a whole did is somebody's only if one is here.

A person who is signed in behind another, or left something running, still has programs that do things by themselves.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

FIRST_PERSON_UID: Final = 1000
"""Below are the system's own accounts (login.defs(5), `UID_MIN`)."""

NOBODY_UIDS: Final = (range(61_184, 65_520), range(65_534, 65_536))
"""Those that systemd gives to services for as long as they run, and "nobody" (systemd's "Users, Groups, UIDs")."""

LOOK_AGAIN_SECONDS: Final = 5.0
"""A look takes about a millisecond, and lookups may come all the time."""


class PeopleHere:
    """Who has programs running. May be asked from one thread."""

    def __init__(
        self,
        person_of_uid: Callable[[int | str], str | None],
        *,
        processes: Path = Path("/proc"),
        owners: Callable[[], Iterable[int | str]] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`owners()` are the accounts that have programs running, where those are not in a folder as on Linux."""
        self._person_of_uid = person_of_uid
        self._processes = processes
        self._owners = owners or self._uids
        self._monotonic = monotonic
        self._found: frozenset[str] = frozenset()
        self._looked_at: float | None = None

    def __call__(self) -> frozenset[str]:
        """Return the accounts' names, some seconds old at most; an account without a name stands by its number.

        Raises OSError where processes can't be listed.
        """
        now = self._monotonic()
        if self._looked_at is None or now - self._looked_at >= LOOK_AGAIN_SECONDS:
            uids = {uid for uid in self._owners() if is_person(uid)}
            self._found = frozenset(self._person_of_uid(uid) or str(uid) for uid in uids)
            self._looked_at = now
        return self._found

    def _uids(self) -> set[int | str]:
        found = set[int | str]()
        for entry in self._processes.iterdir():
            if entry.name.isdecimal():
                with contextlib.suppress(OSError):  # It ended meanwhile.
                    found.add(entry.stat().st_uid)
        return found


def is_person(uid: int | str) -> bool:
    """Whether an account with that number, or on Windows that SID, can be a person's."""
    if isinstance(uid, str):
        from agent.windows import accounts

        return accounts.is_person(uid)
    return uid >= FIRST_PERSON_UID and not any(uid in some for some in NOBODY_UIDS)
