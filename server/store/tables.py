"""Says in which table of the database a kind of row is."""

from __future__ import annotations

from django.db.models import Model


def table(model: type[Model]) -> str:
    """Return the name of a model's table."""
    return model._meta.db_table  # noqa: SLF001 - Django's documented way, in spite of its name


def label(model: type[Model]) -> str:
    """Return how Django names a model where it counts what was deleted."""
    return model._meta.label  # noqa: SLF001
