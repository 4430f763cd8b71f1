"""Observations of what extensions tell, and where none is there it is said."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from agent.extension.source import Extension, observed
from agent.session.messages import BrowserHere, HostShown, HostVisited

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
DEVICE = UUID(int=5)
VISITED = HostVisited(host="WWW.Example.ORG", at=NOON, private=False)


class Told:
    only_from_history = frozenset()


def made(*browsers, private_windows=False, told=None, kept=None):
    kept = {} if kept is None else kept
    return Extension(lambda: list(browsers), told or Told(), lambda: private_windows, kept.get, kept.__setitem__)


def here(family="Chromium", *, private_windows=False):
    return BrowserHere(family=family, private_windows=private_windows)


def test_a_visit_is_told_without_time_and_its_time_as_more_of_it():
    visit = observed(VISITED, DEVICE, "sam", "Chromium")
    shown = observed(HostShown(host="a.example", started=NOON, seconds=30, private=False), DEVICE, "sam", "Firefox")
    assert (visit.name, visit.seconds, visit.continues, visit.browser) == ("www.example.org", 0.0, False, "Chromium")
    assert (shown.name, shown.seconds, shown.continues, shown.browser) == ("a.example", 30, True, "Firefox")
    assert visit.certainty == shown.certainty == "visited"


def test_an_address_of_numbers_is_no_host_name():
    assert observed(HostVisited(host="[::1]", at=NOON, private=False), DEVICE, "sam", "Chromium") is None
    assert observed(HostVisited(host="127.0.0.1", at=NOON, private=False), DEVICE, "sam", "Chromium") is None


def test_it_is_there_for_its_own_person_and_family_alone():
    source = made(("sam", here()))
    assert source.is_there("sam", "Chromium")
    assert not source.is_there("sam", "Firefox")
    assert not source.is_there("kim", "Chromium")


def test_a_browser_of_which_only_the_history_tells_is_named():
    told = Told()
    told.only_from_history = frozenset({"Firefox", "Chromium"})
    health = made(told=told).health()
    assert (health.name, health.state) == ("browser_extension", "unknown")
    assert health.reason.startswith(
        "Chromium: visits are taken from its history, since the extension is not there. Fir"
    )
    assert made().health().state == "working"


def test_private_windows_that_are_to_be_watched_and_are_not_seen_are_told():
    assert made(("sam", here())).health().state == "working"
    health = made(("sam", here()), ("sam", here("Firefox", private_windows=True)), private_windows=True).health()
    assert health.reason == "Chromium: private windows are not seen, as it lets nobody look."


def test_an_extension_that_was_there_and_is_gone_is_noticed_after_a_restart_too():
    kept, gone = {}, Told()
    gone.only_from_history = frozenset({"Chromium"})
    assert not made(told=gone, kept=kept).is_removed()
    assert not made(("sam", here()), kept=kept).is_removed()
    assert made(told=gone, kept=kept).is_removed()
    assert not made(kept=kept).is_removed()
