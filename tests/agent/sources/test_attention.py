"""Who hangs in a place is left behind, and nobody else looks there until it comes back."""

from __future__ import annotations

import threading

import pytest

from agent.sources.attention import Attention, LeftBehind


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


def test_who_looks_for_a_short_time_is_not_left_and_each_look_counts_by_itself(clock):
    attention = Attention(10.0, clock)
    me = threading.get_ident()
    for _ in range(3):
        with attention.on("anna") as may_look:
            assert may_look
            clock.seconds += 9.0
            assert not attention.leave(me)
    clock.seconds += 100.0
    assert not attention.leave(me)
    assert attention.hanging() == set()


def test_who_hangs_is_left_its_place_is_closed_to_all_and_open_again_once_it_is_back(clock):
    attention = Attention(10.0, clock)
    inside, go_on, ended = threading.Event(), threading.Event(), []

    def hang():
        try:
            with attention.on("anna"):
                inside.set()
                go_on.wait(20)
        except LeftBehind:
            ended.append("left")

    thread = threading.Thread(target=hang)
    thread.start()
    assert inside.wait(10)
    clock.seconds = 10.0
    assert attention.leave(thread.ident)
    assert attention.hanging() == {"anna"}
    with attention.on("anna") as may_look:
        assert not may_look
    with attention.on("ben") as may_look:
        assert may_look
    go_on.set()
    thread.join(10)
    assert ended == ["left"]
    with attention.on("anna") as may_look:
        assert may_look
