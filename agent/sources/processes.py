"""Sees listed apps that run without being in front, by their executable alone, each for the person who runs it.

That an app runs is not that it is used, and for how long a person had anything of it can't be seen: so observations
carry no seconds. They can raise a flag and never add to a total. Arguments, environment and open files are not read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import psutil

from agent.health import SourceHealth
from agent.observation import Batch, Observation
from agent.sources import process_table

SOURCE: Final = "processes"
# A minute between sweeps sees whatever is worth a flag and costs next to nothing.
SWEEP_SECONDS: Final = 60.0
# While an app goes on running it is said again each hour, so that a case shows that it went on, and no more often.
AGAIN_SECONDS: Final = 3600.0
# A program that was not seen in this many sweeps has ended; one that restarts at once is the same use.
FORGET_SECONDS: Final = 5 * SWEEP_SECONDS
# Executables whose identities are remembered: some hundreds run in a day.
MAX_NAMES: Final = 4096


class Processes:
    """Sweeps the process table. Call `sweep` every `SWEEP_SECONDS`, from one thread."""

    def __init__(
        self,
        device: UUID,
        emit: Callable[[Batch], None],
        is_listed: Callable[[str], bool],
        collect_from: Callable[[str], datetime | None],
        clock: Callable[[], datetime],
        *,
        identities: Callable[[str], Iterable[str]],
        person_of_uid: Callable[[int | str], str | None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`is_listed(identity)` says whether a list names the app; `identities(executable path)` gives its identities.

        `collect_from(person)` is None for a person who has not had the notice: then nothing of theirs is looked at.
        """
        self._device = device
        self._emit = emit
        self._is_listed = is_listed
        self._collect_from = collect_from
        self._clock = clock
        self._identities = identities
        self._person_of_uid = person_of_uid
        self._monotonic = monotonic
        self._names: dict[str, tuple[str, ...]] = {}
        self._running: dict[tuple[str, str], _Running] = {}
        self._health = SourceHealth(name=SOURCE, state="unknown", reason="It has not looked yet.")

    @property
    def name(self) -> str:
        """The source's name."""
        return SOURCE

    def health(self) -> SourceHealth:
        """How the last sweep went."""
        return self._health

    def rest(self) -> None:
        """Say that it does not look for now, since the service has to spare."""
        self._health = SourceHealth(
            name=SOURCE, state="unknown", reason="The service uses more than it may, so programs are not looked at now."
        )

    def sweep(self) -> None:
        """Look once; emits what newly runs, and what has run on for an hour since it was last said."""
        at, now = self._clock(), self._monotonic()
        try:
            found = self._found()
        except Exception:
            self._health = SourceHealth(name=SOURCE, state="failing", reason="What runs could not be listed.")
            raise
        due = [key for key in sorted(found) if self._is_due(key, now) and self._may_collect(key[0], at)]
        if due:
            observations = tuple(
                Observation(
                    device=self._device, kind="app", name=name, started=at, seconds=None, person=person, source=SOURCE
                )
                for person, name in due
            )
            try:
                self._emit(Batch(observations=observations, bookmark=None))
            except Exception:
                # Nothing is marked as said, so the next sweep says it again.
                self._health = SourceHealth(name=SOURCE, state="failing", reason="What was seen could not be kept.")
                raise
        self._remember(found, due, now)

    def _found(self) -> set[tuple[str, str]]:
        """Each person with each listed app that runs for them now."""
        found: set[tuple[str, str]] = set()
        seen_uids, hidden_uids = set[int | str](), set[int | str]()
        for pid in psutil.pids():
            try:
                uid = process_table.owner(pid)
                try:
                    listed = self._listed(process_table.executable(pid))
                except PermissionError:
                    hidden_uids.add(uid)
                    continue
                seen_uids.add(uid)
                person = self._person_of_uid(process_table.person_behind(pid)) if listed is not None else None
            except (OSError, psutil.Error):
                continue  # It ended meanwhile, or it is the kernel's.
            if person is not None and listed is not None:
                found.add((person, listed))
        self._health = self._seen(hidden_uids - seen_uids)
        return found

    def _seen(self, unseen_uids: set[int | str]) -> SourceHealth:
        """Working, unless a person who has had the notice runs programs of which none may be looked at."""
        people = (self._person_of_uid(uid) for uid in unseen_uids)
        if any(person is not None and self._collect_from(person) is not None for person in people):
            return SourceHealth(name=SOURCE, state="unknown", reason="Some accounts' programs may not be looked at.")
        return SourceHealth(name=SOURCE, state="working")

    def _listed(self, executable: str) -> str | None:
        names = self._names.get(executable)
        if names is None:
            if len(self._names) >= MAX_NAMES:
                self._names.clear()
            names = self._names[executable] = tuple(self._identities(executable))
        return next((name for name in names if self._is_listed(name)), None)

    def _is_due(self, key: tuple[str, str], now: float) -> bool:
        known = self._running.get(key)
        return known is None or now - known.said >= AGAIN_SECONDS

    def _may_collect(self, person: str, at: datetime) -> bool:
        since = self._collect_from(person)
        return since is not None and at >= since

    def _remember(self, found: set[tuple[str, str]], said: list[tuple[str, str]], now: float) -> None:
        for key in said:
            self._running[key] = _Running(now, now)
        for key, known in list(self._running.items()):
            if key in found:
                known.seen = now
            elif now - known.seen >= FORGET_SECONDS:
                del self._running[key]


@dataclass
class _Running:
    """When an app that runs was last said and last seen, in monotonic seconds."""

    said: float
    seen: float
