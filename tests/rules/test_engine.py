"""Protected stands above everything, every category is listed, and no name whatever makes a question fail."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import engine
from rules.curated import CuratedPack, categorised
from rules.engine import Rules
from rules.errors import PackError, RulesError
from rules.model import Taxonomy, TrialMatch, Verdict
from rules.outcome import what_happens
from rules.policy import Policy
from rules.writer import PackWriter

POLICY = Path(engine.__file__).with_name("policy.toml").read_text("utf-8")


def _pack(path: Path, category: str, names: list[str], list_id: str = "hostile-list") -> None:
    with PackWriter([(category, list_id)], path.parent) as writer:
        for name in names:
            writer.add(name, 0)
        writer.write(path)


@pytest.fixture
def folder(tmp_path: Path, shipped_folder: Path) -> Path:
    """A copy of the shipped rules to which a test may add."""
    return Path(shutil.copytree(shipped_folder, tmp_path / "rules"))


def test_every_protected_entry_stays_protected_when_a_harmful_list_names_it(
    folder: Path, packs: tuple[CuratedPack, ...], taxonomy: Taxonomy
) -> None:
    """Promise 6."""
    held = [pack for pack in categorised(packs) if taxonomy.get(pack.category).protected]
    names = [name for pack in held for name in (*pack.hosts, *pack.apps)]
    assert len(names) > 200
    _pack(folder / "packs" / "hostile.pack", "suicide", names + [f"www.{name}" for name in names])
    rules = Rules.open(folder)
    for pack in held:
        for host in pack.hosts:
            for name in (host, f"www.{host}", f"chat.www.{host.upper()}."):
                verdict = rules.classify("host", name)
                assert verdict.protected
                assert not verdict.nameable
                assert pack.category in verdict.categories
                assert all(taxonomy.get(category).protected for category in verdict.categories)
    rules.close()


def test_a_harmful_list_that_names_the_parent_of_a_help_site_leaves_the_help_site_protected(folder: Path) -> None:
    _pack(folder / "packs" / "hostile.pack", "suicide", ["police.uk"])
    rules = Rules.open(folder)
    assert rules.classify("host", "www.ceop.police.uk").categories == ("help_seeking",)
    assert "suicide" in rules.classify("host", "www.met.police.uk").categories
    rules.close()


def test_every_matching_category_is_listed_with_its_entry_and_lists(folder: Path) -> None:
    _pack(folder / "packs" / "other.pack", "malware", ["www.bet365.com"], "other-list")
    _pack(folder / "packs" / "third.pack", "gambling", ["bet365.com"], "third-list")
    rules = Rules.open(folder)
    verdict = rules.classify("host", "a.www.bet365.com")
    assert verdict.categories == ("gambling", "malware")
    assert verdict.matched == "www.bet365.com"
    assert [(match.category, match.entry, match.lists) for match in verdict.matches] == [
        ("malware", "www.bet365.com", ("other-list",)),
        ("gambling", "bet365.com", ("gambling", "third-list")),
    ]
    rules.close()


def test_an_entry_matches_on_label_boundaries_only(rules: Rules) -> None:
    assert rules.classify("host", "bet365.com").categories == ("gambling",)
    assert rules.classify("host", "a.b.bet365.com").categories == ("gambling",)
    assert rules.classify("host", "notbet365.com").categories == ()
    assert rules.classify("host", "bet365.com.example").categories == ()


def test_a_name_is_nameable_by_its_entry_and_not_by_the_host(rules: Rules) -> None:
    verdict = rules.classify("host", "someone.private.bbc.co.uk")
    assert verdict.nameable
    assert verdict.nameable_as == "bbc.co.uk"


def test_a_nameable_site_loses_its_name_where_a_list_puts_it_in_a_sensitive_category(folder: Path) -> None:
    _pack(folder / "packs" / "adult.pack", "pornography", ["part.codecademy.com"])
    rules = Rules.open(folder)
    assert rules.classify("host", "www.codecademy.com").nameable
    assert not rules.classify("host", "part.codecademy.com").nameable
    rules.close()


def test_background_traffic_keeps_its_categories_and_only_loses_its_name(folder: Path) -> None:
    _pack(folder / "packs" / "bad.pack", "malware", ["windowsupdate.com", "here.fbcdn.net", "gstatic.com"])
    _pack(folder / "packs" / "adult.pack", "pornography", ["ytimg.com"])
    rules = Rules.open(folder)
    listed = rules.classify("host", "download.windowsupdate.com")
    assert (listed.background, listed.categories) == (True, ("malware",))  # and so it is flagged
    known = rules.classify("host", "a.here.fbcdn.net")
    assert (known.background, known.categories[0]) == (False, "malware")  # a list knows this very site
    assert rules.classify("host", "other.fbcdn.net").background
    assert not rules.classify("host", "i.ytimg.com").background  # sensitive, so it is told apart nowhere
    assert rules.classify("host", "www.google.com").nameable
    assert not rules.classify("host", "dl.google.com").nameable
    rules.close()


@pytest.mark.parametrize("group", ["staff", "learners"])
def test_no_verdict_leads_to_less_for_being_background(group: str, folder: Path) -> None:
    """Flags come from categories alone, which background traffic leaves as they are."""
    _pack(folder / "packs" / "bad.pack", "malware", ["windowsupdate.com"])
    rules, policy = Rules.open(folder), Policy.parse(POLICY, "policy.toml")
    verdict = rules.classify("host", "windowsupdate.com")
    assert verdict.background
    assert what_happens(verdict, policy, group, datetime(2026, 11, 24, 12, tzinfo=UTC)).effect == "incident"
    rules.close()


def test_a_host_is_never_taken_for_an_app_nor_an_app_for_a_host(rules: Rules) -> None:
    assert rules.classify("app", "bet365.com.example").categories == ()
    assert rules.classify("host", "linux:exe:tor").categories == ()
    assert rules.classify("app", "linux:exe:tor").categories == ("anonymisers",)


@given(st.sampled_from(["host", "app"]), st.one_of(st.text(), st.text(alphabet="abx.:-\ud800é\0 /")))
def test_no_name_makes_classifying_fail(rules: Rules, kind: str, name: str) -> None:
    assert isinstance(rules.classify(kind, name), Verdict)  # type: ignore[arg-type]


def test_a_list_may_not_protect_a_site(folder: Path) -> None:
    _pack(folder / "packs" / "hiding.pack", "help_seeking", ["stormfront.org"])
    with pytest.raises(PackError, match=r"hiding\.pack: help_seeking: this pack may hold no protected category"):
        Rules.open(folder)


def test_the_protected_list_may_hold_nothing_that_is_flagged(folder: Path) -> None:
    _pack(folder / "protected.pack", "gambling", ["bet365.com"])
    with pytest.raises(PackError, match=r"protected\.pack: gambling: this pack may hold only protected categories"):
        Rules.open(folder)


@pytest.mark.parametrize("name", ["protected", "nameable"])
def test_a_pack_that_takes_sites_out_of_reach_must_hold_their_names(name: str, folder: Path) -> None:
    category = "help_seeking" if name == "protected" else "nameable"
    _pack(folder / f"{name}.pack", category, ["a.example"])
    with pytest.raises(PackError, match=rf"^{name}\.pack: this pack must hold its entries' names: build it anew$"):
        Rules.open(folder)


def test_a_pack_with_a_category_that_nobody_knows_is_refused(folder: Path) -> None:
    _pack(folder / "packs" / "new.pack", "tomorrow", ["a.example"])
    with pytest.raises(PackError, match=r"new\.pack: no category is called 'tomorrow'"):
        Rules.open(folder)


@pytest.mark.parametrize("missing", ["categories.toml", "protected.pack", "nameable.pack"])
def test_rules_without_a_needed_part_are_refused(missing: str, folder: Path) -> None:
    (folder / missing).unlink()
    with pytest.raises(RulesError, match=missing.replace(".", r"\.")):
        Rules.open(folder)


def test_a_pack_replaced_under_open_rules_changes_no_answer_until_they_are_opened_again(folder: Path) -> None:
    _pack(folder / "packs" / "more.pack", "gambling", ["new-casino.example"])
    before = Rules.open(folder)
    _pack(folder / "packs" / "more.pack", "gambling", ["other.example"])
    assert before.classify("host", "new-casino.example").categories == ("gambling",)
    after = Rules.open(folder)
    assert after.classify("host", "new-casino.example").categories == ()
    before.verify()
    before.close()
    after.close()


class Promoting:
    """A policy of which only the promotions matter: pack ids with the greatest number of entries."""

    def __init__(self, **most_entries: int) -> None:
        self._most_entries = most_entries

    def acts(self, pack_id: str, entries: int) -> bool:
        return entries <= self._most_entries.get(pack_id, -1)


def test_a_pack_that_no_policy_names_is_on_trial_and_only_yields_what_it_would_have_said(folder: Path) -> None:
    _pack(folder / "packs" / "ut1_gambling.pack", "gambling", ["casino.example", "bbc.com"], "ut1")
    rules = Rules.open(folder, policy=Promoting(curated=100_000))
    assert rules.on_trial == {"ut1_gambling": 2}
    assert list(rules.acting) == ["curated"]
    verdict = rules.classify("host", "www.casino.example")
    assert (verdict.categories, verdict.matched, verdict.matches) == ((), None, ())
    assert verdict.trial == (TrialMatch("gambling", "casino.example", ("ut1",), "ut1_gambling"),)
    rules.close()


def test_a_trial_takes_neither_the_name_nor_a_category_from_a_site(folder: Path) -> None:
    _pack(folder / "packs" / "adult.pack", "pornography", ["codecademy.com"])
    rules = Rules.open(folder, policy=Promoting(curated=100_000))
    verdict = rules.classify("host", "codecademy.com")
    assert verdict.nameable_as == "codecademy.com"
    assert verdict.categories == ("reference",)
    assert [match.pack for match in verdict.trial] == ["adult"]
    rules.close()


def test_a_promoted_pack_acts_until_it_outgrows_what_was_signed(folder: Path) -> None:
    for entries, acts in ((["casino.example"], True), (["casino.example", "more.example"], False)):
        _pack(folder / "packs" / "bets.pack", "gambling", entries)
        rules = Rules.open(folder, policy=Promoting(curated=100_000, bets=1))
        assert rules.classify("host", "casino.example").categories == (("gambling",) if acts else ())
        assert bool(rules.classify("host", "casino.example").trial) is not acts
        rules.close()


def test_our_own_lists_are_on_trial_too_where_the_policy_does_not_name_them(folder: Path) -> None:
    rules = Rules.open(folder, policy=Promoting())
    verdict = rules.classify("host", "bet365.com")
    assert verdict.categories == ()
    assert [match.category for match in verdict.trial] == ["gambling"]
    rules.close()


def test_places_of_help_are_not_even_counted_on_trial(folder: Path) -> None:
    _pack(folder / "packs" / "hostile.pack", "suicide", ["samaritans.org"])
    rules = Rules.open(folder, policy=Promoting(curated=100_000))
    verdict = rules.classify("host", "www.samaritans.org")
    assert (verdict.protected, verdict.trial) == (True, ())
    rules.close()


def test_an_allowed_site_is_in_no_category_but_those_of_the_curated_packs(folder: Path) -> None:
    _pack(folder / "packs" / "wrong.pack", "malware", ["archive.org", "www.bbc.co.uk", "nasa.gov"])
    for policy in (None, Promoting(curated=100_000)):
        rules = Rules.open(folder, policy=policy)
        assert rules.classify("host", "www.nasa.gov").matches == ()
        assert rules.classify("host", "www.nasa.gov").trial == ()
        assert rules.classify("host", "www.bbc.co.uk").categories == ("news",)
        rules.close()


def test_an_allowed_site_below_a_listed_parent_stays_in_no_category(folder: Path) -> None:
    _pack(folder / "packs" / "wide.pack", "phishing", ["sky.com"])
    rules = Rules.open(folder)
    assert "phishing" in rules.classify("host", "www.sky.com").categories
    assert "phishing" not in rules.classify("host", "www.news.sky.com").categories
    rules.close()


def test_packs_to_be_tried_act_whatever_the_policy_says(folder: Path, tmp_path: Path) -> None:
    _pack(tmp_path / "tried.pack", "gambling", ["casino.example"])
    rules = Rules.open(folder, [tmp_path / "tried.pack"], Promoting(curated=100_000))
    assert rules.classify("host", "casino.example").categories == ("gambling",)
    rules.close()


def test_a_windows_program_is_matched_by_its_publisher_or_by_its_file_alone(folder: Path) -> None:
    _pack(folder / "packs" / "apps.pack", "games", ["windows:maker ltd:run.exe", "windows:exe:play.exe"])
    rules = Rules.open(folder)
    for identity, expected in {
        "windows:Maker Ltd:Run.exe": "windows:maker ltd:run.exe",
        "windows:Other Ltd:run.exe": None,
        "windows:exe:run.exe": None,
        "windows:Whoever Inc:PLAY.EXE": "windows:exe:play.exe",
        "windows:exe:play.exe": "windows:exe:play.exe",
    }.items():
        assert rules.classify("app", identity).matched == expected, identity
    rules.close()


def test_verify_reads_the_packs_on_trial_too(folder: Path) -> None:
    pack = folder / "packs" / "bets.pack"
    _pack(pack, "gambling", ["casino.example"])
    damaged = bytearray(pack.read_bytes())
    damaged[-1] ^= 1
    pack.write_bytes(damaged)
    rules = Rules.open(folder, policy=Promoting(curated=100_000))
    with pytest.raises(PackError, match=r"bets\.pack: .*damaged"):
        rules.verify()
    rules.close()
