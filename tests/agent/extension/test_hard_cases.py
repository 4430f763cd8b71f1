"""The extension in real browsers where pages, addresses and people are out of the ordinary."""

from __future__ import annotations

import contextlib
import time

import pytest

from agent.session.messages import HostShown
from tests.agent.extension.real_browsers import needs_own_folders

pytestmark = [needs_own_folders, pytest.mark.more, pytest.mark.timeout(180)]

ODD = "http://a!b.odd.test/"
TOO_LONG = f"http://{'.'.join(['a' * 60] * 5)}.test/"


@pytest.fixture(params=["chromium", "firefox"])
def family(request):
    return request.param


def open_all(browser, *addresses):
    for address in addresses:
        with contextlib.suppress(Exception):  # Firefox's driver says that a page did not come, which is what is tried
            browser.visit(address)
        time.sleep(1)


def test_no_address_of_any_kind_ends_the_connection_to_the_agent(browsers, ear, until, family):
    browser = getattr(browsers, family)()
    open_all(
        browser, ODD, TOO_LONG, "http://under_score.test/", "http://a'(b)~c.test/", "http://name:word@user.test:81/"
    )
    browser.visit("http://last.test/")
    until(lambda: "last.test" in ear.visits())
    assert len(browsers.hellos()) == 1
    assert (browsers.said / "errors.txt").read_text() == ""
    assert {"under_score.test", "user.test"} <= set(ear.visits())
    assert "word" not in str(browsers.messages())


def test_what_did_not_come_is_neither_a_visit_nor_time(browsers, ear, until, family):
    browser = getattr(browsers, family)()
    open_all(browser, "http://first.test/", "http://broken.test/", "http://second.test/", "http://broken.test/")
    browser.visit("http://last.test/")
    until(lambda: "last.test" in ear.visits())
    assert ear.visits() == ["first.test", "second.test", "last.test"]
    assert "broken.test" not in {one.host for *_, one in ear.heard if isinstance(one, HostShown)}


def test_a_download_leaves_the_page_in_front(browsers, ear, until, family):
    browser = getattr(browsers, family)()
    browser.visit("http://download.test/")
    until(lambda: "download.test" in ear.visits())
    time.sleep(4)
    browser.visit("http://last.test/")
    until(lambda: "last.test" in ear.visits())
    assert ear.seconds("download.test") > 2.5
