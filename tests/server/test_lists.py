"""A fetched list is offered or held back, never acts, and whatever goes wrong leaves what is offered as it was."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection

from rules.engine import Rules
from rules.index import Index
from rules.layout import HEADER_BYTES, checksum
from server import audit, lists
from server.config import Config
from server.errors import NotThere, WrongState
from server.list_settings import ListSettings
from server.store.models import AuditEntry, ListState
from tests.server.bad_list_server import ListServer

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def lines(first: int, last: int) -> bytes:
    return b"".join(b"site%d.example\n" % number for number in range(first, last))


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("server.list_fetch.TOTAL_SECONDS", 5.0)
    with ListServer().running() as server:
        server.body = lines(0, 1000)
        yield server


@pytest.fixture
def one(server, tmp_path, monkeypatch, stored):
    made = ListSettings("games_list", server.list_url, "domains", "games", "a licence", max_megabytes=40)
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    monkeypatch.setattr(settings, "CONFIG", Config(lists=(made,)))
    return made


@pytest.fixture
def use(one, monkeypatch):
    """Change the list's settings."""

    def change(**changes):
        monkeypatch.setattr(settings, "CONFIG", Config(lists=(replace(one, **changes),)))

    return change


def row():
    return lists.overview()[0]


def offered_pack() -> bytes:
    return lists.offered_file("games_list", "pack").read_bytes()


def test_a_list_is_fetched_compiled_and_offered_with_its_report(one, tmp_path):
    assert row().state == "new"
    assert lists.refresh(one.id, NOW) == "offered"
    told = row()
    assert (told.state, told.problem, told.in_force) == ("offered", "", False)
    assert (told.offered.after, told.offered.added, told.offered.removed) == (1000, 1000, 0)
    written = lists.export(one.id, tmp_path / "stick")
    assert [path.name for path in written] == [
        "games_list.pack",
        "games_list.report.json",
        "games_list.difference.json",
    ]
    index = Index.open(written[0])
    assert index.sets == ((("games", "games_list"),),)
    index.close()
    assert json.loads(written[1].read_bytes())["kept"] == 1000


def test_nothing_that_is_published_changes(one, tmp_path):
    lists.refresh(one.id, NOW)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["files"]


def test_an_unchanged_list_is_not_sent_again(one, server):
    lists.refresh(one.id, NOW)
    before = row()
    assert lists.refresh(one.id, NOW + timedelta(days=1)) == "unchanged"
    assert "If-None-Match" in server.asked[-1][1]
    assert (row().offer, row().changed_at) == (before.offer, before.changed_at)
    server.body = b"# only a comment is new\n" + server.body
    assert lists.refresh(one.id, NOW + timedelta(days=2)) == "unchanged"


def test_a_small_change_is_offered_with_what_came_and_went(one, server):
    lists.refresh(one.id, NOW)
    server.body = lines(10, 1005)
    assert lists.refresh(one.id, NOW) == "offered"
    change = row().offered
    assert (change.before, change.added, change.removed) == (1000, 5, 10)
    assert change.added_names[0] == "site1000.example"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (lines(0, 700), "300 of 1,000 entries would go, more than 25 %"),
        (lines(0, 1300), "300 entries would come to 1,000, more than 25 %"),
        (lines(500, 1500), "500 of 1,000 entries would go"),
    ],
)
def test_a_sharp_change_is_held_back_until_a_person_releases_it(body, says, one, server, people):
    lists.refresh(one.id, NOW)
    before = offered_pack()
    server.body = body
    assert lists.refresh(one.id, NOW) == "held"
    assert row().state == "held"
    assert says in row().held_why
    assert offered_pack() == before
    assert lists.refresh(one.id, NOW) == "unchanged"  # the server says so; what waits still waits
    held = row().held
    with pytest.raises(WrongState, match="another version"):
        lists.release(one.id, audit.actor_of(people.it), NOW, "0" * 16)
    lists.release(one.id, audit.actor_of(people.it), NOW, held)
    assert (row().state, row().offer) == ("offered", held)
    assert offered_pack() != before
    entry = AuditEntry.objects.get(action="list_released")
    assert (entry.actor, entry.subject) == (f"user:{people.it.pk}", "list:games_list")
    server.body = body + b"one-more.example\n"
    assert lists.refresh(one.id, NOW) == "offered"
    with pytest.raises(WrongState, match="nothing of games_list is held back"):
        lists.release(one.id, "command", NOW)


def test_growth_in_small_steps_that_nobody_signs_is_held_back_too(one, server):
    lists.refresh(one.id, NOW)
    results = []
    for last in (1200, 1400):
        server.body = lines(0, last)
        results.append(lists.refresh(one.id, NOW))
    assert results == ["offered", "held"]


def test_a_held_version_goes_when_the_list_is_as_it_was(one, server):
    lists.refresh(one.id, NOW)
    server.body = lines(0, 100)
    lists.refresh(one.id, NOW)
    server.body = lines(0, 1000)
    assert lists.refresh(one.id, NOW) == "unchanged"
    assert row().state == "offered"


def test_a_first_list_of_mostly_odd_lines_is_held_back_and_nothing_is_offered(one, server):
    server.body = b"This is a licence.\n" * 40 + b"licence.example\n" * 5
    assert lists.refresh(one.id, NOW) == "held"
    assert "40 of its 45 lines are no usable host names" in row().held_why
    with pytest.raises(NotThere):
        lists.offered_file(one.id, "pack")


def _tar(name: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = 12
        archive.addfile(member, io.BytesIO(b"one.example\n"))
    return file.getvalue()


BAD_LISTS = {
    "empty": (b"", "no usable entry"),
    "comments": (b"# nothing\n" * 10, "no usable entry"),
    "licence": (b"Permission is hereby granted to use this list.\n" * 20, "not one usable entry"),
    "binary": (bytes(range(256)) * 400, ""),
    "picture": (b"\x89PNG" + bytes(100), "a picture, not a list"),
    "web page": (b"<!doctype html><p>Sign in", "a web page came"),
    "bomb": (gzip.compress(bytes(40_000_000)), "unpacks to more than"),
    "cut gzip": (gzip.compress(lines(0, 1000))[:-20], "cut short or damaged"),
    "leaving tar": (_tar("../../etc/domains"), "leaves its folder"),
    "pack": (b"FWRULES\n" + bytes(200), "a compiled pack, not a list"),
}


@pytest.mark.parametrize("kind", BAD_LISTS)
def test_a_bad_list_is_one_line_for_it_and_what_is_offered_stays(kind, one, server, tmp_path):
    lists.refresh(one.id, NOW)
    before = offered_pack()
    server.body, says = BAD_LISTS[kind]
    assert lists.refresh(one.id, NOW + timedelta(days=1)) == "failed"
    told = row()
    assert (told.state, told.next_at) == ("failing", NOW + timedelta(days=1, hours=1))
    assert says in told.problem
    assert str(tmp_path) not in told.problem
    assert told.problem.strip()
    assert told.problem.isprintable()
    assert offered_pack() == before
    assert sorted(path.name for path in (tmp_path / "files/lists/games_list").iterdir()) == [told.offer]
    server.body = lines(0, 1001)
    assert lists.refresh(one.id, NOW + timedelta(days=2)) == "offered"
    assert row().problem == ""


def test_a_list_that_was_asked_for_by_a_clock_that_was_ahead_is_due_once_it_is_put_right(one, server):
    lists.refresh(one.id, NOW + timedelta(days=365))
    assert lists.is_due(one.id, NOW)
    lists.refresh(one.id, NOW)
    assert not lists.is_due(one.id, NOW)


@pytest.mark.parametrize("path", ["nowhere", "error", "endless", "cut_chunk", "login"])
def test_a_failing_server_is_one_line_and_tried_again_ever_later(path, one, server, use, tmp_path):
    lists.refresh(one.id, NOW)
    before = offered_pack()
    use(url=f"{server.url}/{path}", max_megabytes=1)
    waits = []
    for _ in range(3):
        assert lists.refresh(one.id, NOW) == "failed"
        waits.append(row().next_at - NOW)
    assert waits == [timedelta(hours=1), timedelta(hours=2), timedelta(hours=4)]
    assert not lists.is_due(one.id, NOW + timedelta(hours=3))
    assert lists.is_due(one.id, NOW + timedelta(hours=4))
    assert offered_pack() == before


def test_the_log_holds_ids_alone(one, server, caplog):
    with caplog.at_level("INFO", "fairwatch"):
        lists.refresh(one.id, NOW)
        server.body = BAD_LISTS["licence"][0]
        lists.refresh(one.id, NOW)
    assert [record.getMessage() for record in caplog.records] == [
        "list_refreshed list=games_list result=offered",
        "list_refreshed list=games_list result=failed",
    ]


def test_a_disk_that_can_not_be_written_is_a_failure_and_frees_the_list(one, tmp_path):
    (tmp_path / "files").write_text("not a folder")
    assert lists.refresh(one.id, NOW) == "failed"
    assert row().problem.startswith("the collector can't keep the list: ")
    assert ListState.objects.get().busy_until is None


def test_an_unknown_list_is_refused_with_those_there_are(one):
    with pytest.raises(NotThere, match="there are: games_list"):
        lists.refresh("other", NOW)


def test_other_settings_are_fetched_and_compiled_anew(one, use):
    lists.refresh(one.id, NOW)
    use(category="shopping")
    assert lists.refresh(one.id, NOW) == "offered"


def test_two_collectors_at_once_fetch_it_once(database, server, tmp_path, monkeypatch):
    made = ListSettings("games_list", server.list_url, "domains", "games", "a licence")
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    monkeypatch.setattr(settings, "CONFIG", Config(lists=(made,)))
    start, results = threading.Barrier(2), []
    inside, go_on = threading.Event(), threading.Event()
    fetch = lists.list_fetch.fetch

    def slow(wanted, folder):
        inside.set()
        go_on.wait(10)
        return fetch(wanted, folder)

    monkeypatch.setattr("server.list_fetch.fetch", slow)

    def collector():
        start.wait()
        try:
            results.append(lists.refresh("games_list", NOW))
        except WrongState as fault:
            results.append(str(fault))
            go_on.set()
        connection.close()

    threads = [threading.Thread(target=collector) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert inside.wait(10)
    for thread in threads:
        thread.join()
    assert sorted(results) == ["games_list is being fetched already", "offered"]
    assert len(server.asked) == 1


def test_a_refresh_that_was_killed_is_taken_over_after_its_time(one):
    ListState.objects.create(list_id=one.id, busy_until=NOW + lists.BUSY)
    with pytest.raises(WrongState):
        lists.refresh(one.id, NOW)
    assert lists.refresh(one.id, NOW + lists.BUSY) == "offered"


def test_nothing_is_released_while_the_list_is_being_fetched(one, server):
    lists.refresh(one.id, NOW)
    server.body = lines(0, 10)
    lists.refresh(one.id, NOW)
    ListState.objects.update(busy_until=NOW + timedelta(minutes=1))
    with pytest.raises(WrongState, match="being fetched just now"):
        lists.release(one.id, "command", NOW)
    assert AuditEntry.objects.filter(action="list_released").count() == 0


def test_growth_counts_from_what_is_published(one, server, tmp_path, monkeypatch):
    lists.refresh(one.id, NOW)
    server.body = lines(0, 1200)
    lists.refresh(one.id, NOW)
    pack = tmp_path / f"{hashlib.sha256(offered_pack()).hexdigest()}.games_list.pack"
    pack.write_bytes(offered_pack())
    monkeypatch.setattr("server.lists._published_packs", lambda: {"games_list": pack, "other": pack})
    assert (row().state, row().in_force) == ("published", True)
    server.body = lines(0, 1400)
    assert lists.refresh(one.id, NOW) == "offered"
    assert (row().offered.before, row().offered.added) == (1200, 200)
    assert row().offered.overlap == {"other": 1200}


def make_old(pack):
    """Make a pack one of the format before ours, with a right checksum."""
    header = bytearray(pack.read_bytes()[:HEADER_BYTES])
    header[8:10] = (1).to_bytes(2, "little")
    header[-16:] = checksum(bytes(header[:-16]))
    pack.write_bytes(bytes(header) + pack.read_bytes()[HEADER_BYTES:])


def test_after_an_older_format_the_list_is_fetched_whole_and_still_compared(one, server, tmp_path, monkeypatch):
    lists.refresh(one.id, NOW)
    make_old(lists.offered_file(one.id, "pack"))
    other = tmp_path / "other.pack"
    other.write_bytes(offered_pack())
    monkeypatch.setattr("server.lists._published_packs", lambda: {"other": other})
    server.body = lines(5, 1000)
    assert lists.refresh(one.id, NOW) == "offered", row().problem
    assert "If-None-Match" not in server.asked[-1][1]
    assert (row().offered.before, row().offered.removed, row().offered.overlap) == (1000, 5, {})
    Index.open(lists.offered_file(one.id, "pack")).close()


def test_a_list_that_did_not_change_is_compiled_anew_after_an_older_format(one, server):
    lists.refresh(one.id, NOW)
    make_old(lists.offered_file(one.id, "pack"))
    lists.refresh(one.id, NOW)
    Index.open(lists.offered_file(one.id, "pack")).close()


def test_what_is_offered_can_be_opened_as_rules_do(one, tmp_path):
    from rules.compiler import compile_shipped

    lists.refresh(one.id, NOW)
    compile_shipped(tmp_path / "rules")
    lists.export(one.id, tmp_path / "rules" / "packs")
    rules = Rules.open(tmp_path / "rules")
    assert rules.classify("host", "www.site7.example").categories == ("games",)
    rules.close()
