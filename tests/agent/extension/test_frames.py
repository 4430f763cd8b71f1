"""Native messaging's frames: whole messages however they are cut, and a wrong length is refused unread."""

from __future__ import annotations

import struct

import pytest

from agent.extension.frames import MAX_FRAME_BYTES, Frames, frame
from agent.session.errors import MessageRefused


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 7, 1000])
def test_messages_are_whole_however_they_are_cut(cut):
    sent, frames, found = frame(b"first") + frame(b"x" * MAX_FRAME_BYTES) + frame(b"last"), Frames(), []
    for start in range(0, len(sent), cut):
        found += frames.take(sent[start : start + cut])
    assert found == [b"first", b"x" * MAX_FRAME_BYTES, b"last"]
    assert frames.is_between


@pytest.mark.parametrize("size", [0, MAX_FRAME_BYTES + 1, 10**9, 2**32 - 1])
def test_a_wrong_length_is_refused_before_anything_of_it_is_read(size):
    with pytest.raises(MessageRefused, match=str(size)):
        Frames().take(struct.pack("=I", size))


def test_what_is_cut_off_is_no_message():
    frames = Frames()
    assert frames.take(frame(b"whole") + frame(b"cut off")[:-1]) == [b"whole"]
    assert not frames.is_between
