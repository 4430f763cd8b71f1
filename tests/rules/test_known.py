"""What stands above lists is told apart, and a list of popular sites is read whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.curated import CuratedPack
from rules.errors import ListError
from rules.known import Known, read_popular
from rules.model import Taxonomy


def test_protected_allowed_and_curated_hosts_are_told_apart(packs: tuple[CuratedPack, ...], taxonomy: Taxonomy) -> None:
    known = Known.of(packs, taxonomy, ["bbc.co.uk"])
    assert known.protected["drugs.com"] == "health"
    assert "archive.org" in known.allowed
    assert known.curated["bet365.com"] == "gambling"
    assert not set(known.protected) & known.allowed
    assert known.popular == dict.fromkeys(("www.bbc.co.uk", "bbc.co.uk", "co.uk"), ("bbc.co.uk",))


def test_a_parent_that_would_match_several_popular_sites_names_them_all(
    packs: tuple[CuratedPack, ...], taxonomy: Taxonomy
) -> None:
    known = Known.of(packs, taxonomy, ["b.co.uk", "a.co.uk"])
    assert known.popular["co.uk"] == ("a.co.uk", "b.co.uk")
    assert known.popular_sites == 2


def test_the_popular_sites_that_come_with_fairwatch_are_about_a_hundred() -> None:
    assert 100 <= len(read_popular()) <= 150


def test_no_popular_site_is_flagged_by_a_curated_pack(packs: tuple[CuratedPack, ...], taxonomy: Taxonomy) -> None:
    flagging = [pack for pack in packs if taxonomy.by_id.get(pack.category, None) is not None]
    for pack in flagging:
        if taxonomy.get(pack.category).response == "flag":
            assert not [site for site in read_popular() if pack.names(site)], pack.id


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"a.example\na b\n", "line 2: a space"), (b"# none\n", "no popular sites"), (b"x" * 5000, "line 1: ")],
)
def test_a_list_of_popular_sites_with_a_fault_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "popular"
    path.write_bytes(content)
    with pytest.raises(ListError, match=says):
        read_popular(path)
