"""Each list is asked for when it is due, once whichever collector looks, in a process that ends with the collector."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from server import list_jobs, schedule
from server.config import Config
from server.list_settings import ListSettings
from server.store.models import Job, ListState
from tests.server.bad_list_server import ListServer, wait_until

NOW = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)
MINE = ListSettings("mine", "https://lists.example/l.txt", "domains", "games", "ours")


@pytest.fixture
def children(monkeypatch, tmp_path, database):
    """The commands that were started, each of which does nothing for long."""
    started = []
    popen = subprocess.Popen

    def start(words, **rest):
        started.append(words)
        return popen([sys.executable, "-c", f"import time; time.sleep({start.seconds})"], **rest)

    start.seconds = 0
    monkeypatch.setattr("server.list_jobs.subprocess.Popen", start)
    monkeypatch.setattr("django.conf.settings.CONFIG", Config(lists=(MINE,)))
    return started, start


def jobs(tmp_path, stopping=None):
    return list_jobs.timed_jobs((MINE,), tmp_path, stopping or threading.Event())


def test_two_collectors_that_look_at_once_start_one_refresh(children, tmp_path):
    start = threading.Barrier(2)

    def look():
        start.wait()
        schedule.run_due(jobs(tmp_path), NOW)
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [words[1:] for words in children[0]] == [
        ["-m", "server", "lists", "refresh", "mine", "--data-dir", str(tmp_path)]
    ]
    assert Job.objects.get().job == "list:mine"


def test_a_list_that_is_not_due_is_left_alone(children, tmp_path):
    ListState.objects.create(list_id="mine", checked_at=NOW)
    for later in (1, 23):
        schedule.run_due(jobs(tmp_path), NOW + timedelta(hours=later))
    assert children[0] == []
    schedule.run_due(jobs(tmp_path), NOW + timedelta(hours=24))
    assert len(children[0]) == 1


def test_a_refresh_ends_with_the_collector(children, tmp_path):
    children[1].seconds = 60
    stopping = threading.Event()

    def look():
        schedule.run_due(jobs(tmp_path, stopping), NOW)
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    wait_until(lambda: len(children[0]) == 1)
    stopping.set()
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.more
def test_a_running_collector_fetches_what_is_due_by_itself(tmp_path):
    data_dir, top = tmp_path / "data", Path(__file__).parents[2]

    def server(*words):
        return [sys.executable, "-m", "server", *words, "--data-dir", str(data_dir)]

    with ListServer().running() as lists:
        lists.body = b"one.example\n"
        port = lists.port + 1 if lists.port < 65535 else lists.port - 1
        subprocess.run(server("init", "--url", f"http://127.0.0.1:{port}"), cwd=top, check=True, capture_output=True)
        with (data_dir / "collector.toml").open("a") as file:
            file.write(
                f'[[lists]]\nid = "mine"\nurl = "{lists.list_url}"\nformat = "domains"\ncategory = "games"\n'
                'licence = "ours"\n'
            )
        running = subprocess.Popen(server("run", "--http"), cwd=top, stdout=subprocess.DEVNULL)
        try:
            pack = "files/lists/mine/*/mine.pack"
            wait_until(lambda: any(data_dir.glob(pack)) or running.poll() is not None, 40)
        finally:
            running.terminate()
            running.wait(20)
    told = subprocess.run(server("lists", "--json"), cwd=top, check=True, capture_output=True, text=True)
    assert json.loads(told.stdout)["lists"][0]["id"] == "mine"
    assert any(data_dir.glob(pack))
