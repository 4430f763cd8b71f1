"""A child gives its exit code, and never outlives its limit or the service."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from agent import child

SLEEPS = [sys.executable, "-c", "import sys, time; open(sys.argv[1], 'w').close(); time.sleep(60)"]


def test_a_child_that_ends_gives_its_exit_code():
    command = [sys.executable, "-c", "raise SystemExit(7)"]
    assert child.run(command, limit_seconds=30, stopping=threading.Event()) == 7


def test_a_child_that_hangs_is_ended_at_its_limit(tmp_path):
    begun = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        child.run([*SLEEPS, tmp_path / "begun"], limit_seconds=0.6, stopping=threading.Event())
    assert time.monotonic() - begun < 20


def test_a_child_ends_with_the_service(tmp_path):
    stopping = threading.Event()

    def stop_once_it_runs():
        until = time.monotonic() + 20
        while not (tmp_path / "begun").exists() and time.monotonic() < until:
            time.sleep(0.01)
        stopping.set()

    stopper = threading.Thread(target=stop_once_it_runs)
    stopper.start()
    begun = time.monotonic()
    assert child.run([*SLEEPS, tmp_path / "begun"], limit_seconds=60, stopping=stopping) is None
    assert time.monotonic() - begun < 30
    stopper.join()


def test_a_command_that_is_not_there_is_an_os_error():
    with pytest.raises(FileNotFoundError):
        child.run(["/nonexistent/fairwatch-agent"], limit_seconds=1, stopping=threading.Event())
