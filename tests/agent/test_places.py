"""Each system has its own place, and every command of the agent means the same one."""

from __future__ import annotations

from pathlib import Path

from agent import config
from agent.extension import host
from agent.places import data_dir
from agent.session import run


def test_each_system_keeps_what_it_has_where_its_users_look_for_it() -> None:
    assert data_dir("linux") == Path("/var/lib/fairwatch")
    assert data_dir("darwin") == Path("/Library/Application Support/Fairwatch")


def test_service_session_and_browser_mean_the_same_place() -> None:
    assert config.DEFAULT_DATA_DIR == run.DEFAULT_DATA_DIR == host.DEFAULT_DATA_DIR == data_dir()
