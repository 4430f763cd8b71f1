"""The extension in real Chromium and real Firefox, which the policy files install, against the agent's own program."""

from __future__ import annotations

import time

import pytest
from tests.agent.extension.real_browsers import ME, needs_own_folders

pytestmark = [needs_own_folders, pytest.mark.more, pytest.mark.timeout(180)]


def test_a_chromium_with_the_policy_tells_each_host_within_a_second_and_nothing_else(browsers, ear, site, until):
    chromium = browsers.chromium()
    chromium.visit("http://www.first.test/a-secret/path?secret=1#secret")
    chromium.visit("http://second.test/")
    until(lambda: {"www.first.test", "second.test"} <= set(ear.visits()))
    print(browsers.messages())
    late = {one.host: at - site[1][one.host] for at, _, _, one in ear.heard if one.host in site[1]}
    print(late)
    assert {(person, browser) for _, person, browser, _ in ear.heard} == {(ME, "Chromium")}


def test_a_firefox_with_the_policy_tells_each_host_within_a_second_and_nothing_else(browsers, ear, site, until):
    firefox = browsers.firefox()
    firefox.visit("http://www.first.test/a-secret/path?secret=1#secret")
    firefox.visit("http://second.test/")
    until(lambda: {"www.first.test", "second.test"} <= set(ear.visits()))
    print(browsers.messages())
    late = {one.host: at - site[1][one.host] for at, _, _, one in ear.heard if one.host in site[1]}
    print(late)
