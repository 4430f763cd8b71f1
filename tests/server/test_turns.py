"""No sender, and no crowd of them, holds every thread of the collector."""

from __future__ import annotations

import pytest

from protocol.codes import Code
from protocol.errors import Refused
from server.turns import Turns


def test_a_sender_gets_so_many_turns_and_no_more_until_one_ends():
    turns = Turns(each=2, together=9)
    with turns.turn("a"), turns.turn("a"):
        with pytest.raises(Refused) as refused, turns.turn("a"):
            pass
        assert refused.value.code is Code.BUSY
        with turns.turn("b"):
            pass
    with turns.turn("a"), turns.turn("a"):
        pass


def test_all_together_get_so_many_turns():
    turns = Turns(each=2, together=3)
    with turns.turn("a"), turns.turn("b"), turns.turn("c"), pytest.raises(Refused), turns.turn("d"):
        pass


def test_a_turn_is_given_back_after_a_fault_and_no_name_is_remembered():
    turns = Turns(each=1, together=1)
    for _ in range(3):
        with pytest.raises(ValueError, match="a fault"), turns.turn("a"):
            raise ValueError("a fault")
    assert not turns._taken
