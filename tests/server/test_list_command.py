"""`fairwatch-server lists` tells, fetches, releases and exports, in words or JSON, on a real data folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from server import list_command
from tests.server.bad_list_server import ListServer

TOP = Path(__file__).parents[2]


def lists(data_dir, *words, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "server", *words, "--data-dir", str(data_dir)],
        cwd=TOP, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout if code in (0, 1) else done.stderr


@pytest.mark.more
def test_a_list_is_fetched_held_back_released_and_exported(tmp_path):
    data_dir = tmp_path / "data"
    lists(data_dir, "init", "--url", "http://localhost:8460")
    assert "add [[lists]]" in lists(data_dir, "lists")
    with ListServer().running() as server:
        server.body = b"one.example\ntwo.example\n"
        with (data_dir / "collector.toml").open("a") as file:
            file.write(
                f'[[lists]]\nid = "mine"\nurl = "{server.list_url}"\nformat = "domains"\ncategory = "games"\n'
                'licence = "ours"\n'
            )
        assert lists(data_dir, "lists") == "mine: new (ours)\n"
        told = json.loads(lists(data_dir, "lists", "refresh", "mine", "--json"))
        assert (told["lists"][0]["state"], told["lists"][0]["offered"]["after"]) == ("offered", 2)
        server.body = b"three.example\n"
        assert "lists release mine" in lists(data_dir, "lists", "refresh", "mine")
        assert "offered: 1 entries" in lists(data_dir, "lists", "release", "mine")
        lists(data_dir, "lists", "export", "mine", "-o", str(tmp_path / "stick"))
        assert (tmp_path / "stick" / "mine.pack").is_file()
        server.body = b""
        assert "the last try failed" in lists(data_dir, "lists", "refresh", "mine", code=1)
    assert "nothing of mine is held back" in lists(data_dir, "lists", "release", "mine", code=2)
    assert "no list is called 'other'" in lists(data_dir, "lists", "refresh", "other", code=2)


@pytest.mark.parametrize("action", list_command.ACTIONS)
def test_every_action_wants_a_list(action, tmp_path):
    assert "say which list" in lists(tmp_path, "lists", action, code=2)
