"""Which folders are listened to: a fair choice of them, and none where the system gives no thread, at no harm."""

from __future__ import annotations

from collections import Counter

import pytest
from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer

from agent.sources import listening as module
from agent.sources.attention import Attention
from agent.sources.listening import FOLDERS_MOST, Listening, fair_choice
from tests.agent.devices import until


class Heard(FileSystemEventHandler):
    """Writes down where something was written."""

    def __init__(self) -> None:
        self.places: list[str] = []

    def on_any_event(self, event) -> None:
        self.places.append(str(event.src_path))


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def listening(heard):
    made = Listening(heard, Attention(1.0))
    made.start()
    yield made
    made.stop()


def folders_of(tmp_path, person, count):
    folders = [tmp_path / person / str(number) for number in range(count)]
    for folder in folders:
        folder.mkdir(parents=True)
    return {str(folder): person for folder in folders}


@pytest.mark.parametrize(
    ("has", "gets"),
    [
        ({"bob": 60, "alice": 2}, {"bob": 22, "alice": 2}),
        ({"bob": 60, "alice": 40, "carol": 1}, {"bob": 12, "alice": 11, "carol": 1}),
        ({"alice": 3, "bob": 2}, {"alice": 3, "bob": 2}),
        ({str(number): 2 for number in range(40)}, {str(number): 1 for number in range(24)}),
    ],
)
def test_many_folders_of_one_person_take_none_of_another(has, gets):
    folders = {f"{person} {number}": person for person, count in has.items() for number in range(count)}
    assert Counter(fair_choice(folders, 24).values()) == gets


def test_of_many_folders_a_bounded_number_is_listened_to_and_all_of_who_has_few(listening, heard, tmp_path):
    bobs, alices = folders_of(tmp_path, "bob", 60), folders_of(tmp_path, "alice", 2)
    listening.to(bobs | alices)
    assert sum(folder in listening for folder in bobs) == FOLDERS_MOST - 2
    assert all(folder in listening for folder in alices)
    for folder in alices:
        (tmp_path / folder / "History").write_text("a visit")
    until(lambda: {place.rpartition("/")[0] for place in heard.places} == set(alices))
    listening.to(alices)
    assert not any(folder in listening for folder in bobs)


def test_where_no_thread_can_be_had_nothing_is_listened_to_until_one_can(heard, tmp_path, monkeypatch):
    tries = []

    class Full(Observer):
        def schedule(self, *_arguments, **_options):
            tries.append(1)
            raise RuntimeError("can't start new thread")

    folders = folders_of(tmp_path, "alice", 3)
    monkeypatch.setattr(module, "Observer", Full)
    listening = Listening(heard, Attention(1.0))
    listening.start()
    try:
        for _ in range(3):
            listening.to(folders)
        assert not any(folder in listening for folder in folders)
        assert len(tries) == 1
        monkeypatch.setattr(Full, "schedule", Observer.schedule)
        listening._rest_until = 0.0
        listening.to(folders)
        assert all(folder in listening for folder in folders)
    finally:
        listening.stop()


def test_where_not_even_the_listening_can_begin_it_begins_later(heard, tmp_path, monkeypatch):
    def none():
        raise OSError(24, "inotify instance limit reached")

    folders = folders_of(tmp_path, "alice", 1)
    with monkeypatch.context() as full:
        full.setattr(module, "Observer", none)
        listening = Listening(heard, Attention(1.0))
        listening.start()
        listening.to(folders)
    try:
        assert not any(folder in listening for folder in folders)
        listening._rest_until = 0.0
        listening.to(folders)
        assert all(folder in listening for folder in folders)
    finally:
        listening.stop()


def test_a_listening_that_has_ended_by_itself_begins_again(listening, heard, tmp_path):
    folders = folders_of(tmp_path, "alice", 1)
    listening.to(folders)
    listening._observer.stop()
    listening._observer.join()
    listening.to(folders)
    (folder,) = folders
    (tmp_path / folder / "History").write_text("a visit")
    until(lambda: heard.places)
