"""Protected stands above everything, every category is listed, and no name whatever makes a question fail."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.curated import NAMEABLE, CuratedPack
from rules.engine import Rules
from rules.errors import PackError, RulesError
from rules.model import Taxonomy, Verdict
from rules.writer import PackWriter


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
    held = [pack for pack in packs if pack.id != NAMEABLE and taxonomy.get(pack.category).protected]
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
    _pack(folder / "packs" / "adult.pack", "pornography", ["part.bbc.co.uk"])
    rules = Rules.open(folder)
    assert rules.classify("host", "www.bbc.co.uk").nameable
    assert not rules.classify("host", "part.bbc.co.uk").nameable
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
