"""States of any size, in parts of which all or none count."""

from __future__ import annotations

import pytest

from agent.spool import STATE_MAX_BYTES
from agent.state_parts import PART_BYTES, load_parts, save_parts


class Disk(dict):
    """What was saved, as the spool keeps it: nothing over its bound."""

    def save(self, key, value):
        if value is None:
            self.pop(key, None)
            return
        assert len(value) <= STATE_MAX_BYTES
        self[key] = value

    def keep(self, value):
        save_parts(self.save, self.get, "phones", value)

    def kept(self):
        return load_parts(self.get, "phones")


@pytest.mark.parametrize("size", [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 5 * PART_BYTES + 7])
def test_a_state_of_any_size_comes_back(size):
    disk = Disk()
    value = bytes(range(256)) * (size // 256 + 1)
    disk.keep(value[:size])
    assert disk.kept() == value[:size]


def test_a_shorter_one_leaves_no_part_of_a_longer_one_behind():
    disk = Disk()
    disk.keep(b"a" * 4 * PART_BYTES)
    disk.keep(b"b")
    assert (list(disk), disk.kept()) == (["phones"], b"b")


def test_what_was_never_saved_or_lacks_a_part_or_mixes_two_counts_as_never_saved():
    disk = Disk()
    assert disk.kept() is None
    disk["phones"] = b"short"
    assert disk.kept() is None
    disk.keep(b"a" * 3 * PART_BYTES)
    other = dict(disk)
    disk.keep(b"b" * 3 * PART_BYTES)
    disk["phones 1"] = other["phones 1"]
    assert disk.kept() is None
    del disk["phones 1"]
    assert disk.kept() is None
