"""The recipe's ids follow from the content: the same files give the same package, other files another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from installers.windows import recipe
from installers.windows.recipe import Wanted, product_code

NAMES = {"w": "http://schemas.microsoft.com/wix/2006/wi"}


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    home = tmp_path / "Fairwatch"
    (home / "agent/session").mkdir(parents=True)
    for name in (recipe.PROGRAM, recipe.SESSION_PROGRAM, "agent/__init__.py", "agent/session/__init__.py"):
        (home / name).write_text(name)
    library = tmp_path / "hand_over.dll"
    library.write_bytes(b"library")
    return Wanted(home, library, "0.1.0", "run", True, {r"SOFTWARE\A\B": r"C:\there.json"})


def tree(wanted: Wanted) -> ElementTree.Element:
    return ElementTree.fromstring(recipe.recipe(wanted))


def test_the_same_files_give_the_same_recipe_wherever_they_were_staged(wanted, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    wanted.staged.rename(elsewhere)
    elsewhere.rename(tmp_path / "Fairwatch")
    assert recipe.recipe(wanted) == recipe.recipe(wanted)


def test_another_content_is_another_product_of_the_same_family(wanted):
    before, product = product_code(wanted), tree(wanted).find("w:Product", NAMES)
    (wanted.staged / "agent/__init__.py").write_text("changed")
    assert product_code(wanted) != before
    assert product_code(replace(wanted, words="other")) != product_code(wanted)
    assert tree(wanted).find("w:Product", NAMES).get("UpgradeCode") == product.get("UpgradeCode")


def test_a_file_keeps_its_component_from_version_to_version(wanted):
    guids = [one.get("Guid") for one in tree(wanted).iter(f"{{{NAMES['w']}}}Component")]
    (wanted.staged / "agent/__init__.py").write_text("changed")
    assert [
        one.get("Guid") for one in tree(replace(wanted, version="0.2.0")).iter(f"{{{NAMES['w']}}}Component")
    ] == guids
    assert len(set(guids)) == len(guids) == 4 + 3


def test_every_file_is_in_the_folder_that_it_was_staged_in(wanted):
    parents = {child: parent for parent in tree(wanted).iter() for child in parent}
    sources = {}
    for child, parent in parents.items():
        if child.tag.endswith("}File"):
            sources[child.get("Source")] = parents[parent].get("Name")
    assert sources["Fairwatch/agent/session/__init__.py"] == "session"
    assert sources[f"Fairwatch/{recipe.PROGRAM}"] == "Fairwatch"
    assert len(sources) == 4


def test_a_package_without_python_places_the_service_and_does_not_start_it(wanted):
    for starts in (True, False):
        found = tree(replace(wanted, starts=starts))
        assert found.find(".//w:ServiceInstall", NAMES).get("Arguments") == "run"
        started = [one for one in found.iter(f"{{{NAMES['w']}}}ServiceControl") if one.get("Start")]
        assert bool(started) == starts


def test_what_is_given_is_hidden(wanted):
    hidden = next(one for one in tree(wanted).iter() if one.get("Id") == "MsiHiddenProperties").get("Value").split(";")
    assert {"TOKEN", "COLLECTOR", "ROOT", "HandOver"} == set(hidden)
