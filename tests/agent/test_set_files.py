"""A signed file is brought the shortest way that gives its signed bytes, and whole where that fails."""

from __future__ import annotations

import hashlib
import random

import pytest
from tuf.api import exceptions as tuf_errors
from tuf.api.metadata import TargetFile

from agent.rules_set import place_of
from agent.set_files import bring
from protocol.publication import delta_path
from rules import delta

PACK = "packs/made.pack"
OLD = random.Random(1).randbytes(200_000)
NEW = OLD[:90_000] + b"changed" + OLD[90_000:]


class Published:
    """What a collector has, and which of it was fetched."""

    def __init__(self, **changed):
        self.files = {PACK: NEW, way(OLD, NEW): delta.make(OLD, NEW)} | changed
        self.fetched = []

    @property
    def listed(self):
        return {path: TargetFile.from_data(path, data, ["sha256"]) for path, data in self.files.items()}

    def download(self, target, place):
        self.fetched.append(target.path)
        data = self.files[target.path]
        if data is None:
            raise tuf_errors.DownloadError("gone")
        place.write_bytes(data)


def way(old, new):
    return delta_path(PACK, *(hashlib.sha256(data).hexdigest() for data in (old, new)))


@pytest.fixture
def taken(tmp_path):
    """Bring the pack, with what is in force; gives the bytes and what was fetched."""

    def take(here, published=None):
        current, place = tmp_path / "current", tmp_path / "next" / place_of(PACK)
        if here is not None:
            (current / place_of(PACK)).parent.mkdir(parents=True)
            (current / place_of(PACK)).write_bytes(here)
        source = published or Published()
        bring(source.listed[PACK], place, current, source.listed, source.download)
        return place.read_bytes(), source.fetched

    return take


def test_the_same_file_is_taken_from_the_set_in_force(taken):
    assert taken(NEW) == (NEW, [])


def test_an_older_one_is_brought_up_to_date_by_its_delta(taken):
    assert taken(OLD) == (NEW, [way(OLD, NEW)])


def test_without_a_file_or_with_one_that_no_delta_starts_from_the_whole_is_fetched(taken):
    assert taken(None) == (NEW, [PACK])


def test_an_edited_file_is_never_built_on(taken):
    assert taken(OLD[:-1] + b"x") == (NEW, [PACK])


@pytest.mark.parametrize("spoilt", [b"", b"no delta", delta.make(OLD, NEW)[:-9], delta.make(OLD, OLD + b"other")])
def test_a_delta_that_does_not_give_the_signed_bytes_leads_to_the_whole_file(taken, spoilt):
    published = Published(**{way(OLD, NEW): spoilt})
    assert taken(OLD, published) == (NEW, [way(OLD, NEW), PACK])


def test_a_delta_longer_than_the_file_is_not_fetched(taken):
    published = Published(**{way(OLD, NEW): bytes(len(NEW) + 1)})
    assert taken(OLD, published) == (NEW, [PACK])
