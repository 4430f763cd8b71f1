"""The words of the rules: categories and their order, what matched, and the verdict on one name.

A name is a host, spelt as `rules/hosts.py` spells it, or an app's identity, spelt as `rules/apps.py` does:
`windows:<publisher>:<executable>`, `macos:<bundle id>`, `linux:<desktop id>` or `linux:exe:<executable>`,
`android:<package>`, or `service:<id>` where only a phone's names are known (`rules/services.py`).
"""

from __future__ import annotations

import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, get_args

import msgspec

from rules.errors import TaxonomyError, nearest_known

Kind = Literal["host", "app"]
Response = Literal["flag", "remind", "total", "ignore"]
NAMEABLE = "nameable"  # stands for a category in the nameable pack: what totals may name
ALLOWED = "allowed"  # likewise: harmless sites of which only the curated packs may say anything, whatever a list says
BACKGROUND = "background"  # likewise: updates, telemetry, content delivery; its time is no person's use
TRIP = "trip"  # likewise: the reserved host of the harmless test
NO_CATEGORY = (NAMEABLE, ALLOWED, BACKGROUND, TRIP)
RESPONSES: tuple[Response, ...] = get_args(Response)
APP_PLATFORMS = ("linux", "windows", "macos", "android", "service")  # what an app identity begins with, before a colon


class Category(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of site or app: how it is headed in reports, and how carefully it is handled.

    `sensitive`: its time is never told apart in totals. `protected`: never flagged, whatever any list says;
    protected implies sensitive. `response` holds where a policy says nothing.
    """

    id: str
    name: str
    heading: str
    urgent: bool
    sensitive: bool
    protected: bool
    response: Response


class Taxonomy(msgspec.Struct, frozen=True, dict=True):
    """All categories, in the order in which pages show them."""

    categories: tuple[Category, ...]

    @cached_property
    def by_id(self) -> dict[str, Category]:
        """Each category under its id."""
        return {category.id: category for category in self.categories}

    def get(self, category_id: str) -> Category:
        """The category of that id; raises TaxonomyError with the nearest known one."""
        found = self.by_id.get(category_id)
        if found is not None:
            return found
        nearest = nearest_known(category_id, self.by_id)
        hint = f" (did you mean {nearest!r}?)" if nearest is not None else ""
        raise TaxonomyError(f"no category is called {category_id!r}{hint}")

    @classmethod
    def parse(cls, text: str, file_name: str) -> Self:
        """The taxonomy that a categories.toml holds; raises TaxonomyError."""
        try:
            tables: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise TaxonomyError(f"{file_name}: not TOML: {error}") from None
        return cls(categories=tuple(_category(name, table, file_name) for name, table in tables.items()))

    @classmethod
    def load(cls, path: Path) -> Self:
        """The taxonomy in a file; raises TaxonomyError, also where the file can't be read."""
        try:
            return cls.parse(path.read_text("utf-8"), path.name)
        except OSError as error:
            raise TaxonomyError(f"{path}: can't be read: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise TaxonomyError(f"{path.name}: not UTF-8 text") from None

    @classmethod
    def shipped(cls) -> Self:
        """The taxonomy that comes with Fairwatch."""
        return cls.load(Path(__file__).with_name("categories.toml"))


class Match(msgspec.Struct, frozen=True):
    """One category that matched, by which entry (a host suffix or an app identity), named by which lists."""

    category: str
    entry: str
    lists: tuple[str, ...]


class TrialMatch(Match, frozen=True):
    """What a pack on trial would have said: it is counted for the lead, and nothing else ever comes of it."""

    pack: str


class Verdict(msgspec.Struct, frozen=True):
    """All that the rules say about one name; an app's name is its identity as `rules/apps.py` spells it.

    `categories` are in the taxonomy's order; `matched` is the most specific entry; `nameable_as` is the entry of the
    nameable list under which totals may name it (never the full host, which may hold a person's name), else None.
    `background`: its time counts as background in totals, unless a category of it is flagged; nothing else changes.
    `trip` is the entry of the reserved host of the harmless test; it takes nothing away from what else is said.
    """

    kind: Kind
    name: str
    categories: tuple[str, ...] = ()
    matched: str | None = None
    matches: tuple[Match, ...] = ()
    nameable: bool = False
    protected: bool = False
    nameable_as: str | None = None
    trial: tuple[TrialMatch, ...] = ()
    background: bool = False
    trip: str | None = None


def _category(category_id: str, table: Any, file_name: str) -> Category:
    if not isinstance(table, dict):
        raise TaxonomyError(f"{file_name}: {category_id}: expected a table, as in [{category_id}]")
    unknown = sorted(set(table) - set(Category.__struct_fields__))
    if unknown:
        nearest = nearest_known(unknown[0], Category.__struct_fields__)
        hint = f" (did you mean {nearest!r}?)" if nearest is not None else ""
        raise TaxonomyError(f"{file_name}: {category_id}: unknown key {unknown[0]!r}{hint}")
    try:
        category = msgspec.convert({"id": category_id, **table}, Category)
    except msgspec.ValidationError as error:
        raise TaxonomyError(f"{file_name}: {category_id}: {error}") from None
    if category.protected and not category.sensitive:
        raise TaxonomyError(f"{file_name}: {category_id}: a protected category must be sensitive too")
    if category.protected and category.response in ("flag", "remind"):
        raise TaxonomyError(f"{file_name}: {category_id}: a protected category may only be totalled or ignored")
    return category
