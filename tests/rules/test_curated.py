"""A curated pack that is wrong anywhere is refused with one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.curated import check_together, load_pack, load_packs
from rules.errors import PackError, TaxonomyError
from rules.model import Taxonomy
from rules.suffixes import PublicSuffixes

GOOD = """
title = "Gambling"
category = "gambling"
basis = "Made for a test."
reviewed = "2026-11-22"

[hosts]
"casino.example" = "A casino"

[apps]
"linux:exe:casino" = "A casino"

[examples]
match = ["www.casino.example", "linux:exe:casino"]
no_match = ["notcasino.example"]
"""


def _write(folder: Path, text: str, name: str = "gambling") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_good_pack_is_read(tmp_path: Path, taxonomy: Taxonomy, suffix_list: PublicSuffixes) -> None:
    pack = load_pack(_write(tmp_path, GOOD), taxonomy, suffix_list)
    assert pack.id == "gambling"
    assert pack.names("www.casino.example")
    assert not pack.names("notcasino.example")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("title =", "titel ="), "unknown key 'titel'.*'title'"),
        (('basis = "Made for a test."', ""), "basis"),
        (("[hosts]", "[hosts"), "not TOML"),
        (('"casino.example" =', '"Casino.example" ='), "write it as casino.example"),
        (('"casino.example" =', '"casino.example/x" ='), "scheme or a path"),
        (('"casino.example" =', '"192.0.2.1" ='), "address"),
        (('"casino.example" =', '"co.uk" ='), "a public suffix"),
        (('"casino.example" =', '"blogspot.com" ='), "a public suffix"),
        (('"casino.example" =', '"a.casino.example" = "x"\n"casino.example" ='), "covers it already"),
        (('= "A casino"\n\n[apps]', '= " "\n\n[apps]'), "no reason"),
        (('"linux:exe:casino" =', '"casino" ='), "app identity"),
        (("www.casino.example", "other.example"), "should match and does not"),
        (("notcasino.example", "a.casino.example"), "should not match and does"),
        (('["notcasino.example"]', "[]"), "at least one example"),
        (("basis =", 'named_suffixes = ["casino.example"]\nbasis ='), "not both a public suffix"),
    ],
)
def test_a_wrong_pack_is_refused_in_one_line_that_names_the_file(
    change: tuple[str, str], problem: str, tmp_path: Path, taxonomy: Taxonomy, suffix_list: PublicSuffixes
) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    path = _write(tmp_path, text)
    with pytest.raises(PackError, match=problem) as refused:
        load_pack(path, taxonomy, suffix_list)
    assert str(refused.value).startswith("gambling.toml: ")
    assert "\n" not in str(refused.value)


def test_an_unknown_category_is_refused(tmp_path: Path, taxonomy: Taxonomy, suffix_list: PublicSuffixes) -> None:
    with pytest.raises(TaxonomyError, match="did you mean 'gambling'"):
        load_pack(_write(tmp_path, GOOD.replace('"gambling"', '"gambing"')), taxonomy, suffix_list)


def test_a_harmful_pack_that_names_a_protected_site_is_refused(tmp_path: Path, taxonomy: Taxonomy) -> None:
    _write(tmp_path, GOOD.replace('"gambling"', '"help_seeking"').replace("casino", "help"), "help")
    _write(tmp_path, GOOD.replace("casino", "sub.help"))
    with pytest.raises(PackError, match=r"gambling\.toml: sub\.help\.example: the protected pack 'help' holds it"):
        load_packs(tmp_path, taxonomy)


@pytest.mark.parametrize(
    ("entry", "problem"), [("casino.example", "in the sensitive category 'gambling'"), ("x.example", "in no category")]
)
def test_a_nameable_entry_that_is_private_or_in_no_category_is_refused(
    entry: str, problem: str, tmp_path: Path, taxonomy: Taxonomy
) -> None:
    _write(tmp_path, GOOD)
    nameable = GOOD.partition("[apps]")[0].replace('"gambling"', '"nameable"').replace("casino.example", entry)
    _write(tmp_path, nameable + f'[examples]\nmatch = ["{entry}"]\nno_match = ["y.example"]\n', "nameable")
    with pytest.raises(PackError, match=problem):
        load_packs(tmp_path, taxonomy)


def test_no_packs_are_no_contradiction(taxonomy: Taxonomy) -> None:
    check_together((), taxonomy)


def test_a_pack_that_is_no_text_or_not_there_is_refused_in_plain_words(
    tmp_path: Path, taxonomy: Taxonomy, suffix_list: PublicSuffixes
) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\0")
    for name, says in (("binary", "not UTF-8 text"), ("missing", "can't be read: No such file or directory")):
        with pytest.raises(PackError) as refused:
            load_pack(tmp_path / f"{name}.toml", taxonomy, suffix_list)
        assert str(refused.value) == f"{name}.toml: {says}"
