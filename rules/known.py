"""What is known of some hosts before any list is read: protected, allowed, popular, or curated as something else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from rules.curated import CuratedPack, categorised
from rules.errors import HostRefused, ListError
from rules.hosts import normalise_host, suffixes
from rules.model import ALLOWED, Taxonomy
from rules.reading import read_lines

_POPULAR_FILE = "popular.txt"
_MAX_POPULAR = 100_000  # sites; a longer list says nothing more of false alarms


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Hosts, each covering every name below it but where `popular` is concerned.

    `protected` gives each its category, `allowed` holds the sites that no list may put anywhere, `curated` gives what
    the other curated packs say, and `popular` leads from each name that would match popular sites to those sites.
    """

    protected: Mapping[str, str] = {}
    allowed: frozenset[str] = frozenset()
    curated: Mapping[str, str] = {}
    popular: Mapping[str, tuple[str, ...]] = {}
    popular_sites: int = 0

    @classmethod
    def of(cls, packs: Iterable[CuratedPack], taxonomy: Taxonomy, popular: Iterable[str] = ()) -> Known:
        """What these curated packs and popular sites (normalised hosts) say."""
        every = tuple(packs)
        sites = sorted(set(popular))
        matching: dict[str, tuple[str, ...]] = {}
        for site in sites:
            for name in suffixes(f"www.{site}"):
                matching[name] = (*matching.get(name, ()), site)
        named = [(host, pack.category) for pack in categorised(every) for host in pack.hosts]
        return cls(
            protected={host: category for host, category in named if taxonomy.get(category).protected},
            allowed=frozenset(host for pack in every if pack.id == ALLOWED for host in pack.hosts),
            curated={host: category for host, category in named if not taxonomy.get(category).protected},
            popular=matching,
            popular_sites=len(sites),
        )

    @property
    def names(self) -> set[str]:
        """Every name of which something is known."""
        return set(self.protected) | self.allowed | set(self.curated) | set(self.popular)

    @property
    def above(self) -> set[str]:
        """Every name that speaks for those below it too."""
        return set(self.protected) | self.allowed


def read_popular(path: Path | None = None) -> tuple[str, ...]:
    """The popular harmless sites in a file, one a line (without one, those that come with Fairwatch).

    Raises ListError where a line is no host name: a list that counts false alarms must not pass over any.
    """
    path = path if path is not None else Path(__file__).with_name(_POPULAR_FILE)
    sites: dict[str, None] = {}
    for number, raw in enumerate(read_lines(path), start=1):
        text = "?" if raw is None else raw.decode("utf-8-sig", "replace").partition("#")[0].strip()
        if not text:
            continue
        try:
            sites[normalise_host(text)] = None
        except HostRefused as error:
            raise ListError(f"{path} line {number}: {error}") from None
        if len(sites) > _MAX_POPULAR:
            raise ListError(f"{path}: more than {_MAX_POPULAR} popular sites")
    if not sites:
        raise ListError(f"{path}: no popular sites in it")
    return tuple(sites)
