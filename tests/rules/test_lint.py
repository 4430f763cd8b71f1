"""Lint finds what would go wrong later, and finds nothing in what is shipped."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from rules import policy as policy_module
from rules.curated import CuratedPack
from rules.lint import lint_policy, lint_taxonomy, notes_on_packs
from rules.model import Taxonomy
from rules.policy import Policy

SHIPPED = (Path(policy_module.__file__).parent / "policy.toml").read_text("utf-8")
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def _lint(text: str, taxonomy: Taxonomy, packs: tuple[CuratedPack, ...]) -> list[str]:
    return lint_policy(Policy.parse(text, "policy.toml", taxonomy), packs, NOW)


def test_what_is_shipped_has_no_fault(taxonomy: Taxonomy, packs: tuple[CuratedPack, ...]) -> None:
    assert _lint(SHIPPED, taxonomy, packs) == []
    assert lint_taxonomy(taxonomy) == []


def test_an_exception_that_ended_is_found(taxonomy: Taxonomy, packs: tuple[CuratedPack, ...]) -> None:
    text = SHIPPED + '\n[[exceptions]]\ncategory = "drugs"\nreason = "research"\nuntil = 2026-11-21\n'
    (problem,) = _lint(text, taxonomy, packs)
    assert problem.startswith("policy.toml line ")
    assert "the exception for drugs ended on 2026-11-21" in problem


def test_an_exception_for_a_protected_site_is_found(taxonomy: Taxonomy, packs: tuple[CuratedPack, ...]) -> None:
    text = (
        SHIPPED + '\n[[exceptions]]\ncategory = "drugs"\nsite = "drugs.com"\nreason = "research"\nuntil = 2027-01-01\n'
    )
    (problem,) = _lint(text, taxonomy, packs)
    assert "drugs.com is protected" in problem


def test_a_level_with_fewer_than_three_flagging_categories_is_found(
    taxonomy: Taxonomy, packs: tuple[CuratedPack, ...]
) -> None:
    urgent = ("suicide", "self_harm", "eating_disorders", "extremism")
    text = SHIPPED
    for category in urgent:
        text = text.replace(f'{category} = "flag"', f'{category} = "total"')
    problems = _lint(text, taxonomy, packs)
    assert len(problems) == 3
    assert all("flags only 2 urgent categories" in problem for problem in problems)


def test_a_taxonomy_with_too_few_urgent_categories_is_found(taxonomy: Taxonomy) -> None:
    calm = Taxonomy(tuple(msgspec.structs.replace(category, urgent=False) for category in taxonomy.categories))
    assert lint_taxonomy(calm) == ["categories.toml: only 0 urgent categories flag; 3 are needed"]


def test_categories_without_a_pack_are_noted(taxonomy: Taxonomy, packs: tuple[CuratedPack, ...]) -> None:
    assert notes_on_packs(taxonomy, packs) == ["child_sexual_exploitation: no curated pack"]
