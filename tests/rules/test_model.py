"""The taxonomy holds what the guidance and the promises ask of it."""

from __future__ import annotations

import pytest

from rules.errors import TaxonomyError
from rules.model import Taxonomy

GUIDE_HEADINGS = {
    "illegal", "bullying", "child sexual exploitation", "discrimination", "drugs", "extremism", "pornography",
    "self-harm", "suicide", "violence",
}  # fmt: skip

GOOD = """
[one]
name = "One"
heading = "drugs"
urgent = true
sensitive = true
protected = false
response = "flag"
"""


def test_the_taxonomy_covers_every_heading_of_the_monitoring_guide(taxonomy: Taxonomy) -> None:
    assert len(taxonomy.categories) >= 20
    assert {category.heading for category in taxonomy.categories} >= GUIDE_HEADINGS


@pytest.mark.parametrize("urgent", [True, False])
def test_at_least_three_categories_of_each_level_flag(taxonomy: Taxonomy, urgent: bool) -> None:
    flagging = [category for category in taxonomy.categories if category.response == "flag"]
    assert sum(category.urgent == urgent for category in flagging) >= 3


def test_help_health_faith_and_unions_are_protected_and_so_sensitive(taxonomy: Taxonomy) -> None:
    for category_id in ("help_seeking", "health", "faith", "union"):
        category = taxonomy.get(category_id)
        assert category.protected
        assert category.sensitive
        assert category.response == "ignore"


@pytest.mark.parametrize("category_id", ["social_networking", "games", "shopping", "streaming"])
def test_everyday_distractions_remind_and_send_nothing(taxonomy: Taxonomy, category_id: str) -> None:
    assert taxonomy.get(category_id).response == "remind"


def test_looking_for_work_is_ignored(taxonomy: Taxonomy) -> None:
    assert taxonomy.get("job_search").response == "ignore"


def test_an_unknown_category_is_refused_with_the_nearest_known_one(taxonomy: Taxonomy) -> None:
    with pytest.raises(TaxonomyError, match="did you mean 'gambling'"):
        taxonomy.get("gamblin")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("response =", "respnse ="), "unknown key 'respnse'.*'response'"),
        (('"flag"', '"flog"'), "flog"),
        (("urgent = true\n", ""), "urgent"),
        (("protected = false", "protected = true"), "may only be totalled or ignored"),
        (("[one]", "[one"), "not TOML"),
    ],
)
def test_a_badly_described_category_is_refused(change: tuple[str, str], problem: str) -> None:
    assert Taxonomy.parse(GOOD, "categories.toml").get("one").name == "One"
    with pytest.raises(TaxonomyError, match=problem):
        Taxonomy.parse(GOOD.replace(*change), "categories.toml")


def test_a_protected_category_must_be_sensitive() -> None:
    text = GOOD.replace("protected = false", "protected = true").replace("sensitive = true", "sensitive = false")
    with pytest.raises(TaxonomyError, match="must be sensitive too"):
        Taxonomy.parse(text.replace('"flag"', '"ignore"'), "categories.toml")
