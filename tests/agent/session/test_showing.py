"""Text counts as shown only where a person is before it: on a terminal, or where whoever shows it on says so."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

from agent.notice import Notice, as_text
from agent.session.showing import Opener, held_command, print_notice


def test_a_terminal_has_a_person_before_it(notice: Notice) -> None:
    leader, follower = os.openpty()
    with os.fdopen(follower, "w") as terminal:
        assert print_notice(notice, terminal, is_read=False)
        assert notice.title.encode() in os.read(leader, 65536)
    os.close(leader)


def test_a_log_or_a_pipe_has_none_unless_it_is_said(notice: Notice) -> None:
    stream = io.StringIO()
    assert not print_notice(notice, stream, is_read=False)
    assert stream.getvalue() == ""
    assert print_notice(notice, stream, is_read=True)
    assert stream.getvalue() == as_text(notice)


def test_a_stream_that_is_closed_or_full_shows_nothing(notice: Notice) -> None:
    stream = io.StringIO()
    stream.close()
    assert not print_notice(notice, stream, is_read=True)

    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError("no space left")

    assert not print_notice(notice, Full(), is_read=True)


def test_a_button_pressed_again_and_again_opens_one_window_at_a_time(tmp_path: Path) -> None:
    count = tmp_path / "count"
    opener = Opener((sys.executable, "-c", f"open({str(count)!r}, 'a').write('.'); import time; time.sleep(60)"))
    for _ in range(5):
        opener.open()
    child = opener._child
    assert child is not None
    assert child.poll() is None
    opener.open()
    assert opener._child is child
    child.kill()
    child.wait()
    opener.open()
    assert opener._child is not child
    opener._child.kill()
    opener._child.wait()


def test_the_window_of_what_is_held_asks_the_same_service(tmp_path: Path) -> None:
    command = held_command(tmp_path)
    assert command[-4:] == ("show-data", "--window", "--data-dir", str(tmp_path))
