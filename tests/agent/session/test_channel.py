"""The local socket tells who comes, whose they are by the kernel's word, and who can be read or written."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.session import address
from agent.session.channel import SocketChannel, of_this_system


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[SocketChannel]:
    made = of_this_system(tmp_path / "session.sock")
    assert isinstance(made, SocketChannel)
    made.listen()
    yield made
    made.close()


def peer(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    with address.short_name(path) as name:
        made.connect(name)
    return made


def test_who_comes_is_this_account_and_what_they_say_can_be_read(channel: SocketChannel, tmp_path: Path) -> None:
    with peer(tmp_path / "session.sock") as mine:
        assert channel.turn() == (True, [])
        number, theirs, uid = channel.accept() or (0, None, None)
        assert uid == os.getuid()
        assert theirs is not None
        with pytest.raises(BlockingIOError):
            theirs.recv(10)
        mine.sendall(b"hello")
        assert channel.turn() == (False, [(number, True, False)])
        assert theirs.recv(10) == b"hello"
        channel.watch_writing(number, writes=True)
        assert channel.turn() == (False, [(number, False, True)])


def test_one_that_left_is_read_as_nothing_and_forgotten_once(channel: SocketChannel, tmp_path: Path) -> None:
    peer(tmp_path / "session.sock").close()
    channel.turn()
    number, theirs, _uid = channel.accept() or (0, None, None)
    assert theirs is not None
    assert channel.turn() == (False, [(number, True, False)])
    assert theirs.recv(10) == b""
    channel.forget(number)
    channel.forget(number)
    channel.watch_writing(number, writes=True)
    with pytest.raises(OSError, match="Bad file"):
        theirs.recv(10)


def test_waking_from_another_thread_ends_a_wait(channel: SocketChannel) -> None:
    timer = threading.Timer(0.05, channel.wake)
    timer.start()
    assert channel.turn() == (False, [])
    timer.join()


def test_another_thing_at_the_sockets_place_is_left_alone(tmp_path: Path) -> None:
    place = tmp_path / "session.sock"
    place.write_text("mine")
    channel = SocketChannel(place)
    with pytest.raises(FileExistsError):
        channel.listen()
    channel.close()
    assert place.read_text() == "mine"


def test_one_of_whom_nothing_can_be_told_is_let_go(
    channel: SocketChannel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_peer: socket.socket) -> int:
        raise ValueError("no such credentials")

    with peer(tmp_path / "session.sock") as mine:
        assert channel.turn() == (True, [])
        monkeypatch.setattr(address, "peer_uid", broken)
        with pytest.raises(ValueError, match="credentials"):
            channel.accept()
        mine.settimeout(5)
        assert mine.recv(10) == b""
    channel.wake()
    assert channel.turn() == (False, [])
