"""Each thing that a device may notice about itself has words for IT, and what to do."""

from __future__ import annotations

from typing import get_args

from protocol.messages import HealthNotice
from server import device_notices


def test_every_word_of_the_closed_list_says_what_happened_and_what_to_do():
    assert set(device_notices.WORDS) == set(get_args(HealthNotice))
    for what, todo in device_notices.WORDS.values():
        assert what[:1].islower()
        assert not what.endswith(".")
        assert todo[:1].isupper()
        assert todo.endswith(".")


def test_a_newer_agents_word_is_left_out():
    assert device_notices.told(["clock_moved", "of_a_later_version"]) == [device_notices.WORDS["clock_moved"]]
