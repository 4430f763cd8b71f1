"""On a real sway without a monitor: the right app at once, idle time cut out, no title taken, GNOME's way unknown."""

from __future__ import annotations

import os
import pwd
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agent.session.errors import DisplayUnavailable
from agent.session.foreground_wayland import ForegroundWayland
from agent.session.identity import DesktopIndex
from agent.session.messages import Front, Idle, encode

if TYPE_CHECKING:
    from conftest import Service

RUN = (
    "import argparse, sys; from agent.session import run; parser = argparse.ArgumentParser(); "
    "run.add_arguments(parser); sys.exit(run.run(parser.parse_args()))"
)
FIRST, SECOND = "linux:org.example.First", "linux:org.example.Second"
TITLE = "canary-title"


@pytest.fixture
def index(tmp_path: Path) -> DesktopIndex:
    folder = tmp_path / "applications"
    folder.mkdir()
    for name in ("First", "Second"):
        (folder / f"org.example.{name}.desktop").write_text(f"[Desktop Entry]\nExec=true\nStartupWMClass={name}\n")
    return DesktopIndex([folder])


class Sway:
    """A compositor without a monitor or devices, which refuses to be root, and terminals on it."""

    def __init__(self, folder: Path) -> None:
        self.account: dict[str, Any] = {}
        if os.getuid() == 0:
            entry = pwd.getpwnam("nobody")
            self.account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        self.children: list[subprocess.Popen[bytes]] = []
        (folder / "config").write_text("xwayland disable\nfocus_on_window_activation none\n")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "WAYLAND_DISPLAY": "wayland-1",
            "SWAYSOCK": str(folder / "ipc.sock"),
            "LC_ALL": "C.UTF-8",
        }
        headless = {"WLR_BACKENDS": "headless", "WLR_RENDERER": "pixman", "WLR_LIBINPUT_NO_DEVICES": "1"}
        own = {name: value for name, value in self.environment.items() if name != "WAYLAND_DISPLAY"}
        self._start("sway", "--config", str(folder / "config"), environment={**own, **headless})

    def _start(self, *command: str, environment: dict[str, str]) -> None:
        quiet = subprocess.DEVNULL
        self.children.append(
            subprocess.Popen(command, **self.account, env=environment, stdin=quiet, stdout=quiet, stderr=quiet)
        )

    def terminal(self, app_id: str) -> None:
        """Open a terminal that calls itself so, and has a title that nobody may read."""
        self._start("foot", "--app-id", app_id, "--title", TITLE, "sleep", "600", environment=self.environment)

    def tell(self, *words: str) -> bytes:
        """Tell sway to do something; gives its answer."""
        asked = ["swaymsg", *words]
        return subprocess.run(asked, **self.account, env=self.environment, check=True, capture_output=True).stdout

    def tree(self) -> bytes:
        """Its windows."""
        return self.tell("-t", "get_tree")

    def activate(self, app_id: str) -> None:
        """Bring a terminal to the front."""
        self.tell(f"[app_id={app_id}]", "focus")

    def close(self) -> None:
        """End every program started here, the compositor last."""
        for child in reversed(self.children):
            child.terminate()
            child.wait(timeout=20)


@pytest.fixture
def sway(until: Callable[..., Any]) -> Iterator[Sway]:
    missing = [name for name in ("sway", "foot", "swaymsg") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="fairwatch-") as name:
        sway = Sway(Path(name))
        try:
            until(lambda: Path(name, "wayland-1").exists() and Path(name, "ipc.sock").exists())
            yield sway
        finally:
            sway.close()


def until_given(foreground: ForegroundWayland, given: list[Front | Idle], count: int) -> None:
    """Look, as the session part's loop does, until so many intervals were given."""
    deadline = time.monotonic() + 10
    while len(given) < count:
        assert time.monotonic() < deadline, given
        select.select([foreground], [], [], min(0.2, foreground.wait_seconds()))
        given += foreground.look()


def for_seconds(foreground: ForegroundWayland, given: list[Front | Idle], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        select.select([foreground], [], [], min(left, foreground.wait_seconds()))
        given += foreground.look()


def has_windows(foreground: ForegroundWayland, count: int) -> bool:
    foreground.look()
    return len(foreground._windows) == count


def opened(sway: Sway, foreground: ForegroundWayland, given: list[Front | Idle], until: Callable[..., Any]) -> None:
    """Open the two known terminals and one of no installed app, the last in front."""
    for count, app_id in enumerate(("First", "Second", "canary.example"), 1):
        sway.terminal(app_id)
        until(partial(has_windows, foreground, count))
        for_seconds(foreground, given, 0.2)


@pytest.mark.more
def test_switching_apps_gives_the_right_identities_soon_and_takes_no_title(
    sway: Sway, index: DesktopIndex, until: Callable[..., Any]
) -> None:
    foreground = ForegroundWayland(sway.environment, index, idle_after_seconds=60)
    given: list[Front | Idle] = []
    opened(sway, foreground, given, until)
    # What an app calls itself is never given out unless an installed app is called so.
    sway.activate("First")
    for_seconds(foreground, given, 0.2)
    assert [one.identity for one in given if isinstance(one, Front)][-1] is None
    given.clear()
    took = []
    for turn in range(6):
        for_seconds(foreground, given, 0.05)
        asked = time.monotonic()
        sway.activate("First" if turn % 2 else "Second")
        until_given(foreground, given, turn + 1)
        took.append(time.monotonic() - asked)
    assert [one.identity for one in given if isinstance(one, Front)] == [FIRST, SECOND] * 3
    assert sorted(took)[len(took) // 2] < 0.2
    kept = repr([vars(window) for window in foreground._windows.values()]).encode()
    given += foreground.close()
    assert TITLE.encode() not in kept + b"".join(encode(one) for one in given)


@pytest.mark.more
def test_idling_cuts_the_interval_and_coming_back_begins_a_new_one(
    sway: Sway, index: DesktopIndex, until: Callable[..., Any]
) -> None:
    foreground = ForegroundWayland(sway.environment, index, idle_after_seconds=0.6)
    sway.terminal("First")
    until(partial(has_windows, foreground, 1))
    given: list[Front | Idle] = []
    for_seconds(foreground, given, 1)
    given.clear()
    for _ in range(4):
        sway.tell("seat", "-", "cursor", "move", "3", "3")
        for_seconds(foreground, given, 0.2)
    assert not [one for one in given if isinstance(one, Front)]
    given.clear()
    until_given(foreground, given, 1)
    (used,) = given
    assert isinstance(used, Front)
    assert (used.identity, used.idle) == (FIRST, True)
    assert 0.4 < used.seconds < 3
    assert foreground.idle_seconds >= 0.6
    foreground.close()


@pytest.mark.more
def test_a_session_that_was_switched_away_counts_nothing_and_a_compositor_that_ended_is_noticed(
    sway: Sway, index: DesktopIndex, until: Callable[..., Any]
) -> None:
    active = True
    foreground = ForegroundWayland(sway.environment, index, idle_after_seconds=60, is_active=lambda: active)
    given: list[Front | Idle] = []
    sway.terminal("First")
    until(partial(has_windows, foreground, 1))
    for_seconds(foreground, given, 0.2)
    active = False
    given += foreground.look()
    (used,) = [one for one in given if isinstance(one, Front)]
    assert used.identity == FIRST
    assert foreground.wait_seconds() <= 1
    for_seconds(foreground, given, 0.2)
    assert len(given) == 1
    sway.close()
    with pytest.raises(DisplayUnavailable):
        for_seconds(foreground, given, 5)
    assert foreground.close() == []


@pytest.mark.more
def test_the_session_part_sees_apps_on_sway_and_stays_small(
    sway: Sway, service: Service, tmp_path: Path, until: Callable[..., Any]
) -> None:
    folder = tmp_path / "share" / "applications"
    folder.mkdir(parents=True)
    (folder / "org.example.First.desktop").write_text("[Desktop Entry]\nExec=true\nStartupWMClass=First\n")
    command = [sys.executable, "-c", RUN, "--data-dir", str(service.folder), "--notice-on-stdout"]
    environment = {**sway.environment, "XDG_DATA_DIRS": str(tmp_path / "share")}
    child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until(lambda: service.server.health().state == "working")
        sway.terminal("First")
        until(lambda: "First" in str(sway.tree()))
        time.sleep(0.3)
        sway.terminal("Second")
        until(lambda: FIRST in [one.identity for _, one in service.fronts])
        status = Path(f"/proc/{child.pid}/status").read_text().splitlines()
        assert next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) < 22 * 1024
    finally:
        child.terminate()
        assert child.wait(timeout=20) == 0
