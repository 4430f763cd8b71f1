"""Watching real, running browsers, and the life of the source around them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from agent.errors import SpoolDamagedError
from agent.health import SourceHealth
from agent.sources import browser_history
from agent.sources.attention import Attention, LeftBehind
from agent.sources.browser_history import CROWDED, ENDED, HANGS, BrowserHistory
from agent.sources.browsers import Home, Profile, find_profiles, profiles_in
from agent.sources.listening import FOLDERS_MOST
from tests.agent.sources.few_tasks import few_tasks
from tests.agent.sources.hanging import Hanging

DEVICE = UUID(int=7)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def now():
    return datetime.now(UTC)


@pytest.fixture
def watch(kept):
    """Start a source on folders; it stops at the end of the test."""
    started = []

    def begin(*folders, collect_from=None, **options):
        options = {"load": kept.load, "emit": kept.emit, "clock": now, "sweep_seconds": 600.0} | options
        source = BrowserHistory(
            DEVICE,
            options.pop("profiles", lambda: profiles_in(folders, person="alice")),
            collect_from=lambda _person: collect_from,
            **options,
        )
        source.start()
        started.append(source)
        return source

    yield begin
    for source in started:
        source.stop()


def nothing_but_hosts(kept):
    raw = repr(kept.observations) + repr(kept.bookmarks)
    return not any(word in raw for word in ("secret", "path", "there", "title", "http"))


def test_a_running_chromium_s_visits_arrive_once_soon_and_as_hosts_only(chromium, kept, watch, until, tmp_path):
    waits = []

    def emit(batch):
        kept.emit(batch)
        if batch.observations:
            waits.append(time.time() - (chromium.profile / "History").stat().st_mtime)

    until((chromium.profile / "History").exists)
    began = now()
    source = watch(chromium.folder, collect_from=began, emit=emit, scratch=tmp_path)
    for host in ("one", "redirecting", "framer", "refresh", "one"):
        chromium.visit(f"http://{host}.test/path?secret=1")
    kept.wait_for("one.test", "redirected.test", "framer.test", "refreshed.test")
    # Both visits of one.test count; what redirected, framed and sent on does not.
    expected = ["framer.test", "one.test", "one.test", "redirected.test", "refreshed.test"]
    until(lambda: sorted(kept.names) == expected)
    source.sweep()
    source.sweep()
    assert sorted(kept.names) == expected
    assert nothing_but_hosts(kept)
    assert max(waits) < 2.0
    assert {(seen.person, seen.kind, seen.seconds, seen.device) for seen in kept.observations} == {
        ("alice", "host", None, DEVICE)
    }
    assert all(began <= seen.started <= now() for seen in kept.observations)
    assert source.health().state == "working"


@pytest.mark.more
def test_a_running_firefox_s_visits_arrive_once_soon_and_as_hosts_only(firefox, kept, watch, until, tmp_path):
    firefox.visit("http://early.test/path?secret=0")
    began = now()
    source = watch(firefox.profile, collect_from=began, scratch=tmp_path)
    until(lambda: source.health().state == "working")
    firefox.visit("http://one.test/path?secret=1")
    kept.wait_for("one.test")
    for host in ("redirecting", "framer", "refresh"):
        firefox.visit(f"http://{host}.test/path?secret=1")
    kept.wait_for("redirected.test", "framer.test", "refreshed.test")
    # What sends on by <meta> was shown, and Firefox says no more of it: both count.
    assert set(kept.names) == {"one.test", "redirected.test", "framer.test", "refresh.test", "refreshed.test"}
    assert len(kept.names) == len(set(kept.names))
    firefox.insert("http://imported.test/path?secret=4", seconds_ago=5)
    firefox.insert("http://synced.test/path?secret=5", seconds_ago=40)
    firefox.visit("http://last.test/")
    kept.wait_for("last.test")
    assert not {"imported.test", "synced.test", "early.test"} & set(kept.names)
    assert nothing_but_hosts(kept)
    assert not list(tmp_path.glob("fairwatch-history-*"))


def test_nothing_is_opened_before_the_notice_was_shown(made, kept, watch, until):
    history = made.chromium()
    history.add("http://before.test/", now() - timedelta(seconds=5))
    shown = []
    source = BrowserHistory(
        DEVICE,
        lambda: [Profile("Chromium", "alice", history.file.parent)],
        kept.load,
        kept.emit,
        lambda _person: shown[0] if shown else None,
        now,
    )
    source.sweep()
    assert kept.batches == []
    assert source.health().state == "unknown"
    assert "notice" in source.health().reason
    shown.append(now() - timedelta(seconds=1))
    history.add("http://after.test/", now())
    source.sweep()
    assert kept.names == ["after.test"]


@pytest.mark.more
def test_a_profile_that_appears_later_is_found_and_read(made, kept, watch, until, tmp_path):
    source = watch(tmp_path / "later", collect_from=now())
    assert source.health().reason == "No browser profile was found."
    history = made.chromium(tmp_path / "later")
    history.add("http://new.test/", now())
    kept.wait_for("new.test", seconds=8)


def test_a_history_replaced_by_another_file_is_followed(made, kept, watch, tmp_path, until):
    folder = tmp_path / "profile"
    first = made.chromium(folder)
    first.add("http://first.test/", now())
    watch(folder, collect_from=now() - timedelta(seconds=9))
    kept.wait_for("first.test")
    second = made.chromium(tmp_path / "other")
    second.add("http://second.test/", now())
    second.close()
    second.file.rename(first.file)
    kept.wait_for("second.test", seconds=8)
    assert kept.names == ["first.test", "second.test"]


def test_own_reads_wake_nothing(made, kept, watch, until):
    history = made.firefox()
    history.sql("PRAGMA journal_mode=WAL")
    history.add("http://one.test/", now())
    loads = []

    def load(key):
        loads.append(key)

    source = watch(history.file.parent, collect_from=now() - timedelta(seconds=9), load=load)
    kept.wait_for("one.test")
    reads = []
    reader = next(iter(source._readers.values())).reader
    inner, reader.read = reader.read, lambda collect_from: reads.append(1) or inner(collect_from)
    for _ in range(5):
        inner(now())
    time.sleep(1.0)
    assert reads == []


def test_a_damaged_history_is_told_and_the_others_go_on(made, kept, tmp_path):
    good = made.chromium(tmp_path / "good")
    good.add("http://good.test/", now())
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "places.sqlite").write_bytes(b"not a database at all" * 100)
    source = BrowserHistory(
        DEVICE,
        lambda: [Profile("Firefox", "bob", tmp_path / "bad"), Profile("Chrome", "alice", tmp_path / "good")],
        kept.load,
        kept.emit,
        lambda _person: now() - timedelta(seconds=9),
        now,
    )
    source.sweep()
    assert kept.names == ["good.test"]
    health = source.health()
    assert health.state == "failing"
    assert health.reason == "Firefox: The history is not a sound database."


def test_profiles_that_cannot_be_listed_are_told(kept):
    def broken():
        raise RuntimeError("no list")

    source = BrowserHistory(DEVICE, broken, kept.load, kept.emit, lambda _person: now(), now)
    source.sweep()
    assert source.health().state == "failing"


def test_leftovers_of_a_killed_process_are_removed_at_the_start(kept, tmp_path, watch):
    left = tmp_path / "fairwatch-history-left"
    left.mkdir()
    (left / "history").write_text("x")
    watch(tmp_path / "none", collect_from=START, scratch=tmp_path)
    assert not left.exists()


def test_stopping_ends_the_threads_and_starting_again_goes_on(made, kept, tmp_path):
    history = made.chromium()
    source = BrowserHistory(
        DEVICE,
        lambda: profiles_in([history.file.parent], person="alice"),
        kept.load,
        kept.emit,
        lambda _person: now() - timedelta(seconds=30),
        now,
    )
    for host in ("one.test", "two.test"):
        source.start()
        history.add(f"http://{host}/", now())
        kept.wait_for(host, seconds=8)
        source.stop()
    assert kept.names == ["one.test", "two.test"]


@pytest.fixture
def hang():
    begun = []

    def begin(folder):
        begun.append(Hanging(folder))
        return begun[-1]

    yield begin
    for one in begun:
        one.answer()


def homes_of(made, tmp_path, *people):
    """A home with one Chromium profile for each person."""
    histories = {person: made.chromium(tmp_path / person / ".config/chromium/Default") for person in people}
    return [Home(person, tmp_path / person) for person in people], histories


def test_a_home_that_does_not_answer_holds_up_nobody_else_and_is_read_once_it_does(
    made, kept, tmp_path, hang, until, watch
):
    homes, histories = homes_of(made, tmp_path, "anna", "ben")
    began = now() - timedelta(seconds=1)
    histories["anna"].add("http://annas.test/", now())
    histories["ben"].add("http://bens.test/", now())
    home = hang(tmp_path / "anna")
    attention = Attention(1.0)
    source = watch(collect_from=began, attention=attention, profiles=lambda: find_profiles(homes, attend=attention.on))
    kept.wait_for("bens.test", seconds=20)
    assert "annas.test" not in kept.names
    until(attention.hanging)
    assert source.health() == SourceHealth(name="browser_history", state="failing", reason=HANGS)
    histories["ben"].add("http://next.test/", now())
    kept.wait_for("next.test", seconds=20)
    home.answer()
    until(lambda: not attention.hanging())
    source.sweep()
    kept.wait_for("annas.test", seconds=20)
    until(lambda: source.health().state == "working")


def test_a_source_whose_home_hangs_still_stops(made, kept, tmp_path, hang, until):
    homes, _ = homes_of(made, tmp_path, "anna")
    hang(tmp_path / "anna")
    attention = Attention(1.0)
    source = BrowserHistory(
        DEVICE, lambda: find_profiles(homes, attend=attention.on), kept.load, kept.emit, lambda _person: now(), now,
        attention=attention,
    )  # fmt: skip
    source.start()
    until(attention.hanging)
    began = time.monotonic()
    source.stop()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(("pace", "least"), [(1, 0.0), (2, 4.0), (8, 16.0)])
def test_where_the_service_must_spare_a_profile_rests_longer_after_each_read(made, kept, pace, least):
    history = made.chromium()
    history.add("http://one.test/", now())
    source = BrowserHistory(
        DEVICE, lambda: [Profile("Chromium", "alice", history.file.parent)], kept.load, kept.emit,
        lambda _person: now() - timedelta(seconds=9), now, pace=lambda: pace,
    )  # fmt: skip
    source.sweep()
    assert kept.names == ["one.test"]
    (turn,) = source._readers.values()
    rest = turn.rest_until - time.monotonic()
    assert rest > least - 0.5
    assert rest < 2 or pace > 1


FAILING = SourceHealth(name="browser_history", state="failing", reason=ENDED)


@pytest.fixture
def soon(monkeypatch):
    """What takes seconds takes a moment."""
    monkeypatch.setattr(browser_history, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(browser_history, "RETRY_SECONDS", 0.05)


def test_what_nobody_can_listen_to_is_read_with_the_next_look(made, kept, watch, soon, monkeypatch):
    monkeypatch.setattr("agent.sources.listening.FOLDERS_MOST", 0)
    history = made.chromium()
    source = watch(history.file.parent, collect_from=now() - timedelta(seconds=9))
    for host in ("one.test", "two.test"):
        history.add(f"http://{host}/", now())
        kept.wait_for(host, seconds=3)
    assert source.health().state == "working"


@pytest.mark.parametrize("fault", [RuntimeError("a fault"), LeftBehind()])
def test_a_fault_that_ends_the_reading_is_told_and_the_reading_begins_again(made, kept, watch, soon, until, fault):
    faults = []

    def pace():
        if faults:
            raise faults[0]
        return 1

    history = made.chromium()
    source = watch(history.file.parent, collect_from=now(), pace=pace, attention=Attention(0.5))
    until(lambda: source.health().state == "working")
    faults.append(fault)
    until(lambda: source.health() == FAILING)
    history.add("http://after.test/", now())
    faults.clear()
    kept.wait_for("after.test", seconds=20)
    until(lambda: source.health().state == "working")


def test_the_guard_goes_on_while_no_thread_can_be_had(made, kept, watch, soon, until, monkeypatch):
    history = made.chromium()
    source = watch(history.file.parent, collect_from=now(), attention=Attention(0.5))
    begin, tries = source._begin_thread, []

    def end():
        raise LeftBehind

    def none():
        tries.append(1)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(source, "_begin_thread", none)
    monkeypatch.setattr(source, "_pace", end)
    until(lambda: len(tries) > 1)
    assert source.health() == FAILING
    monkeypatch.setattr(source, "_pace", lambda: 1)
    monkeypatch.setattr(source, "_begin_thread", begin)
    history.add("http://after.test/", now())
    kept.wait_for("after.test", seconds=20)


def test_a_spool_that_is_found_damaged_when_it_is_asked_since_when_ends_nothing(made, kept, soon, until):
    damaged, since = [], now()

    def collect_from(_person):
        if damaged:
            raise SpoolDamagedError("the spool was damaged; a new one begins")
        return since

    history = made.chromium()
    profile = Profile("Chromium", "alice", history.file.parent)
    source = BrowserHistory(DEVICE, lambda: [profile], kept.load, kept.emit, collect_from, now)
    source.start()
    try:
        until(lambda: source.health().state == "working")
        damaged.append(1)
        history.add("http://after.test/", now())
        until(lambda: source.health().state == "failing")
        assert "SpoolDamagedError" in source.health().reason
        damaged.clear()
        kept.wait_for("after.test", seconds=20)
        until(lambda: source.health().state == "working")
    finally:
        source.stop()


def test_more_profiles_than_are_looked_at_are_told_and_everybody_else_is_read(made, kept, tmp_path, monkeypatch):
    monkeypatch.setattr("agent.sources.browsers.PROFILES_MOST", 2)
    homes, histories = homes_of(made, tmp_path, "anna", "ben")
    for number in range(4):
        made.chromium(tmp_path / f"anna/.config/chromium/x{number}")
    source = BrowserHistory(
        DEVICE, lambda: find_profiles(homes, "linux", crowded=source.note_crowded), kept.load, kept.emit,
        lambda _person: now() - timedelta(seconds=9), now,
    )  # fmt: skip
    histories["ben"].add("http://bens.test/", now())
    source.sweep()
    assert kept.names == ["bens.test"]
    assert source.health() == SourceHealth(name="browser_history", state="failing", reason=CROWDED)
    for number in range(4):
        (tmp_path / f"anna/.config/chromium/x{number}/History").unlink()
    source.sweep()
    assert source.health().state == "working"


MANY_FOLDERS = """
import json, sys, threading, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4
from agent.sources.browser_history import BrowserHistory
from agent.sources.browsers import Home, find_profiles
from tests.agent.sources.conftest import MadeChromium

place, told = Path(sys.argv[1]), []
homes = [Home(person, place / person) for person in ("alice", "bob")]
(place / "bob").mkdir()
made = MadeChromium(place / "alice/.config/chromium/Default/History")
source = BrowserHistory(
    uuid4(), lambda: find_profiles(homes, "linux"), lambda _key: None,
    lambda batch: told.extend(one.name for one in batch.observations), lambda _person: began, lambda: datetime.now(UTC),
)
began = datetime.now(UTC) - timedelta(seconds=9)


def seen(host):
    made.add(f"http://{host}/", datetime.now(UTC))
    end = time.monotonic() + 15
    while host not in told and time.monotonic() < end:
        time.sleep(0.05)
    return host in told


source.start()
before = seen("one.test")
for number in range(60):
    folder = place / f"bob/.config/chromium/x{number}"
    folder.mkdir(parents=True)
    (folder / "Preferences").touch()
end = time.monotonic() + 15
while len(source._readers) < 61 and time.monotonic() < end:
    time.sleep(0.05)
after = seen("two.test")
print(json.dumps([before, after, source.health().state, threading.active_count()]))
"""


@pytest.mark.more
@pytest.mark.parametrize(("tasks", "too_few"), [(12, True), (64, False)])
def test_nobody_ends_the_watching_of_others_by_many_profile_folders(tmp_path, tasks, too_few):
    with few_tasks(tasks) as enter:
        command = [sys.executable, "-c", MANY_FOLDERS, tmp_path]
        done = subprocess.run(command, preexec_fn=enter, capture_output=True, text=True, timeout=90, check=False)
    *seen, health, threads = json.loads(done.stdout)
    assert (seen, health) == ([True, True], "working"), done.stderr
    assert threads <= FOLDERS_MOST + 8
    assert ("history.not_listening" in done.stderr) == too_few
