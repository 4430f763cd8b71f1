"""Finds what would go wrong later: contradictions, forgotten exceptions, packs that flag nothing, too few levels."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rules.curated import NAMEABLE, CuratedPack
from rules.model import Taxonomy
from rules.policy import Policy

LEAST_FLAGGING = 3  # fewer in a level, and the level alone would tell what was flagged


def lint_policy(policy: Policy, packs: Iterable[CuratedPack], at: datetime) -> list[str]:
    """What is wrong or forgotten in a policy, each as a sentence; nothing where all is well."""
    flagged = {group: _flagged(policy, group, at) for group in policy.group_names}
    problems = [
        f"{policy.file_name} line {exception.line}: the exception for {exception.category} ended on {exception.until}"
        for exception in policy.exceptions
        if exception.until < policy.local_day(at)
    ]
    for group, categories in flagged.items():
        for urgent, level in ((True, "urgent"), (False, "routine")):
            count = sum(policy.decide(category, group, at).urgent == urgent for category in categories)
            if 0 < count < LEAST_FLAGGING:
                named = f"{count} {level} {'category' if count == 1 else 'categories'}"
                problems.append(
                    f"{policy.file_name}: group {group} flags only {named}, so that the level alone would tell which; "
                    f"{LEAST_FLAGGING} are needed"
                )
    return problems + _needless_exceptions(policy, packs)


def lint_taxonomy(taxonomy: Taxonomy) -> list[str]:
    """Levels of the taxonomy in which, by default, too few categories flag."""
    problems = []
    for urgent, level in ((True, "urgent"), (False, "routine")):
        count = sum(category.response == "flag" and category.urgent == urgent for category in taxonomy.categories)
        if count < LEAST_FLAGGING:
            problems.append(f"categories.toml: only {count} {level} categories flag; {LEAST_FLAGGING} are needed")
    return problems


def notes_on_packs(taxonomy: Taxonomy, packs: Iterable[CuratedPack]) -> list[str]:
    """Categories that no curated pack fills: worth knowing, not wrong, since a list may fill them."""
    filled = {pack.category for pack in packs if pack.id != NAMEABLE}
    return [f"{category.id}: no curated pack" for category in taxonomy.categories if category.id not in filled]


def _flagged(policy: Policy, group: str, at: datetime) -> list[str]:
    ids = [category.id for category in policy.taxonomy.categories]
    return [category for category in ids if policy.decide(category, group, at).response == "flag"]


def _needless_exceptions(policy: Policy, packs: Iterable[CuratedPack]) -> list[str]:
    """Sites of exceptions that the protected packs hold anyway: a sign that somebody misread what is flagged."""
    protected = [pack for pack in packs if pack.id != NAMEABLE and policy.taxonomy.get(pack.category).protected]
    return [
        f"{policy.file_name} line {exception.line}: {exception.site} is protected; the exception changes nothing"
        for exception in policy.exceptions
        if exception.site is not None and any(pack.names(exception.site) for pack in protected)
    ]
