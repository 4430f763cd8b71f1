"""The clocks of a session: the boot's goes on at least as fast as the one that stands still in a suspend."""

from __future__ import annotations

import time

from agent.session.foreground import now


def test_the_moments_follow_each_other_on_every_clock() -> None:
    before = now()
    time.sleep(0.02)
    after = now()
    assert 0.01 < after.monotonic - before.monotonic < 5
    assert after.boottime - before.boottime >= 0.01
    assert after.wall > before.wall
    assert after.wall.utcoffset() is not None
