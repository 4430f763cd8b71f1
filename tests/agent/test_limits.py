"""Too much is slowed step by step and eased with patience; only what stays wild makes the service begin anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.limits import (
    CPU_SECONDS,
    DISK_BYTES,
    EASE_READINGS,
    HARD_READINGS,
    MB,
    MEMORY_BYTES,
    NETWORK_BYTES,
    PACE_MOST,
    READING_SECONDS,
    SOFT_READINGS,
    Limits,
    Reading,
)

CALM = Reading(at_seconds=0.0, memory_bytes=40 * MB, cpu_seconds=2.0, disk_bytes=MB, network_bytes=0)


class Minutes:
    """A service of which a test says what it uses each minute."""

    def __init__(self):
        self.limits, self.now = Limits(), CALM
        self.limits.decide(CALM)

    def pass_by(self, minutes, *, memory=40 * MB, cpu=0.0, disk=0, network=0):
        decisions = []
        for _ in range(minutes):
            self.now = replace(
                self.now,
                at_seconds=self.now.at_seconds + READING_SECONDS,
                memory_bytes=memory,
                cpu_seconds=self.now.cpu_seconds + cpu,
                disk_bytes=self.now.disk_bytes + disk,
                network_bytes=self.now.network_bytes + network,
            )
            decisions.append(self.limits.decide(self.now))
        return decisions


@pytest.fixture
def minutes():
    return Minutes()


def test_a_device_within_its_limits_is_never_slowed(minutes):
    day = minutes.pass_by(1500, cpu=CPU_SECONDS / 61, disk=DISK_BYTES // 1500, network=NETWORK_BYTES // 1500)
    assert {(one.pace, one.slowed, one.begin_anew) for one in day} == {(1, frozenset(), False)}


@pytest.mark.parametrize(
    ("word", "use"),
    [
        ("slowed_memory", {"memory": MEMORY_BYTES + MB}),
        ("slowed_cpu", {"cpu": CPU_SECONDS + 0.1}),
        ("slowed_disk", {"disk": DISK_BYTES + MB}),
        ("slowed_network", {"network": NETWORK_BYTES + MB}),
    ],
)
def test_each_limit_slows_after_three_readings_ever_more_and_by_its_own_word(minutes, word, use):
    assert all(one.pace == 1 and not one.slowed for one in minutes.pass_by(SOFT_READINGS - 1, **use))
    (first,) = minutes.pass_by(1, **use)
    assert (first.pace, first.slowed) == (2, {word})
    paces = [one.pace for one in minutes.pass_by(3 * SOFT_READINGS, **use)]
    assert paces == sorted(paces)
    assert paces[-1] == PACE_MOST


def test_one_spike_slows_nothing(minutes):
    minutes.pass_by(5)
    minutes.pass_by(SOFT_READINGS - 1, memory=80 * MB)
    assert minutes.pass_by(5)[-1].pace == 1


def test_it_recovers_by_itself_step_by_step_and_not_at_the_very_limit(minutes):
    minutes.pass_by(20, memory=60 * MB)
    near = minutes.pass_by(30, memory=MEMORY_BYTES - MB)
    assert {one.pace for one in near} == {PACE_MOST}
    assert near[-1].slowed == {"slowed_memory"}
    calm = minutes.pass_by(3 * EASE_READINGS + 5, memory=40 * MB)
    assert not calm[0].slowed
    paces = [one.pace for one in calm]
    assert paces == sorted(paces, reverse=True)
    assert paces[-1] == 1


def test_at_the_limit_it_does_not_go_to_and_fro(minutes):
    minutes.pass_by(20, memory=60 * MB)
    paces = [minutes.pass_by(1, memory=MEMORY_BYTES + (MB if number % 2 else -MB))[0].pace for number in range(60)]
    assert set(paces) == {PACE_MOST}


def test_an_hour_that_was_too_busy_is_forgotten_after_an_hour(minutes):
    assert minutes.pass_by(10, cpu=2.0)[-1].slowed == {"slowed_cpu"}
    later = minutes.pass_by(110)
    assert later[-1].pace == 1
    assert not later[-1].slowed


@pytest.mark.parametrize("use", [{"memory": 120 * MB}, {"cpu": 20.0}])
def test_what_goes_wild_begins_anew_only_when_it_lasts(minutes, use):
    minutes.pass_by(2)
    wild = [one.begin_anew for one in minutes.pass_by(HARD_READINGS + 2, **use)]
    assert not any(wild[: HARD_READINGS - 1])
    assert wild[-1]


def test_a_busy_disk_or_line_never_makes_it_begin_anew(minutes):
    assert not any(one.begin_anew for one in minutes.pass_by(50, disk=DISK_BYTES, network=NETWORK_BYTES))


def test_what_it_remembers_stays_small(minutes):
    minutes.pass_by(5000, cpu=0.01)
    assert len(minutes.limits._hour) < 65
    assert len(minutes.limits._day) < 100
