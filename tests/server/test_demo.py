"""What a demonstration can't do is refused before anything is made."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

import pytest

from server import demo
from server.errors import SetUpError


def test_there_is_one_person_of_each_role():
    assert sorted(role for _, role, _ in demo.PEOPLE) == sorted(demo.ROLE_WORDS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "port .* is taken on this machine"),
        (("--keep", "."), "--keep goes with --check"),
        (("--check", "--keep", "."), "is not empty"),
        (("--check", "--journey", "moon"), "--journey moon: not known; known are laptop, extension, phone"),
    ],
)
def test_what_can_not_be_done_is_refused_before_anything_is_made(options, words, monkeypatch, tmp_path):
    Path(tmp_path / "something").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "Stage", None)
    parser = argparse.ArgumentParser()
    demo.add_arguments(parser)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(demo, "PORT", taken.getsockname()[1])
        with pytest.raises(SetUpError, match=words):
            demo.run(parser.parse_args(options))
