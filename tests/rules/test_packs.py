"""Every curated pack keeps what it says: its examples hold, its entries are one site each, each with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules import curated
from rules.curated import CuratedPack, categorised, parse_pack
from rules.engine import Rules
from rules.model import ALLOWED, BACKGROUND, NAMEABLE, TRIP, Taxonomy, Verdict
from rules.suffixes import PublicSuffixes

PACK_FILES = sorted((Path(curated.__file__).parent / "packs").glob("*.toml"))
SPEAKING_FILES = [path for path in PACK_FILES if path.stem != ALLOWED]  # allowed sites keep others from speaking
NEEDED = {
    "social_networking", "gambling", "dating", "pornography", "self_harm", "suicide", "eating_disorders", "extremism",
    "weapons", "drugs", "phishing", "malware", "anonymisers", "file_sharing", "remote_control", "streaming", "games",
    "shopping", "job_search", "generative_ai", "health", "faith", "union", "help_seeking",
}  # fmt: skip


def _kind(name: str) -> str:
    return "app" if ":" in name else "host"


def test_there_is_a_pack_for_every_category_of_the_first_release(packs: tuple[CuratedPack, ...]) -> None:
    assert {pack.category for pack in packs} >= NEEDED


@pytest.mark.parametrize("path", SPEAKING_FILES, ids=lambda path: path.stem)
def test_the_examples_of_each_pack_hold_in_the_compiled_rules(path: Path, rules: Rules) -> None:
    pack = parse_pack(path.read_text("utf-8"), path.name)
    for name in pack.examples.match:
        verdict = rules.classify(_kind(name), name)  # type: ignore[arg-type]
        assert _says(verdict, pack)
    for name in pack.examples.no_match:
        verdict = rules.classify(_kind(name), name)  # type: ignore[arg-type]
        assert not _says(verdict, pack)


def _says(verdict: Verdict, pack: CuratedPack) -> bool:
    if pack.id == NAMEABLE:
        return verdict.nameable
    if pack.id == TRIP:
        return verdict.trip is not None
    return verdict.background if pack.id == BACKGROUND else pack.category in verdict.categories


def test_every_entry_of_every_pack_is_found_with_its_pack_as_the_list(
    packs: tuple[CuratedPack, ...], rules: Rules
) -> None:
    for pack in packs:
        for name in (*pack.hosts, *pack.apps):
            verdict = rules.classify(_kind(name), name)  # type: ignore[arg-type]
            if pack.id == NAMEABLE:
                assert verdict.nameable_as == name
            elif pack.id == BACKGROUND:
                assert verdict.background, name
            elif pack.id == TRIP:
                assert (verdict.trip, verdict.categories) == (name, ())
            elif pack.id != ALLOWED:
                assert any(match.entry == name and pack.id in match.lists for match in verdict.matches), name


def test_background_traffic_is_above_no_flag_and_no_help(
    packs: tuple[CuratedPack, ...], rules: Rules, taxonomy: Taxonomy
) -> None:
    background = next(pack for pack in packs if pack.id == BACKGROUND)
    for name in (*background.hosts, *background.apps):
        found = [taxonomy.get(category) for category in rules.classify(_kind(name), name).categories]  # type: ignore[arg-type]
        assert not any(category.sensitive or category.response == "flag" for category in found), name


def test_no_entry_is_a_public_suffix_but_those_named_as_one_organisations(
    packs: tuple[CuratedPack, ...], suffix_list: PublicSuffixes
) -> None:
    held = {host for pack in packs for host in pack.hosts if suffix_list.holds(host)}
    assert held == {"nhs.uk", "gov.uk", "gov.scot", "police.uk"}


def test_nothing_sensitive_can_be_named_in_totals(
    packs: tuple[CuratedPack, ...], rules: Rules, taxonomy: Taxonomy
) -> None:
    for pack in categorised(packs):
        if not taxonomy.get(pack.category).sensitive:
            continue
        for name in (*pack.hosts, *pack.apps):
            assert not rules.classify(_kind(name), name).nameable, name  # type: ignore[arg-type]


@pytest.mark.parametrize("helper", ["samaritans.org", "www.childline.org.uk", "papyrus-uk.org", "giveusashout.org",
    "nspcc.org.uk", "beateatingdisorders.org.uk", "mind.org.uk", "talktofrank.com", "gamcare.org.uk", "refuge.org.uk",
    "stopitnow.org.uk", "111.nhs.uk", "www.unison.org.uk", "citizensadvice.org.uk", "ico.org.uk", "drugs.com",
    "rxlist.com"])  # fmt: skip
def test_the_well_known_places_of_help_are_protected(helper: str, rules: Rules) -> None:
    assert rules.classify("host", helper).protected


@pytest.mark.parametrize("platform", ["linux", "windows", "macos", "android"])
@pytest.mark.parametrize(
    "category",
    ["anonymisers", "file_sharing", "remote_control", "games", "social_networking", "generative_ai"],
)
def test_apps_of_each_kind_are_known_on_every_platform(
    category: str, platform: str, packs: tuple[CuratedPack, ...]
) -> None:
    apps = [identity for pack in packs if pack.category == category for identity in pack.apps]
    assert sum(identity.startswith(f"{platform}:") for identity in apps) >= 5


@pytest.mark.parametrize(("identity", "category"), [
    ("windows:The Tor Project, Inc.:firefox.exe", "anonymisers"), ("windows:Mozilla Corporation:firefox.exe", None),
    ("windows:nordvpn s.a.:NordVPN.exe", "anonymisers"), ("macos:org.torproject.torbrowser", "anonymisers"),
    ("android:org.torproject.torbrowser", "anonymisers"), ("linux:exe:tor", "anonymisers"),
    ("windows:exe:qbittorrent.exe", "file_sharing"), ("macos:org.m0k.Transmission", "file_sharing"),
    ("windows:AnyDesk Software GmbH:AnyDesk.exe", "remote_control"), ("windows:Valve Corp.:steam.exe", "games"),
    ("macos:com.hnc.Discord", "social_networking"), ("android:com.whatsapp", "social_networking"),
    ("android:com.openai.chatgpt", "generative_ai"), ("macos:com.anthropic.claudefordesktop", "generative_ai"),
    ("android:com.Whatsapp", None), ("windows:microsoft windows:mstsc.exe", None),
])  # fmt: skip
def test_an_app_is_matched_by_what_identifies_it(identity: str, category: str | None, rules: Rules) -> None:
    assert rules.classify("app", identity).categories == (() if category is None else (category,))
