"""Lint finds what would go wrong later, and finds nothing in what is shipped."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from rules import policy as policy_module
from rules.curated import CuratedPack
from rules.lint import lint_compiled, lint_packs, lint_policy, lint_taxonomy, notes_on_packs
from rules.model import Taxonomy
from rules.policy import Policy
from rules.writer import PackWriter

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


def _compiled(folder: Path, category: str, *names: str, name: str = "made.pack") -> Path:
    with PackWriter([(category, "list")], folder) as writer:
        for entry in names:
            writer.add(entry, 0)
        writer.write(folder / name)
    return folder / name


def test_a_compiled_pack_with_sites_that_stand_above_lists_is_found(
    tmp_path: Path, taxonomy: Taxonomy, packs: tuple[CuratedPack, ...]
) -> None:
    path = _compiled(tmp_path, "malware", "samaritans.org", "archive.org", "reddit.com", "bad.example")
    assert lint_compiled(path, taxonomy, packs) == [
        "made.pack: list puts archive.org in malware, and it is an allowed site",
        "made.pack: list puts reddit.com in malware, which is flagged, and it matches a popular site",
        "made.pack: list puts samaritans.org in malware, and it is protected (help_seeking)",
    ]
    assert lint_compiled(_compiled(tmp_path, "social_networking", "reddit.com"), taxonomy, packs) == []


def test_a_compiled_pack_with_a_category_that_no_list_may_fill_is_found(
    tmp_path: Path, taxonomy: Taxonomy, packs: tuple[CuratedPack, ...]
) -> None:
    assert lint_compiled(_compiled(tmp_path, "health", "a.example"), taxonomy, packs) == [
        "made.pack: health is protected; a list may not put sites there"
    ]
    assert lint_compiled(_compiled(tmp_path, "tomorrow", "a.example"), taxonomy, packs) == [
        "made.pack: no category is called 'tomorrow'"
    ]


PACK = """
title = "Made"
category = "{category}"
basis = "Made for a test."
reviewed = "2026-11-22"

[hosts]
"{host}" = "A site"
"""
EXAMPLES = '\n[examples]\nmatch = ["www.{host}"]\nno_match = ["other.example"]\n'


def _write_packs(folder: Path, *packs: tuple[str, str, str], examples: str = EXAMPLES) -> Path:
    for name, category, host in packs:
        text = (PACK + examples).format(category=category, host=host)
        (folder / f"{name}.toml").write_text(text, "utf-8")
    return folder


def test_every_fault_of_every_curated_pack_is_told_and_not_only_the_first(tmp_path: Path, taxonomy: Taxonomy) -> None:
    _write_packs(tmp_path, ("none", "games", "a.example"), examples="")
    _write_packs(tmp_path, ("few", "games", "b.example"), examples="\n[examples]\nmatch = []\nno_match = []\n")
    _write_packs(tmp_path, ("bets", "gambling", "casino.example"), ("shops", "shopping", "casino.example"))
    _write_packs(tmp_path, ("help", "help_seeking", "c.example"), ("allowed", "allowed", "c.example"))
    read, problems = lint_packs(tmp_path, taxonomy)
    assert len(read) == 4
    assert [problem.partition(":")[0] for problem in problems] == [
        "few.toml",
        "none.toml",
        "allowed.toml",
        "shops.toml",
    ]
    assert "at least one example of each kind" in problems[0]
    assert "examples" in problems[1]
    assert "the protected pack 'help' holds it" in problems[2]
    assert "the pack 'bets' flags it" in problems[3]


def test_an_allowed_site_that_a_curated_pack_flags_is_a_contradiction(tmp_path: Path, taxonomy: Taxonomy) -> None:
    _write_packs(tmp_path, ("bets", "gambling", "casino.example"), ("allowed", "allowed", "sub.casino.example"))
    assert lint_packs(tmp_path, taxonomy)[1] == ["allowed.toml: sub.casino.example: the pack 'bets' flags it"]


def test_a_folder_without_packs_is_told(tmp_path: Path, taxonomy: Taxonomy) -> None:
    assert lint_packs(tmp_path, taxonomy) == ((), [f"{tmp_path}: no curated packs there"])
