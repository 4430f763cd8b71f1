"""What a demonstration starts, it ends; and its web server answers for every host."""

from __future__ import annotations

import os
import socket
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from server.children import Children, EveryHost, free_port, is_free
from server.errors import SetUpError


@pytest.fixture
def children(tmp_path):
    made = Children(tmp_path, os.environ)
    yield made
    made.end()


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_ending_reaches_what_a_child_started_itself(children, tmp_path):
    script = "import subprocess, sys; c = subprocess.Popen(['sleep', '60']); print(c.pid, flush=True); c.wait()"
    child = children.start("parent", [sys.executable, "-c", script])
    end = time.monotonic() + 10
    while not (log := (tmp_path / "parent.log").read_text()) and time.monotonic() < end:
        time.sleep(0.02)
    grandchild = int(log)
    assert alive(grandchild)
    children.end()
    assert not alive(child.pid)
    end = time.monotonic() + 5
    while alive(grandchild) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(grandchild)


def test_a_child_that_ended_by_itself_is_told(children):
    children.start("short", [sys.executable, "-c", "pass"]).wait(10)
    with pytest.raises(SetUpError, match="short ended unexpectedly"):
        children.check()


def test_why_a_child_ended_is_told_by_its_last_line_and_known_by_its_words(children):
    script = "import sys, time; print('No usable sandbox', file=sys.stderr, flush=True); {}"
    children.start("refusing", [sys.executable, "-c", script.format("print('the reason')")]).wait(10)
    staying = children.start("staying", [sys.executable, "-c", script.format("time.sleep(60)")])
    assert children.ended_because("refusing", "No usable sandbox")
    assert not children.ended_because("refusing", "another word")
    with pytest.raises(SetUpError, match="refusing ended unexpectedly: the reason"):
        children.check()
    end = time.monotonic() + 10
    while "sandbox" not in children.last_line("staying") and time.monotonic() < end:
        time.sleep(0.02)
    assert staying.poll() is None
    assert not children.ended_because("staying", "No usable sandbox")


def test_a_port_is_free_unless_somebody_listens_on_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert not is_free(taken.getsockname()[1])
    assert is_free(free_port())


def test_a_command_that_fails_is_told_by_its_last_line(children):
    with pytest.raises(SetUpError, match="step failed: the reason"):
        children.once("step", [sys.executable, "-c", "import sys; print('first'); sys.exit('the reason')"])
    assert children.once("step", [sys.executable, "-c", "print('done')"]) == "done\n"
    with pytest.raises(SetUpError, match="could not be run"):
        children.once("step", ["/nowhere/at/all"])


def test_the_web_server_stands_for_every_host_and_remembers_when_a_page_was_asked_for():
    sites = EveryHost()
    try:
        request = urllib.request.Request(f"http://127.0.0.1:{sites.port}/", headers={"Host": "any.example"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert b"stands for a site" in answer.read()
        assert list(sites.asked) == ["any.example"]
        assert abs(sites.asked["any.example"] - time.time()) < 60
    finally:
        sites.stop()


def test_a_free_port_can_be_listened_on():
    assert 1024 < free_port() < 65536
