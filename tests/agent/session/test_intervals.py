"""Intervals never exceed the time that passed, never overlap, and end at idling, at suspend and at gaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.session.intervals import LONGEST_GAP_SECONDS, LONGEST_INTERVAL_SECONDS, InFront, Intervals, Moment
from agent.session.messages import Front, Idle

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
A, B = InFront("linux:a"), InFront("linux:b")


def at(seconds: float, asleep: float = 0.0) -> Moment:
    """So long after the start, of which so long asleep."""
    return Moment(100 + seconds - asleep, 100 + seconds, START + timedelta(seconds=seconds))


def test_a_switch_ends_one_interval_and_begins_the_next() -> None:
    intervals = Intervals()
    assert intervals.observe(A, at(0), 0) == []
    assert intervals.observe(B, at(4), 0) == [Front(identity="linux:a", started=START, seconds=4.0)]
    assert intervals.close(at(9)) == [Front(identity="linux:b", started=START + timedelta(seconds=4), seconds=5.0)]


def test_another_window_of_the_same_app_goes_on_with_the_same_interval() -> None:
    intervals = Intervals()
    intervals.observe(A, at(0), 0)
    assert intervals.observe(InFront("linux:a"), at(4), 0) == []
    assert intervals.close(at(5))[0].seconds == 5.0


def test_idling_cuts_the_interval_back_to_the_last_input() -> None:
    intervals = Intervals(idle_after_seconds=20)
    intervals.observe(A, at(0), 0)
    assert intervals.observe(A, at(25), 20) == [Front(identity="linux:a", started=START, seconds=5.0, idle=True)]
    assert intervals.idle
    assert intervals.observe(A, at(26), 21) == []
    assert intervals.observe(A, at(28), 0.5) == [Idle(started=START + timedelta(seconds=5), seconds=22.5)]
    assert intervals.close(at(30)) == [Front(identity="linux:a", started=START + timedelta(seconds=27.5), seconds=2.5)]


def test_long_use_is_handed_over_each_minute_but_only_up_to_the_last_input() -> None:
    intervals = Intervals(idle_after_seconds=180)
    for second in range(0, 70, 10):
        given_over = intervals.observe(A, at(second), max(0, second - 55))
    assert given_over == [Front(identity="linux:a", started=START, seconds=55.0)]
    for second in range(70, 240, 10):
        given_over = intervals.observe(A, at(second), second - 55)
    assert given_over == []


def test_suspend_ends_the_interval_where_it_was_last_seen() -> None:
    intervals = Intervals()
    intervals.observe(A, at(0), 0)
    intervals.observe(A, at(10), 0)
    assert intervals.observe(A, at(3612, asleep=3600), 0) == [Front(identity="linux:a", started=START, seconds=10.0)]
    (after,) = intervals.close(at(3615, asleep=3600))
    assert (after.started, after.seconds) == (START + timedelta(seconds=3612), 3.0)


def test_a_gap_in_which_nobody_looked_is_not_counted() -> None:
    intervals = Intervals()
    intervals.observe(A, at(0), 0)
    intervals.observe(A, at(5), 0)
    assert intervals.observe(A, at(6 + LONGEST_GAP_SECONDS), 0)[0].seconds == 5.0


def test_no_window_in_front_is_no_use_and_an_unknown_app_is_unknown() -> None:
    intervals = Intervals()
    assert intervals.observe(None, at(0), 0) == []
    assert intervals.observe(InFront(None), at(3), 0) == []
    assert intervals.observe(None, at(5), 0) == [
        Front(identity=None, started=START + timedelta(seconds=3), seconds=2.0)
    ]
    assert intervals.close(at(9)) == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from([None, A, B, InFront(None)]),
        st.floats(0, 50),
        st.sampled_from([0.0, 0.0, 0.0, 2.0, 4000.0]),
        st.floats(0, 400),
        st.sampled_from([0.0, 0.0, -7200.0, 3600.0]),
    ),
    max_size=60,
)


@given(STEPS)
def test_intervals_never_overlap_and_never_exceed_the_waking_time_that_passed(
    steps: list[tuple[InFront | None, float, float, float, float]],
) -> None:
    intervals = Intervals()
    clock, asleep, idle, step = 0.0, 0.0, 0.0, 0.0
    ended: list[tuple[Front | Idle, float]] = []
    for front, passed, slept, away, stepped in steps:
        clock, asleep, step = clock + passed + slept, asleep + slept, step + stepped
        idle = min(away, clock - asleep)
        moment = Moment(clock - asleep, clock, START + timedelta(seconds=clock + step))
        ended += [(one, moment.monotonic) for one in intervals.observe(front, moment, idle)]
    last = Moment(clock - asleep, clock, START + timedelta(seconds=clock + step))
    ended += [(one, last.monotonic) for one in intervals.close(last)]
    assert sum(one.seconds for one, _ in ended) <= last.monotonic + 1e-6
    assert all(0 < one.seconds <= LONGEST_INTERVAL_SECONDS + 180 + 60 for one, _ in ended)


def test_two_switches_within_a_flicker_make_no_interval() -> None:
    intervals = Intervals()
    intervals.observe(A, at(0), 0)
    intervals.observe(B, at(3), 0)
    assert intervals.observe(A, at(3.001), 0) == []
