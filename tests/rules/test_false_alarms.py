"""With large lists imported and promoted, no popular site ends in a category that is flagged by default."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from rules.compiler import build
from rules.engine import Rules
from rules.known import read_popular
from rules.report import BuildReport
from rules.sources import ListSource

# Where real lists lie is named by the variable, or beside the clone.
LISTS = Path(os.environ.get("FAIRWATCH_DOMAIN_LISTS") or Path(__file__).parents[3] / "shared" / "data" / "domain-lists")
CATEGORIES = {
    "adult": "pornography", "dating": "dating", "drugs": "drugs", "facebook": "social_networking",
    "gambling": "gambling", "malware": "malware", "phishing": "phishing", "piracy": "file_sharing", "scam": "phishing",
    "tiktok": "social_networking", "torrent": "file_sharing", "twitter": "social_networking", "vaping": "drugs",
}  # fmt: skip


def _flagged(
    sources: Sequence[ListSource], sites: Sequence[str], folder: Path, shipped: Path
) -> tuple[BuildReport, list[str]]:
    """Compiles the lists to packs that act at once, and says which of the sites the rules then flag."""
    shutil.copytree(shipped, folder / "rules")
    report = build(sources, folder / "rules" / "packs" / "imported.pack", popular=sites)
    rules = Rules.open(folder / "rules")
    try:
        found = [
            site
            for site in sites
            for category in rules.classify("host", f"www.{site}").categories + rules.classify("host", site).categories
            if rules.taxonomy.get(category).response == "flag"
        ]
    finally:
        rules.close()
    return report, found


def test_lists_that_name_popular_sites_flag_none_of_those_that_are_protected_or_allowed(
    tmp_path: Path, shipped_folder: Path
) -> None:
    wrong = [
        "archive.org", "nasa.gov", "pbs.org", "www.trustpilot.com", "cosmopolitan.com", "etonline.com",
        "urbandictionary.com", "sofascore.com", "drugs.com", "rxlist.com", "blogspot.com", "co.uk", "gov.uk",
        "samaritans.org", "bbc.co.uk", "theguardian.com", "wikipedia.org", "paypal.com",
    ]  # fmt: skip
    made = [f"n{number}.example" for number in range(2_000)]
    path = tmp_path / "made.gz"
    path.write_bytes(gzip.compress("\n".join(made + wrong).encode()))
    report, flagged = _flagged(
        [ListSource("domains", "malware", path, "made")], read_popular(), tmp_path, shipped_folder
    )
    assert (report.kept, report.false_alarms, flagged) == (2_000, (), [])
    assert {"archive.org", "trustpilot.com", "drugs.com", "sofascore.com"} <= {hit.site for hit in report.popular}
    assert all(hit.would_flag and hit.refused for hit in report.popular)


@pytest.mark.skipif(not LISTS.is_dir(), reason="the real lists are not beside this clone, nor named by the variable")
def test_the_real_lists_flag_none_of_a_thousand_popular_sites(tmp_path: Path, shipped_folder: Path) -> None:
    sites = read_popular(LISTS / "popular-sites-1000.domains.gz")
    sources = [
        ListSource("domains", CATEGORIES[path.name.partition(".")[0].partition("-")[2]], path, path.name)
        for path in sorted(LISTS.glob("*.domains.gz"))
        if not path.name.startswith("popular")
    ]
    assert len(sources) > 10
    report, flagged = _flagged(sources, sites, tmp_path, shipped_folder)
    assert flagged == []
    assert report.false_alarms == ()
    assert {hit.site for hit in report.popular if hit.would_flag} == {
        "archive.org", "drugs.com", "locale.online", "nasa.gov", "pbs.org", "rxlist.com", "trustpilot.com"
    }  # fmt: skip
    assert report.kept > 400_000
