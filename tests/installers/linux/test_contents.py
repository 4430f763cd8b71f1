"""What the packages' page says goes where is what the packages place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from installers.browsers.build import linux_files
from installers.browsers.packing import make_key
from installers.linux.contents import PACKAGES, Package

TOP = Path(__file__).parents[3]
PAGE = (TOP / "installers/linux/README.md").read_text("utf-8")


def rows(package: Package) -> dict[str, tuple[str, str]]:
    """Each path that the page names for a package: what it says of it after a removal, and after a purge."""
    part = PAGE.partition(f"\n## `{package.name}`\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| `(/[^`]+)` \|[^|]*(?:`[^|]*)?\| ([^|]+) \| ([^|]+) \|$", part, re.MULTILINE)
    return {path: (removed, purged) for path, removed, purged in found}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_the_page_names_what_the_package_places_and_nothing_more_but_what_it_makes(package):
    placed = {one.target for one in package.files} | {place for place, _ in package.links}
    named = rows(package)
    folders = [path for path in named if path.endswith("/")]
    assert f"{package.home}/" in folders
    assert {path for path in placed if not path.startswith(tuple(folders))} == {
        path for path in named if path not in folders
    }


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_what_the_package_places_goes_with_it_and_only_what_was_made_stays(package):
    for path, (removed, purged) in rows(package).items():
        made = path.startswith(("/var/", "/etc/fairwatch"))
        assert (removed == "stays") == made, path
        assert purged == "–", path


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_file_is_there_and_no_two_go_to_one_place(package):
    targets = [one.target for one in package.files] + [place for place, _ in package.links]
    assert len(targets) == len(set(targets))
    assert [one.source for one in package.files if one.source and not (TOP / one.source).is_file()] == []
    made = {one.target for one in package.files if not one.source}
    assert made in (set(), set(linux_files(make_key())))
    assert [path for _, path in package.scripts if not (TOP / path).is_file()] == []
