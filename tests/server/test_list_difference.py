"""The difference names what came and went, counts what other packs hold, and tells of known sites."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.compiler import build
from rules.sources import ListSource
from server.list_difference import SHOWN, between


@pytest.fixture
def compiled(tmp_path):
    def make(name: str, *lines: str, list_format: str = "domains"):
        path = tmp_path / f"{name}.list"
        path.write_text("\n".join(lines) + "\n")
        sources = [ListSource(list_format, "gambling", path, name)]
        pack = tmp_path / f"{name}.pack"
        return pack, sources, build(sources, pack)

    return make


def test_what_came_and_went_is_counted_and_named(compiled):
    old, old_sources, _ = compiled("old", "one.example", "two.example", "three.example")
    new, new_sources, report = compiled("new", "0.0.0.0 two.example", "0.0.0.0 Four.example", list_format="hosts")
    found = between(new, new_sources, old, old_sources, report, {})
    assert (found.before, found.after, found.added, found.removed) == (3, 2, 1, 2)
    assert found.added_names == ("four.example",)
    assert found.removed_names == ("one.example", "three.example")


def test_all_of_a_first_list_is_new_and_a_few_are_named(compiled):
    new, sources, report = compiled("new", *(f"site{number}.example" for number in range(500)))
    found = between(new, sources, None, (), report, {})
    assert (found.before, found.added, found.removed) == (0, 500, 0)
    assert len(found.added_names) == SHOWN


def test_what_other_packs_hold_too_is_counted_by_pack(compiled):
    new, sources, report = compiled("new", "one.example", "two.example")
    other: Path = compiled("other", "two.example", "three.example")[0]
    nothing: Path = compiled("nothing", "four.example")[0]
    found = between(new, sources, None, (), report, {"other": other, "nothing": nothing})
    assert found.overlap == {"other": 1}


def test_popular_and_protected_sites_and_refusals_are_told(compiled):
    new, sources, report = compiled("new", "one.example", "wikipedia.org", "samaritans.org", "a b c")
    found = between(new, sources, None, (), report, {})
    assert found.protected_count == 1
    assert [site.site for site in found.popular] == ["samaritans.org", "wikipedia.org"]
    assert all(site.refused is not None for site in found.popular)
    assert (found.read, found.refused) == (report.read, 3)


def test_popular_sites_that_stay_in_the_pack_are_told_before_those_that_were_refused(compiled):
    new, sources, report = compiled("new", "co.uk", "github.com", "esa.int")
    found = between(new, sources, None, (), report, {})
    assert found.popular_count > len(found.popular) == SHOWN
    assert [site.site for site in found.popular if site.refused is None] == ["esa.int", "github.com"]
