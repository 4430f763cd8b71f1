"""Says what one name is: protected above everything, then every category of every pack that matches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol, Self

from rules.apps import entries_for, normalise_app
from rules.errors import AppRefused, HostRefused, PackError
from rules.hosts import MAX_HOST_CHARACTERS, normalise_host
from rules.index import Index
from rules.model import ALLOWED, BACKGROUND, NAMEABLE, TRIP, Kind, Match, Taxonomy, TrialMatch, Verdict

CURATED = "curated"  # the pack of our own lists, the only one that speaks of allowed sites
REMEMBERED_NAMES = 2048  # people return to few sites; about 1 MB at most, and it is never written anywhere


class Promoter(Protocol):
    """What says which packs act: a policy."""

    def acts(self, pack_id: str, entries: int) -> bool:
        """Whether a pack of so many entries flags, reminds and names; else it is on trial."""


class Rules:
    """The rules in force, open for questions. One bundle never changes: a new one is opened beside it and swapped.

    `packs` act; those on `trial` yield only `Verdict.trial`, so that what they would do can be counted.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        protected: Index,
        nameable: Index,
        packs: tuple[Index, ...],
        trial: tuple[Index, ...] = (),
    ) -> None:
        self.taxonomy = taxonomy
        self._protected = protected
        self._nameable = nameable
        self._packs = packs
        self._trial = trial
        self._order = {category.id: at for at, category in enumerate(taxonomy.categories)}
        self._remembered = lru_cache(maxsize=REMEMBERED_NAMES)(self._judge)

    @classmethod
    def open(cls, folder: Path, more_packs: Sequence[Path] = (), policy: Promoter | None = None) -> Self:
        """Opens `categories.toml`, `protected.pack`, `nameable.pack` and `packs/*.pack`; raises RulesError.

        Packs that `policy` has not promoted are on trial; without a policy every pack acts. `more_packs` are opened
        beside them and act, to try what they would do.
        """
        taxonomy = Taxonomy.load(folder / "categories.toml")
        paths = [folder / "protected.pack", folder / "nameable.pack", *sorted((folder / "packs").glob("*.pack"))]
        paths += more_packs
        opened: list[Index] = []
        try:
            for path in paths:
                opened.append(Index.open(path))  # noqa: PERF401 (those open already are closed on failure)
            protected, nameable, *packs = opened
            _check_categories(protected, taxonomy, protected=True)
            _check_names(protected, nameable)
            for pack in packs:
                _check_categories(pack, taxonomy, protected=False)
        except BaseException:
            for index in opened:
                index.close()
            raise
        asked = packs[: len(packs) - len(more_packs)]
        trial = [pack for pack in asked if policy is not None and not policy.acts(pack_id(pack), pack.entries)]
        return cls(taxonomy, protected, nameable, tuple(pack for pack in packs if pack not in trial), tuple(trial))

    @property
    def acting(self) -> dict[str, int]:
        """The packs that act, each with its number of entries."""
        return {pack_id(pack): pack.entries for pack in self._packs}

    @property
    def on_trial(self) -> dict[str, int]:
        """The packs on trial, each with its number of entries."""
        return {pack_id(pack): pack.entries for pack in self._trial}

    def close(self) -> None:
        """Gives all packs back; no question may follow."""
        self._remembered.cache_clear()
        for index in (self._protected, self._nameable, *self._packs, *self._trial):
            index.close()

    def verify(self) -> None:
        """Reads every pack whole and raises PackError where one is damaged."""
        for index in (self._protected, self._nameable, *self._packs, *self._trial):
            index.verify()

    def classify(self, kind: Kind, name: str) -> Verdict:
        """The verdict on a host name or app identity, whatever the text: one that is neither matches nothing."""
        return (self._remembered if len(name) <= MAX_HOST_CHARACTERS else self._judge)(kind, name)

    def _judge(self, kind: Kind, name: str) -> Verdict:
        try:
            name = normalise_host(name) if kind == "host" else normalise_app(name)
        except (HostRefused, AppRefused):
            return Verdict(kind, name)
        return self._classify(kind, name)

    def _classify(self, kind: Kind, name: str) -> Verdict:
        matches = self._matches((self._protected,), kind, name)
        if matches:
            return self._verdict(kind, name, matches, protected=True)
        harmless = [
            (category, entry)
            for entry, set_id in _find(self._nameable, kind, name)
            for category, _ in self._nameable.pairs(set_id)
        ]
        allowed = any(category == ALLOWED for category, _ in harmless)
        matches = self._matches(self._packs, kind, name, only_curated=allowed)
        trial = () if allowed else self._trial_matches(kind, name)
        nameable = next((entry for category, entry in harmless if category == NAMEABLE), None)
        background = next((entry for category, entry in harmless if category == BACKGROUND), None)
        trip = next((entry for category, entry in harmless if category == TRIP), None)
        if matches and any(self.taxonomy.by_id[match.category].sensitive for match in matches):
            nameable = background = None
        if background is not None and matches and len(matches[0].entry) > len(background):
            background = None  # a list knows this very site of the network that delivers it
        if not matches or background is not None:
            nameable = None
        return self._verdict(
            kind, name, matches, nameable_as=nameable, trial=trial, background=background is not None, trip=trip
        )

    def _verdict(
        self,
        kind: Kind,
        name: str,
        matches: list[Match],
        *,
        protected: bool = False,
        nameable_as: str | None = None,
        trial: tuple[TrialMatch, ...] = (),
        background: bool = False,
        trip: str | None = None,
    ) -> Verdict:
        return Verdict(
            kind=kind,
            name=name,
            categories=tuple(sorted({match.category for match in matches}, key=self._order.__getitem__)),
            matched=matches[0].entry if matches else None,
            matches=tuple(matches),
            nameable=nameable_as is not None,
            protected=protected,
            nameable_as=nameable_as,
            trial=trial,
            background=background,
            trip=trip,
        )

    def _matches(self, packs: tuple[Index, ...], kind: Kind, name: str, *, only_curated: bool = False) -> list[Match]:
        """All matches, the most specific entry first, then in the taxonomy's order; one for each entry and category."""
        lists: dict[tuple[str, str], set[str]] = {}
        for pack in packs:
            if only_curated and pack_id(pack) != CURATED:
                continue
            for entry, set_id in _find(pack, kind, name):
                for category, list_id in pack.pairs(set_id):
                    lists.setdefault((entry, category), set()).add(list_id)
        keys = sorted(lists, key=lambda key: (-len(key[0]), self._order[key[1]]))
        return [Match(category, entry, tuple(sorted(lists[entry, category]))) for entry, category in keys]

    def _trial_matches(self, kind: Kind, name: str) -> tuple[TrialMatch, ...]:
        return tuple(
            TrialMatch(match.category, match.entry, match.lists, pack_id(pack))
            for pack in self._trial
            for match in self._matches((pack,), kind, name)
        )


def pack_id(pack: Index) -> str:
    """The id by which policies and counts know an open pack: its file's name."""
    return pack.name.removesuffix(".pack")


def _find(pack: Index, kind: Kind, name: str) -> list[tuple[str, int]]:
    if kind == "host":
        return pack.find_host(name)
    return [found for entry in entries_for(name) for found in pack.find_app(entry)]


def _check_names(*packs: Index) -> None:
    """Refuses a pack without names that takes sites out of reach, lest a site with a hash like theirs be hidden too."""
    for pack in packs:
        if len(pack.names) != pack.entries:
            raise PackError(f"{pack.name}: this pack must hold its entries' names: build it anew")


def _check_categories(pack: Index, taxonomy: Taxonomy, *, protected: bool) -> None:
    """Refuses a pack with a category nobody knows; only the protected list may protect, lest a list hide a site."""
    for category_id in sorted({category for pairs in pack.sets for category, _ in pairs}):
        category = taxonomy.by_id.get(category_id)
        if category is None:
            raise PackError(f"{pack.name}: no category is called {category_id!r}")
        if category.protected != protected:
            wanted = "only protected categories" if protected else "no protected category"
            raise PackError(f"{pack.name}: {category_id}: this pack may hold {wanted}")
