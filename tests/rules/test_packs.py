"""Every curated pack keeps what it says: its examples hold, its entries are one site each, each with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules import curated
from rules.curated import NAMEABLE, CuratedPack, parse_pack
from rules.engine import Rules
from rules.model import Taxonomy
from rules.suffixes import PublicSuffixes

PACK_FILES = sorted((Path(curated.__file__).parent / "packs").glob("*.toml"))
NEEDED = {
    "social_networking", "gambling", "dating", "pornography", "self_harm", "suicide", "eating_disorders", "extremism",
    "weapons", "drugs", "phishing", "malware", "anonymisers", "file_sharing", "remote_control", "streaming", "games",
    "shopping", "job_search", "generative_ai", "health", "faith", "union", "help_seeking",
}  # fmt: skip


def _kind(name: str) -> str:
    return "app" if ":" in name else "host"


def test_there_is_a_pack_for_every_category_of_the_first_release(packs: tuple[CuratedPack, ...]) -> None:
    assert {pack.category for pack in packs} >= NEEDED


@pytest.mark.parametrize("path", PACK_FILES, ids=lambda path: path.stem)
def test_the_examples_of_each_pack_hold_in_the_compiled_rules(path: Path, rules: Rules) -> None:
    pack = parse_pack(path.read_text("utf-8"), path.name)
    for name in pack.examples.match:
        verdict = rules.classify(_kind(name), name)  # type: ignore[arg-type]
        assert verdict.nameable if pack.id == NAMEABLE else pack.category in verdict.categories
    for name in pack.examples.no_match:
        verdict = rules.classify(_kind(name), name)  # type: ignore[arg-type]
        assert not verdict.nameable if pack.id == NAMEABLE else pack.category not in verdict.categories


def test_every_entry_of_every_pack_is_found_with_its_pack_as_the_list(
    packs: tuple[CuratedPack, ...], rules: Rules
) -> None:
    for pack in packs:
        for name in (*pack.hosts, *pack.apps):
            verdict = rules.classify(_kind(name), name)  # type: ignore[arg-type]
            if pack.id == NAMEABLE:
                assert verdict.nameable_as == name
            else:
                assert any(match.entry == name and pack.id in match.lists for match in verdict.matches), name


def test_no_entry_is_a_public_suffix_but_those_named_as_one_organisations(
    packs: tuple[CuratedPack, ...], suffix_list: PublicSuffixes
) -> None:
    held = {host for pack in packs for host in pack.hosts if suffix_list.holds(host)}
    assert held == {"nhs.uk", "gov.uk", "gov.scot", "police.uk"}


def test_nothing_sensitive_can_be_named_in_totals(
    packs: tuple[CuratedPack, ...], rules: Rules, taxonomy: Taxonomy
) -> None:
    for pack in packs:
        if pack.id == NAMEABLE or not taxonomy.get(pack.category).sensitive:
            continue
        for name in (*pack.hosts, *pack.apps):
            assert not rules.classify(_kind(name), name).nameable, name  # type: ignore[arg-type]


@pytest.mark.parametrize("helper", ["samaritans.org", "www.childline.org.uk", "papyrus-uk.org", "giveusashout.org",
    "nspcc.org.uk", "beateatingdisorders.org.uk", "mind.org.uk", "talktofrank.com", "gamcare.org.uk", "refuge.org.uk",
    "stopitnow.org.uk", "111.nhs.uk", "www.unison.org.uk", "citizensadvice.org.uk", "ico.org.uk", "drugs.com",
    "rxlist.com"])  # fmt: skip
def test_the_well_known_places_of_help_are_protected(helper: str, rules: Rules) -> None:
    assert rules.classify("host", helper).protected
