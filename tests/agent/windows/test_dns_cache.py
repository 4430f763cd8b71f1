"""What Windows' DNS client comes to keep is handed on, and neither what was there before nor what nobody looked up."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

import pytest

from agent.health import SourceHealth
from agent.windows.dns_cache import HOSTS_MAX_BYTES, DnsCache, DnsClient, _Entry
from tests.agent.devices import until
from tests.agent.windows.answers import Library, fill

A, AAAA = 1, 28


class Machine:
    """A DNS client whose list the test writes; everything of it lies in memory of ours."""

    def __init__(self) -> None:
        self.names: list[tuple[str, int]] = []
        self.missing: set[str] = set()
        self.tells = True
        self.kept: list[Any] = []
        self.freed: list[tuple[int, int]] = []
        self.asked: list[tuple[str, int, int]] = []
        self.client = DnsClient(Library(DnsGetCacheDataTable=self._table, DnsQuery_W=self._query, DnsFree=self._free))

    def _table(self, first: Any) -> int:
        following = 0
        for name, qtype in reversed(self.names):
            # Two bytes a letter, as Windows has them, however wide this system's own are.
            text = ctypes.create_string_buffer(_wide(name))
            entry = _Entry(following, ctypes.addressof(text), qtype, 4, 0)
            self.kept += [text, entry]
            following = ctypes.addressof(entry)
        first._obj.next = following
        return int(self.tells)

    def _query(self, name: str, qtype: int, options: int, servers: None, records: Any, reserved: None) -> int:
        self.asked.append((name, qtype, options))
        return 9003 if name in self.missing else fill(records, 77) - 1

    def _free(self, place: int, kind: int) -> None:
        self.freed.append((place, kind))


def _wide(text: str) -> bytes:
    return (text + "\0").encode("utf-32-le" if ctypes.sizeof(ctypes.c_wchar) == 4 else "utf-16-le")


class Ear:
    """Who is told the names."""

    def __init__(self) -> None:
        self.trouble = ""
        self.heard: list[tuple[str, int]] = []
        self.turned = self.forgot = 0

    def note(self, name: str, qtype: int) -> None:
        self.heard.append((name, qtype))

    def turn(self) -> float | None:
        self.turned += 1
        return 0.02

    def forget(self) -> None:
        self.forgot += 1


class Watch:
    """The source, its ear and what it said of itself."""

    def __init__(self, folder: Path) -> None:
        self.machine, self.ear = Machine(), Ear()
        self.said: list[SourceHealth | None] = []
        self.hosts = folder / "hosts"
        self.source = DnsCache(
            self.ear, self.said.append, client=lambda: self.machine.client, hosts_file=self.hosts
        )  # fmt: skip

    def look(self) -> list[tuple[str, int]]:
        self.ear.heard.clear()
        self.source.look(self.machine.client)
        return self.ear.heard


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path)


def test_what_was_there_at_first_is_nobodys_and_what_came_is_told_once(watch: Watch) -> None:
    watch.machine.names = [("old.test", A)]
    assert watch.look() == []
    watch.machine.names += [("New.test.", A), ("new.test", AAAA)]
    assert watch.look() == [("new.test", A), ("new.test", AAAA)]
    assert watch.look() == []
    watch.machine.names = [("old.test", A)]
    assert watch.look() == []
    watch.machine.names.append(("new.test", A))
    assert watch.look() == [("new.test", A)], "its answer had run out, so somebody asked again"


def test_everything_that_windows_hands_over_is_given_back(watch: Watch) -> None:
    watch.machine.names = [("a.test", A), ("b.test", A)]
    watch.look()
    places = [ctypes.addressof(one) for one in watch.machine.kept]
    assert sorted(watch.machine.freed) == sorted((place, 0) for place in places)


def test_a_name_that_does_not_exist_is_not_told_and_no_other_machine_is_asked(watch: Watch) -> None:
    watch.look()
    watch.machine.missing = {"typo.test"}
    watch.machine.names = [("typo.test", A), ("there.test", A)]
    assert watch.look() == [("there.test", A)]
    assert watch.machine.asked == [("there.test", A, 0x10), ("typo.test", A, 0x10)]
    assert (77, 1) in watch.machine.freed


def test_names_of_the_hosts_file_were_looked_up_by_nobody(watch: Watch) -> None:
    watch.look()
    watch.hosts.write_text("# 0.0.0.0 kept.test\n0.0.0.0 Listed.test other.test # why\n", "utf-8")
    watch.machine.names = [(name, A) for name in ("listed.test", "other.test", "kept.test")]
    assert watch.look() == [("kept.test", A)]


def test_a_hosts_file_that_is_too_large_to_read_makes_all_unknown(watch: Watch) -> None:
    watch.look()
    watch.hosts.touch()
    os.truncate(watch.hosts, HOSTS_MAX_BYTES + 1)
    watch.machine.names = [("a.test", A)]
    assert watch.look() == []
    assert watch.said[-1] is not None
    assert (watch.said[-1].state, "hosts file" in watch.said[-1].reason) == ("unknown", True)


def test_a_client_that_does_not_tell_is_said_and_what_it_keeps_afterwards_is_a_new_beginning(watch: Watch) -> None:
    watch.look()
    watch.machine.tells = False
    assert watch.look() == []
    watch.machine.tells, watch.machine.names = True, [("meanwhile.test", A)]
    assert watch.look() == []
    states = [one.state if one is not None else None for one in watch.said]
    assert states == ["working", "unknown", "working"]


def test_what_keeps_the_ear_from_making_anything_of_names_is_said(watch: Watch) -> None:
    watch.ear.trouble = "Several people."
    watch.look()
    assert watch.said == [SourceHealth(name="resolved", state="unknown", reason="Several people.")]


def test_it_looks_while_it_is_wanted_and_says_nothing_once_it_is_not(watch: Watch) -> None:
    watch.source.want(True)
    watch.source.want(True)
    until(lambda: watch.ear.turned > 2)
    watch.source.want(False)
    assert watch.said[-1] is None
    assert watch.ear.forgot == 1
    before = watch.ear.turned
    watch.source.want(False)
    assert watch.ear.turned == before


def test_where_there_is_no_such_client_it_says_so(tmp_path: Path) -> None:
    said: list[SourceHealth | None] = []
    source = DnsCache(Ear(), said.append, hosts_file=tmp_path / "hosts")
    source.want(True)
    until(lambda: said)
    source.want(False)
    assert said[0] is not None
    assert said[0].state == "unknown"


def test_a_fault_in_a_look_is_said_and_it_looks_again(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty() -> float:
        raise RuntimeError("a fault")

    monkeypatch.setattr("agent.windows.dns_cache.LOOK_SECONDS", 0.02)
    with monkeypatch.context() as at_first:
        at_first.setattr(watch.ear, "turn", faulty)
        watch.source.want(True)
        until(lambda: any(one is not None and "fault" in one.reason for one in watch.said))
    until(lambda: watch.ear.turned)
    watch.source.want(False)
    assert [one.state for one in watch.said[-2:] if one is not None] == ["working"]


def test_what_has_ended_or_could_not_begin_begins_when_it_is_wanted_again(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_thread: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as at_the_limit:
        at_the_limit.setattr("threading.Thread.start", full)
        watch.source.want(True)
    assert [one.state for one in watch.said if one is not None] == ["unknown"]
    with monkeypatch.context() as at_first:
        at_first.setattr(watch.source, "_client", lambda: 1 / 0)
        watch.source.want(True)
        until(lambda: watch.source._thread is not None and not watch.source._thread.is_alive())
    watch.source.want(True)
    until(lambda: watch.ear.turned)
    watch.source.want(False)


@pytest.mark.more
def test_on_windows_the_client_answers_one_that_keeps_nothing_too(wine) -> None:
    said = wine.run(
        "from agent.windows.dns_cache import DnsClient\n"
        "client = DnsClient(); print(client.kept(), client.exists('nowhere.invalid', 1))"
    )
    assert said == "None False\n"
