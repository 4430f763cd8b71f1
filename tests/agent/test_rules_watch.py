"""A file of the signed rules that somebody touches is noticed within a second, and noise beside it is not."""

from __future__ import annotations

import os
import threading
import time

import pytest

from agent.rules_watch import RulesWatch


@pytest.fixture
def rules(tmp_path):
    folder = tmp_path / "rules"
    packs = folder / "sets" / "1" / "rules" / "packs"
    packs.mkdir(parents=True)
    (packs / "curated.pack").write_bytes(b"signed")
    (folder / "sets" / "1" / "policy.toml").write_text("signed")
    (folder / "current").symlink_to("sets/1")
    return folder


@pytest.fixture
def watched(rules):
    changed = threading.Event()
    watch = RulesWatch(rules, changed.set)
    watch.note()
    watch.start()
    yield rules, watch, changed
    watch.stop()


def edit(rules):
    path = rules / "current" / "policy.toml"
    path.write_text("edited")


def edit_and_set_its_time_back(rules):
    path = rules / "current" / "policy.toml"
    before = path.stat()
    path.write_text("eDited")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def add(rules):
    (rules / "current" / "rules" / "packs" / "more.pack").write_bytes(b"not signed")


def remove(rules):
    (rules / "current" / "rules" / "packs" / "curated.pack").unlink()


def replace(rules):
    other = rules / "other"
    other.write_bytes(b"signed")
    other.replace(rules / "current" / "rules" / "packs" / "curated.pack")


def swap(rules):
    (rules / "sets" / "2").mkdir()
    (rules / "new").symlink_to("sets/2")
    (rules / "new").replace(rules / "current")


def lose(rules):
    (rules / "current").unlink()


TOUCHES = (edit, edit_and_set_its_time_back, add, remove, replace, swap, lose)


@pytest.mark.parametrize("touch", TOUCHES)
def test_a_change_of_the_set_in_force_is_noticed_within_a_second(watched, touch):
    rules, _, changed = watched
    begun = time.monotonic()
    touch(rules)
    assert changed.wait(5)
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("touch", TOUCHES)
def test_without_events_a_look_finds_it(rules, touch):
    watch = RulesWatch(rules, lambda: None)
    watch.note()
    assert watch.is_as_noted
    touch(rules)
    assert not watch.is_as_noted


def test_what_the_update_check_writes_beside_the_set_is_no_change(watched):
    rules, watch, changed = watched
    (rules / "state.json").write_text("{}")
    (rules / "sets" / "unfinished").mkdir()
    (rules / "sets" / "unfinished" / "policy.toml").write_text("next")
    (rules / "current" / "policy.toml").read_text()
    assert not changed.wait(0.4)
    assert watch.is_as_noted


def test_a_fault_in_what_is_called_does_not_end_the_watch(rules):
    calls = []

    def breaks() -> None:
        calls.append(watch.note())
        raise RuntimeError("a fault")

    watch = RulesWatch(rules, breaks)
    watch.note()
    watch.start()
    try:
        for count in (1, 2):
            (rules / "current" / "policy.toml").write_text(f"edit {count}")
            end = time.monotonic() + 5
            while len(calls) < count and time.monotonic() < end:
                time.sleep(0.02)
        assert len(calls) >= 2
    finally:
        watch.stop()


@pytest.mark.parametrize("from_the_start", [True, False])
def test_where_no_thread_can_be_had_new_rules_are_noted_and_a_look_finds_an_edit(rules, monkeypatch, from_the_start):
    def full(*_arguments, **_options):
        raise RuntimeError("can't start new thread")

    changed = threading.Event()
    watch = RulesWatch(rules, changed.set)
    watch.note()
    if from_the_start:
        monkeypatch.setattr(watch._observer, "schedule", full)
    watch.start()
    monkeypatch.setattr(watch._observer, "schedule", full)
    try:
        swap(rules)
        watch.note()
        changed.clear()
        (rules / "current" / "policy.toml").write_text("edited")
        watch.look()
        assert changed.wait(5)
    finally:
        watch.stop()
