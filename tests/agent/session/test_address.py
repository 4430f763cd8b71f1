"""Who is at the other end is the kernel's word: Linux's own here, and macOS's in the form that its headers give."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

import pytest

from agent.session.address import new_socket, peer_uid, short_name


class MacSocket:
    """A socket whose kernel answers as macOS does; made after sys/ucred.h, not recorded on a Mac."""

    def __init__(self, answer: bytes | OSError) -> None:
        self.answer = answer

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        # SOL_LOCAL and LOCAL_PEERCRED (sys/un.h); sizeof(struct xucred) is 76.
        assert (level, option, size) == (0, 1, 76)
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer


def xucred(version: int, uid: int) -> bytes:
    groups = [20, 12, 61, 80, *[0] * 12]
    return struct.pack("=IIh", version, uid, 4) + b"\0\0" + struct.pack("=16I", *groups)


def test_the_kernel_says_who_connected() -> None:
    here, there = socket.socketpair()
    with here, there:
        assert peer_uid(here, "linux") == os.getuid()


@pytest.mark.parametrize("uid", [0, 501, 4_294_967_294])
def test_macos_says_it_in_a_form_of_its_own(uid: int) -> None:
    assert peer_uid(MacSocket(xucred(0, uid)), "darwin") == uid  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answer", [xucred(1, 501), xucred(0, 501)[:-4], b"", OSError(57, "Socket is not connected")], ids=repr
)
def test_an_answer_of_another_form_is_nobody(answer: bytes | OSError) -> None:
    assert peer_uid(MacSocket(answer), "darwin") is None  # type: ignore[arg-type]


def test_a_socket_does_not_block_and_is_not_inherited() -> None:
    with new_socket() as made:
        assert not made.getblocking()
        assert not made.get_inheritable()


def test_on_macos_the_name_is_the_path_itself(tmp_path: Path) -> None:
    with short_name(tmp_path / "session.sock", "darwin") as name:
        assert name == str(tmp_path / "session.sock")
    # 103 bytes is what sockaddr_un holds there.
    assert len("/Library/Application Support/Fairwatch/session.sock") <= 103
