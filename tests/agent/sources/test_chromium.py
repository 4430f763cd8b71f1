"""Which rows of a Chromium history are a visit made here by the person."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.sources.history_file import open_history

MOMENT = datetime(2026, 3, 2, 9, 15, 0, 250001, tzinfo=UTC)
LINK, TYPED, AUTO_SUBFRAME, MANUAL_SUBFRAME, START_PAGE, FORM, RELOAD, KEYWORD, KEYWORD_GENERATED = (
    0,
    1,
    3,
    4,
    6,
    7,
    8,
    9,
    10,
)
START, END, CLIENT, SERVER, BLOCKED, BACK = 0x10000000, 0x20000000, 0x40000000, 0x80000000, 0x00800000, 0x01000000
FULL = START | END
SYNCED, BROWSED, EXTENSION, FIREFOX_IMPORTED, SAFARI_IMPORTED, UNKNOWN = 0, 1, 2, 3, 5, 99


def only(history):
    with open_history(history.file) as opened:
        (visit,) = list(opened.visits())
    return visit


@pytest.mark.parametrize("core", [LINK, TYPED, START_PAGE, FORM, RELOAD, KEYWORD])
def test_a_page_reached_by_the_person_is_their_visit(made, core):
    history = made.chromium()
    history.add("https://Example.TEST:8443/path?q=1", MOMENT, core | FULL)
    visit = only(history)
    assert (visit.host, visit.own, visit.synced, visit.seconds) == ("example.test", True, False, None)


@pytest.mark.parametrize("core", [AUTO_SUBFRAME, MANUAL_SUBFRAME, KEYWORD_GENERATED])
def test_frames_and_keyword_entries_are_no_visit(made, core):
    history = made.chromium()
    history.add("https://framed.test/", MOMENT, core | FULL)
    assert not only(history).own


@pytest.mark.parametrize(
    ("marks", "own"),
    [
        (START, False),  # redirected on
        (SERVER, False),  # in the middle of a chain
        (SERVER | END, True),
        (CLIENT | END, True),
        (FULL | BACK, True),
        (FULL | BLOCKED, False),
    ],
)
def test_only_where_a_redirect_ended_is_a_visit(made, marks, own):
    history = made.chromium()
    history.add("https://chained.test/", MOMENT, LINK | marks)
    assert only(history).own is own


@pytest.mark.parametrize(
    ("source", "guid", "own", "synced"),
    [
        (None, "", True, False),
        (None, None, True, False),
        (BROWSED, "", True, False),
        (SYNCED, "", False, True),
        (None, "another-device", False, True),
        (EXTENSION, "", False, False),
        (FIREFOX_IMPORTED, "", False, False),
        (SAFARI_IMPORTED, "", False, False),
        (UNKNOWN, "", False, False),
    ],
)
def test_synced_and_imported_visits_are_told_apart(made, source, guid, own, synced):
    history = made.chromium()
    history.add("https://one.test/", MOMENT, source=source, guid=guid)
    visit = only(history)
    assert (visit.own, visit.synced) == (own, synced)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "chrome://history/", "chrome-extension://abcdef/x.html", "about:blank", "ftp://f.test/",
            "data:text/html,http://x.test/", "http://", "httpx://one.test/", "http://10.0.0.1/", "http://[::1]/", ""],
)  # fmt: skip
def test_what_has_no_host_name_gives_none(made, url):
    history = made.chromium()
    history.add(url, MOMENT)
    assert only(history).host is None


def test_a_stored_duration_is_read_and_none_is_none(made):
    history = made.chromium()
    history.add("https://one.test/", MOMENT, duration=2_500_000)
    assert only(history).seconds == 2.5


def test_the_time_counts_microseconds_from_1601(made):
    history = made.chromium()
    history.add("https://one.test/", MOMENT)
    with open_history(history.file) as opened:
        (visit,) = list(opened.visits())
        assert visit.at == 13416916500250001
        assert opened.dialect.moment(visit.at) == MOMENT
        assert opened.dialect.microseconds(MOMENT) == visit.at


def test_an_older_chromium_without_the_newer_columns_is_read(made):
    history = made.chromium()
    history.add("https://one.test/", MOMENT)
    history.sql("ALTER TABLE visits DROP COLUMN originator_cache_guid")
    history.sql("ALTER TABLE visits DROP COLUMN visit_duration")
    history.sql("DROP TABLE visit_source")
    visit = only(history)
    assert (visit.host, visit.own, visit.synced, visit.seconds) == ("one.test", True, False, None)
