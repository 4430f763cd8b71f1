"""Each file of the signed rules has its place on the device, and roots are followed from the pinned one alone."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from agent.rules_set import SET_METADATA, is_whole, open_set, place_of, roots_in
from protocol.errors import NotTrusted
from protocol.publication import target_file_name

ROOT = Path(__file__).parents[2]


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


@pytest.mark.parametrize(("promoted", "acting"), [("curated = 2000", True), ("curated = 10", False), ("", False)])
def test_a_pack_acts_only_where_the_signed_policy_has_promoted_it(custodians, promoted, acting, tmp_path):
    text = (ROOT / "rules" / "policy.toml").read_text().replace("curated = 2000", promoted)
    rules = custodians.folder / "rules"
    (rules / "policy.toml").write_text(text)
    lists = [rules / name for name in ("policy.toml", "categories.toml", "protected.pack", "nameable.pack")]
    assert custodians.sign("policy", *lists) == 0
    assert custodians.sign(key="second") == 0
    current = _as_a_set(custodians.ceremony / "publication", tmp_path / "current")
    root = hashlib.sha256((current / "metadata" / "1.root.json").read_bytes()).hexdigest()
    bundle = open_set(current, root, {})
    try:
        verdict = bundle.rules.classify("host", "www.bet365.com")
        assert verdict.categories == (("gambling",) if acting else ())
        assert [match.pack for match in verdict.trial] == ([] if acting else ["curated"])
        assert list(bundle.rules.on_trial) == ([] if acting else ["curated"])
    finally:
        bundle.rules.close()


def _as_a_set(publication: Path, folder: Path) -> Path:
    """A published folder's newest files, laid out as `open_set` takes them."""
    metadata = folder / "metadata"
    metadata.mkdir(parents=True)
    shutil.copy(publication / "metadata" / "1.root.json", metadata)
    for name in SET_METADATA:
        newest = max((publication / "metadata").glob(f"*.{name}.json"), key=lambda path: int(path.name.split(".")[0]))
        shutil.copy(newest, metadata / f"{name}.json")
        for path, target in json.loads(newest.read_bytes())["signed"]["targets"].items():
            place = folder / place_of(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(publication / "targets" / target_file_name(path, target["hashes"]["sha256"]), place)
    return folder
