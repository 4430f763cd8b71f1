"""Each file of the signed rules has its place on the device, and roots are followed from the pinned one alone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from agent.rules_set import is_whole, open_set, place_of, roots_in
from protocol.errors import NotTrusted


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("recipients/recipients.json", "recipients.json"),
        ("policy/policy.toml", "policy.toml"),
        ("policy/categories.toml", "rules/categories.toml"),
        ("policy/protected.pack", "rules/protected.pack"),
        ("packs/curated.pack", "rules/packs/curated.pack"),
    ],
)
def test_each_file_lies_where_the_rules_are_opened(path, place):
    assert place_of(path) == Path(place)


def test_roots_are_followed_from_the_pinned_one_alone(tmp_path):
    for version in (1, 2, 10):
        (tmp_path / f"{version}.root.json").write_bytes(b"%d" % version)
    (tmp_path / "x.root.json").write_bytes(b"x")
    pinned = hashlib.sha256(b"2").hexdigest()
    assert roots_in(tmp_path, pinned) == [b"2", b"10"]
    assert roots_in(tmp_path, pinned, last=2) == [b"2"]
    with pytest.raises(NotTrusted, match="not the one that this device was enrolled with"):
        roots_in(tmp_path, hashlib.sha256(b"3").hexdigest())


def test_a_folder_that_is_not_there_holds_no_set(tmp_path):
    assert open_set(tmp_path / "current", "", {}) is None
    assert not is_whole(tmp_path / "current", "", {})
