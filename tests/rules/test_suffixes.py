"""Public suffixes are known for what they are, wildcards and exceptions among them."""

from __future__ import annotations

import pytest
from publicsuffixlist import PublicSuffixList

from rules.suffixes import PublicSuffixes


@pytest.mark.parametrize(
    "name", ["com", "co.uk", "bologna.it", "tochigi.jp", "bet.br", "amplifyapp.com", "blogspot.com", "github.io",
             "anything.ck", "some.kawasaki.jp", "xn--55qx5d.cn"]
)  # fmt: skip
def test_public_and_private_suffixes_are_no_entries(name: str, suffix_list: PublicSuffixes) -> None:
    assert suffix_list.holds(name)


@pytest.mark.parametrize("name", ["example.com", "bbc.co.uk", "www.ck", "city.kawasaki.jp", "a.github.io"])
def test_sites_are_entries(name: str, suffix_list: PublicSuffixes) -> None:
    assert not suffix_list.holds(name)


def test_a_suffix_that_is_named_may_be_an_entry() -> None:
    named = PublicSuffixes.shipped(frozenset({"blogspot.com"}))
    assert not named.holds("blogspot.com")
    assert named.holds("github.io")


def test_the_answers_are_those_of_the_package_for_its_own_rules(suffix_list: PublicSuffixes) -> None:
    package = PublicSuffixList()
    names = ["co.uk", "a.co.uk", "b.a.co.uk", "ck", "a.ck", "b.a.ck", "www.ck", "a.www.ck", "nhs.uk", "kobe.jp",
             "a.kobe.jp", "city.kobe.jp", "b.city.kobe.jp", "compute.amazonaws.com", "s3.amazonaws.com"]  # fmt: skip
    for name in names:
        assert suffix_list.holds(name) == (package.publicsuffix(name) == name), name
