"""`[[lists]]` in collector.toml is read strictly; presets bring everything that a list needs."""

from __future__ import annotations

import pytest

from rules.formats import FORMATS
from rules.model import Taxonomy
from server.config import parse
from server.errors import ConfigError
from server.list_presets import PRESETS
from server.list_settings import is_secure

OWN = (
    '[[lists]]\nid = "own"\nurl = "https://a.example/l.txt"\nformat = "domains"\ncategory = "games"\nlicence = "ours"\n'
)


def test_a_preset_brings_address_format_category_licence_checksum_and_bound():
    (one,) = parse('[[lists]]\nid = "ut1_gambling"\npreset = "ut1:gambling"\n', "collector.toml").lists
    assert (one.format, one.category, one.refresh_hours, one.held_share_percent) == ("ut1", "gambling", 24, 25)
    assert one.url.startswith("https://")
    assert one.checksum_url.startswith("https://")
    assert "Creative Commons" in one.licence


def test_what_is_said_beside_a_preset_goes_above_it():
    (one,) = parse('[[lists]]\nid = "x"\npreset = "ut1:vpn"\nmax_megabytes = 7\ncategory = "games"\n', "c").lists
    assert (one.max_megabytes, one.category) == (7, "games")


def test_any_address_can_be_a_list_and_several_are_read():
    lists = parse(OWN + OWN.replace('"own"', '"other"'), "collector.toml").lists
    assert [one.id for one in lists] == ["own", "other"]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_used(name):
    (one,) = parse(f'[[lists]]\nid = "one"\npreset = "{name}"\n', "collector.toml").lists
    assert one.format in FORMATS
    assert one.category in Taxonomy.shipped().by_id
    assert one.licence
    assert is_secure(one.url)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("lists = 3\n", 1, "lists must be sections: [[lists]]"),
        (OWN + "refesh_hours = 3\n", 7, "did you mean 'refresh_hours'?"),
        (OWN + OWN.replace('"own"', '"b"') + "max_megabyte = 3\n", 13, "did you mean 'max_megabytes'?"),
        ('[[lists]]\nid = "x"\npreset = "ut1:gamblin"\n', 3, "did you mean 'ut1:gambling'?"),
        (OWN.replace("https://a", "http://a"), 3, "url must be an https address"),
        (OWN.replace("https://", "https://me:secret@"), 3, "url must be an https address"),
        (OWN.replace('"own"', '"curated"'), 2, "none of curated"),
        (OWN.replace('"own"', '"Own-list"'), 2, "id must be"),
        (OWN.replace("games", "health"), 5, "not a protected one"),
        (OWN.replace("domains", "domain"), 4, "one of adblock"),
        (OWN.replace('licence = "ours"\n', ""), 2, "needs licence too"),
        (OWN + 'preset = "ut1:vpn"\n', 2, "either a preset or a url"),
        ('[[lists]]\npreset = "ut1:vpn"\n', 1, "a list needs an id"),
        (OWN + OWN, 8, "two lists have the id 'own'"),
        (OWN + "held_share_percent = 0\n", 7, "from 1 to 1000"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(text, line, says):
    with pytest.raises(ConfigError) as refused:
        parse(text, "collector.toml")
    assert says in str(refused.value)
    assert refused.value.line == line


@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("https://lists.example/a", True),
        ("http://127.0.0.1:8000/a", True),
        ("http://localhost/a", True),
        ("http://127.0.0.1.example/a", False),
        ("http://lists.example/a", False),
        ("https://lists.example:99999/a", False),
        ("https://li\nsts.example/a", False),
        ("ftp://lists.example/a", False),
        ("https:///a", False),
    ],
)
def test_only_tls_counts_as_secure_but_on_this_computer(url, secure):
    assert is_secure(url) is secure
