"""Says what one name is: protected above everything, then every category of every pack that matches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Self

from rules.errors import HostRefused, PackError
from rules.hosts import normalise_host
from rules.index import Index
from rules.model import Kind, Match, Taxonomy, Verdict

REMEMBERED_NAMES = 2048  # people return to few sites; about 1 MB at most, and it is never written anywhere


class Rules:
    """The rules in force, open for questions. One bundle never changes: a new one is opened beside it and swapped."""

    def __init__(self, taxonomy: Taxonomy, protected: Index, nameable: Index, packs: tuple[Index, ...]) -> None:
        self.taxonomy = taxonomy
        self._protected = protected
        self._nameable = nameable
        self._packs = packs
        self._order = {category.id: at for at, category in enumerate(taxonomy.categories)}
        self._remembered = lru_cache(maxsize=REMEMBERED_NAMES)(self._classify)

    @classmethod
    def open(cls, folder: Path, more_packs: Sequence[Path] = ()) -> Self:
        """Opens `categories.toml`, `protected.pack`, `nameable.pack` and `packs/*.pack`; raises RulesError.

        `more_packs` are opened beside them, to try what they would do.
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
            for pack in packs:
                _check_categories(pack, taxonomy, protected=False)
        except BaseException:
            for index in opened:
                index.close()
            raise
        return cls(taxonomy, protected, nameable, tuple(packs))

    def close(self) -> None:
        """Gives all packs back; no question may follow."""
        self._remembered.cache_clear()
        for index in (self._protected, self._nameable, *self._packs):
            index.close()

    def verify(self) -> None:
        """Reads every pack whole and raises PackError where one is damaged."""
        for index in (self._protected, self._nameable, *self._packs):
            index.verify()

    def classify(self, kind: Kind, name: str) -> Verdict:
        """The verdict on a host name or app identity, whatever the text: one that is no host name matches nothing."""
        if kind == "host":
            try:
                name = normalise_host(name)
            except HostRefused:
                return Verdict(kind, name)
        return self._remembered(kind, name)

    def _classify(self, kind: Kind, name: str) -> Verdict:
        matches = self._matches((self._protected,), kind, name)
        if matches:
            return self._verdict(kind, name, matches, protected=True)
        matches = self._matches(self._packs, kind, name)
        nameable = _find(self._nameable, kind, name)
        if nameable and matches and not any(self.taxonomy.by_id[match.category].sensitive for match in matches):
            return self._verdict(kind, name, matches, nameable_as=nameable[0][0])
        return self._verdict(kind, name, matches)

    def _verdict(
        self, kind: Kind, name: str, matches: list[Match], *, protected: bool = False, nameable_as: str | None = None
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
        )

    def _matches(self, packs: tuple[Index, ...], kind: Kind, name: str) -> list[Match]:
        """All matches, the most specific entry first, then in the taxonomy's order; one for each entry and category."""
        lists: dict[tuple[str, str], set[str]] = {}
        for pack in packs:
            for entry, set_id in _find(pack, kind, name):
                for category, list_id in pack.pairs(set_id):
                    lists.setdefault((entry, category), set()).add(list_id)
        keys = sorted(lists, key=lambda key: (-len(key[0]), self._order[key[1]]))
        return [Match(category, entry, tuple(sorted(lists[entry, category]))) for entry, category in keys]


def _find(pack: Index, kind: Kind, name: str) -> list[tuple[str, int]]:
    return pack.find_host(name) if kind == "host" else pack.find_app(name)


def _check_categories(pack: Index, taxonomy: Taxonomy, *, protected: bool) -> None:
    """Refuses a pack with a category nobody knows; only the protected list may protect, lest a list hide a site."""
    for category_id in sorted({category for pairs in pack.sets for category, _ in pairs}):
        category = taxonomy.by_id.get(category_id)
        if category is None:
            raise PackError(f"{pack.name}: no category is called {category_id!r}")
        if category.protected != protected:
            wanted = "only protected categories" if protected else "no protected category"
            raise PackError(f"{pack.name}: {category_id}: this pack may hold {wanted}")
