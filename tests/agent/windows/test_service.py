"""As Windows' service the agent waits to be enrolled, watches until it is told to stop, and says how it ended."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agent import keys
from agent.__main__ import main
from agent.errors import KeysExposedError
from agent.watchdog import BEGIN_ANEW_STATUS
from agent.windows.service import watch
from tests.agent.devices import enrolled
from tests.agent.enrolling import collecting
from tests.agent.windows.wine_python import as_windows


class Agent:
    """An agent that ends itself at once, as one that begins anew or one that was told to stop."""

    def __init__(self, end: Callable[[], None], *, begins_anew: bool) -> None:
        self._end = end
        self.begins_anew = begins_anew
        self.did: list[str] = []

    def start(self) -> None:
        self.did.append("start")
        self._end()

    def stop(self) -> None:
        self.did.append("stop")


@pytest.mark.parametrize(("begins_anew", "status"), [(True, BEGIN_ANEW_STATUS), (False, 0)])
def test_it_ends_in_order_and_says_whether_it_wants_to_be_started_again(tmp_path: Path, begins_anew, status) -> None:
    agents, begun = list[Agent](), list[int]()

    def make(data_dir: Path, end: Callable[[], None]) -> Agent:
        assert data_dir == tmp_path
        agents.append(Agent(end, begins_anew=begins_anew))
        return agents[-1]

    enrolled(tmp_path)
    assert watch(tmp_path, threading.Event(), lambda: begun.append(1), make) == status
    assert [one.did for one in agents] == [["start", "stop"]]
    assert begun == [1]


def test_keys_that_others_could_read_are_told_by_the_kind_of_fault_alone(tmp_path: Path, caplog) -> None:
    enrolled(tmp_path)

    def make(data_dir: Path, end: Callable[[], None]) -> Agent:
        raise KeysExposedError(f"{data_dir} is open to others")

    assert watch(tmp_path, threading.Event(), lambda: None, make) == 2
    assert "service.not_started kind=KeysExposedError" in caplog.text
    assert str(tmp_path) not in caplog.text


def test_told_to_stop_before_it_is_enrolled_it_just_ends(tmp_path: Path) -> None:
    ended = threading.Event()
    ended.set()
    assert watch(tmp_path, ended, lambda: None) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows is where it can be started")
def test_on_another_system_it_says_that_it_can_not_be_started(capsys) -> None:
    assert main(["service"]) == 2
    assert capsys.readouterr().err == "fairwatch-agent service: advapi32 is a library of Windows\n"


WATCHING = """
import subprocess, sys, time
from pathlib import Path
from tests.agent.windows.service_control import RUNNING, STOPPED, Control
folder = Path(sys.argv[1])
control = Control("Fairwatch", f'"{sys.executable}" -m agent service --data-dir "{folder}"')
def ask():
    return subprocess.run([sys.executable, "-m", "agent", "status", "--json", "--data-dir", str(folder)],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
try:
    control.start(); control.wait(RUNNING)
    until = time.monotonic() + 60
    while (said := ask()).returncode and time.monotonic() < until:
        time.sleep(0.3)
    control.stop(); ended = control.wait(STOPPED)
    print(said.stdout.strip()); print(*ended, ask().returncode != 0, said.stderr)
finally:
    control.delete()
"""


@pytest.mark.more
def test_on_windows_a_service_enrols_watches_answers_and_ends(wine, nobody_else, pilot, tmp_path: Path) -> None:
    with collecting(pilot, tmp_path / "data") as setting:
        setting.folder.mkdir()
        (setting.folder / "token").write_text(f"{setting.token()}|{setting.collector.url}|", "ascii")
        status, ended = wine.run(WATCHING, as_windows(setting.folder), timeout=150).splitlines()
    assert ended == "0 0 True "
    assert not (setting.folder / "token").exists()
    assert (setting.folder / keys.IDENTITY_FILE).exists()
    sources = {one["name"]: one["state"] for one in json.loads(status)["sources"]}
    assert {"browser_history", "foreground", "processes", "rules"} <= set(sources)
