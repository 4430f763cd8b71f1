"""What can't be seen on a phone is said of each platform, and no more than is true of it."""

from __future__ import annotations

import pytest

from server import phone_blind
from server.phones import PLATFORMS


@pytest.mark.parametrize("platform", PLATFORMS)
def test_minutes_and_vpns_are_said_of_all(platform):
    told = " ".join(phone_blind.cannot_see(platform, supervised=True, failover=False))
    assert "Minutes" in told
    assert "VPN" in told
    assert "no gateway answers" not in told


def test_what_only_one_platform_has_is_said_of_that_one():
    def told(platform, **more):
        return " ".join(phone_blind.cannot_see(platform, **{"supervised": False, "failover": True} | more))

    assert "Private Relay" in told("ios")
    assert "managed Wi-Fi only" in told("ios")
    assert "Private Relay" not in told("android")
    assert "identity unproven" in told("android")
    assert "identity unproven" not in told("ios")
    assert "turned the profile off" in told("ios")
    assert "turned the profile off" not in told("ios", supervised=True)
    assert "no gateway answers" in told("windows")
