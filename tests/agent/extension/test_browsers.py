"""The extension in real Chromium and real Firefox, which the policy files install, against the agent's own program."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from agent.extension.source import observed
from agent.session.messages import HostVisited
from agent.sources.browsers import Profile
from agent.sources.profile_reader import ProfileReader
from agent.told_once import SAME_VISIT_SECONDS, ToldOnce
from tests.agent.extension.real_browsers import ME, needs_own_folders

pytestmark = [needs_own_folders, pytest.mark.more, pytest.mark.timeout(180)]

SECRET = "http://www.first.test/a-secret/path?secret=1#secret"
FIELDS = {
    "Hello": {"type", "version", "private_windows"},
    "Visit": {"type", "host", "private", "ago_ms"},
    "Spent": {"type", "host", "private", "seconds", "ago_ms"},
}
WITHIN_SECONDS = 1.0


def now():
    return datetime.now(UTC)


@pytest.fixture(params=["chromium", "firefox"])
def family(request):
    return request.param


def test_a_visit_is_told_within_a_second_and_no_message_holds_more_than_a_host(browsers, ear, site, until, family):
    browser = getattr(browsers, family)()
    browser.visit(SECRET)
    browser.visit("http://second.test/")
    until(lambda: {"www.first.test", "second.test"} <= set(ear.visits()))
    said = browsers.messages()
    assert {one["type"] for one in said} >= {"Hello", "Visit"}
    assert all(set(one) == FIELDS[one["type"]] for one in said)
    assert "secret" not in str(said)
    late = {one.host: at - site[1][one.host] for at, _, _, one in ear.heard if one.host in site[1]}
    assert max(late.values()) < WITHIN_SECONDS, late
    assert {(person, browser.lower()) for _, person, browser, _ in ear.heard} == {(ME, family)}
    for at, _, _, one in ear.heard:
        if isinstance(one, HostVisited):
            assert (
                timedelta(0) <= one.at - one.at.fromtimestamp(site[1][one.host], one.at.tzinfo) < timedelta(seconds=1)
            )
            assert at >= one.at.timestamp()


def test_what_the_extension_and_the_history_both_tell_goes_through_once(browsers, ear, tmp_path, until, family):
    browser = getattr(browsers, family)()
    hosts = [f"number{number}.test" for number in range(4)]
    for host in hosts:
        browser.visit(f"http://{host}/")
    until(lambda: set(hosts) <= set(ear.visits()))
    told, device, from_history, kept = ToldOnce({}.get, lambda *_: True), UUID(int=1), [], {}
    profile = Profile(path=browser.profile, browser=family.capitalize(), person=ME)
    reader = ProfileReader(device, profile, kept.get, lambda batch: from_history.extend(batch.observations), now)
    began = now() - timedelta(minutes=10)
    until(lambda: reader.read(began) and {one.name for one in from_history} >= set(hosts))
    from_extension = [
        observed(one, device, person, browser) for *_, person, browser, one in ear.heard if isinstance(one, HostVisited)
    ]
    differences = {
        one.name: abs((one.started - other.started).total_seconds())
        for one in from_extension for other in from_history if one.name == other.name
    }  # fmt: skip
    assert max(differences.values()) < SAME_VISIT_SECONDS / 3, differences
    through = [
        one.name for one in (*from_extension, *from_history) if told.first(one, now(), private=False) is not None
    ]
    assert sorted(through) == hosts


def test_a_host_that_only_passes_the_visitor_on_is_not_told(browsers, ear, until, family):
    browser = getattr(browsers, family)()
    for host in ("redirecting.test", "refresh.test", "last.test"):
        browser.visit(f"http://{host}/")
        until(
            lambda host=host: (
                {"redirecting.test": "redirected.test", "refresh.test": "refreshed.test"}.get(host, host)
                in ear.visits()
            )
        )
    assert ear.visits() == ["redirected.test", "refreshed.test", "last.test"]
    said = {one["host"] for one in browsers.messages() if "host" in one}
    assert said == {"redirected.test", "refreshed.test", "last.test"}


def test_without_the_services_word_nothing_is_told(browsers, ear, site, until, family):
    ear.observe = False
    browser = getattr(browsers, family)()
    until(ear.server.browsers)
    browser.visit(SECRET)
    until(lambda: "www.first.test" in site[1])
    time.sleep(1)  # as long as telling it may take
    ear.observe = True
    ear.server.refresh()
    until(lambda: any(here for _, here in ear.server.browsers()))
    browser.visit("http://second.test/")
    until(ear.visits)
    assert ear.visits() == ["second.test"]
    assert [one["host"] for one in browsers.messages() if one["type"] == "Visit"] == ["second.test"]


def test_after_the_service_began_anew_the_same_browser_goes_on_telling(browsers, ear, until, family):
    browser = getattr(browsers, family)()
    browser.visit("http://before.test/")
    until(ear.visits)
    ear.server.stop()
    browser.visit("http://meanwhile.test/")
    ear.server = ear.made()
    ear.server.start()
    until(lambda: "meanwhile.test" in ear.visits())
    browser.visit("http://after.test/")
    until(lambda: "after.test" in ear.visits())
    assert ear.visits() == ["before.test", "meanwhile.test", "after.test"]
    assert len(browsers.hellos()) == 1


def test_two_profiles_of_two_browsers_tell_side_by_side(browsers, ear, until):
    first, second, third = browsers.chromium("one"), browsers.chromium("two"), browsers.firefox("three")
    for number, browser in enumerate((first, second, third), 1):
        browser.visit(f"http://number{number}.test/")
    until(lambda: len(ear.visits()) == 3)
    assert sorted(ear.visits()) == ["number1.test", "number2.test", "number3.test"]
    assert sorted(here.family for _, here in ear.server.browsers()) == ["Chromium", "Chromium", "Firefox"]


def test_a_private_window_of_firefox_is_told_only_where_policy_and_browser_both_say_so(browsers, ear, until):
    browsers.extension = browsers.packed(private_windows="watched")
    firefox = browsers.firefox()
    (here,) = [here for _, here in ear.server.browsers()]
    assert here.private_windows
    ear.private_windows = True
    ear.server.refresh()
    firefox.private_window()
    firefox.visit("http://private.test/")
    until(ear.visits)
    assert [(one.host, one.private) for *_, one in ear.heard if isinstance(one, HostVisited)] == [
        ("private.test", True)
    ]
    ear.private_windows = False
    ear.server.refresh()
    firefox.visit("http://left-out.test/")
    firefox.ask("WebDriver:SwitchToWindow", {"handle": firefox.ask("WebDriver:GetWindowHandles", {})[0]})
    firefox.visit("http://ordinary.test/")
    until(lambda: "ordinary.test" in ear.visits())
    assert ear.visits() == ["private.test", "ordinary.test"]


def test_a_private_window_of_chromium_is_not_seen_and_the_extension_says_so(browsers, ear, site, until):
    ear.private_windows = True
    browsers.chromium("chromium", "--incognito", page="http://private.test/", waits=False)
    until(lambda: "private.test" in site[1])
    until(browsers.hellos)
    ordinary = browsers.chromium("ordinary")
    ordinary.visit("http://ordinary.test/")
    until(ear.visits)
    assert ear.visits() == ["ordinary.test"]
    assert not any(here.private_windows for _, here in ear.server.browsers())


@pytest.mark.skipif(shutil.which("openbox") is None, reason="openbox is not installed")
def test_time_counts_for_the_tab_in_front_and_stops_when_another_is(browsers, ear, screen, until):
    display = {"DISPLAY": screen.name}
    chromium = browsers.chromium("chromium", **display)
    first = chromium.visit("http://first.test/")
    until(lambda: "first.test" in ear.visits())
    chromium.visit("http://second.test/")
    until(lambda: ear.seconds("first.test"))
    time.sleep(3)  # what is in front for no time at all is not seen there
    chromium.show(first)
    until(lambda: ear.seconds("second.test"))
    window = screen.xterm()
    assert window
    until(
        lambda: len([1 for *_, one in ear.heard if not isinstance(one, HostVisited) and one.host == "first.test"]) > 1
    )
    assert ear.visits() == ["first.test", "second.test"]
    assert all(0 < ear.seconds(host) < 60 for host in ("first.test", "second.test"))
