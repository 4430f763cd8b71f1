"""Say a category in words: by the published taxonomy, else by the shipped one."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from protocol.publication import CATEGORIES_TARGET
from rules.errors import RulesError
from rules.model import Taxonomy


def category_names() -> dict[str, str]:
    """Return each category's name by id: from the published taxonomy, else the shipped one."""
    folder, _, name = CATEGORIES_TARGET.rpartition("/")
    published = sorted(
        (Path(settings.RULES_DIR) / "targets" / folder).glob(f"*{name}"), key=lambda path: path.stat().st_mtime_ns
    )
    return {"other": "Other", **_names(published[-1] if published else None)}


@lru_cache(maxsize=8)
def _names(path: Path | None) -> dict[str, str]:
    # A published file's name holds its hash, so what was read of it once stays true.
    try:
        taxonomy = Taxonomy.load(path) if path is not None else Taxonomy.shipped()
    except RulesError:
        taxonomy = Taxonomy.shipped()
    return {category.id: category.name for category in taxonomy.categories}


def category(names: dict[str, str], category_id: str) -> str:
    """Return a category's name, or its id made readable when this collector does not know it."""
    return names.get(category_id, category_id.replace("_", " ").capitalize())
