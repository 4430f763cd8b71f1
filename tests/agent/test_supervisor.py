"""Whoever keeps services is told that this one turns, by the way that systemd documents; nobody else is missed."""

from __future__ import annotations

import socket

import pytest

from agent.supervisor import still_turning


@pytest.mark.parametrize("abstract", [False, True])
def test_it_is_told_in_the_words_of_sd_notify(tmp_path, abstract):
    name = f"@fairwatch-test-{tmp_path.name}-{id(tmp_path)}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name[1:]}" if abstract else name)
        listening.settimeout(5)
        assert still_turning({"NOTIFY_SOCKET": name})
        assert listening.recv(100) == b"WATCHDOG=1"


def test_where_nobody_asks_or_nobody_is_there_nothing_happens(tmp_path):
    assert not still_turning({})
    assert not still_turning({"NOTIFY_SOCKET": str(tmp_path / "gone")})
