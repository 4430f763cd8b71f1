"""Takes in a later version of the agent: signed, meant for this device by now, unpacked, tried, and only then chosen.

Killed at any point it leaves an agent that starts: everything is made beside what runs, and the last step is one file
that is written whole. A version whose files or self-test are wrong is never tried again; what was not to be had (no
answer, no room, no time for the self-test) is asked for again later, ever less often.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

from tuf.api import exceptions as tuf_errors

from agent.errors import AgentError, CollectorError, ReleaseRefused, ReleaseUntried
from agent.installed_files import MANIFEST
from agent.release import state as states
from agent.release.remembered import Memory, remember, remembered
from agent.release.unpack import unpack
from protocol.errors import NotTrusted
from protocol.publication import Trusted, target_file_name
from protocol.releases import Release, Ring, newest_for
from protocol.version_order import order

log = logging.getLogger(__name__)

SELF_TEST_SECONDS: Final = 180.0
"""It takes some seconds of a core; the service's share of one may be a fifth."""
SELF_TEST_TRIES: Final = 3
"""A busy laptop may cut a self-test short; one that is cut short so often in a row is the version's own fault."""
WAIT_MOST: Final = timedelta(days=1)
ROOM_TIMES: Final = 6
"""A version takes about four times its archive on the disk; the rest stays free for what the agent watches."""
_WAIT_FIRST: Final = timedelta(hours=1)


class Fetches(Protocol):
    """What is needed of `agent.http.Collector`."""

    def get(self, path: str, *, etag: str | None = None, max_bytes: int = ...) -> Fetched:
        """Fetch what is published. Raises CollectorError."""


class Fetched(Protocol):
    """What a GET brought."""

    @property
    def body(self) -> bytes:
        """The answer's body."""


def platform_name() -> str:
    """Return what this device is, as releases name it: `linux-x86_64`."""
    return f"{sys.platform}-{platform.machine()}".lower()


def take_in(
    data_dir: Path,
    trusted: Trusted,
    collector: Fetches,
    *,
    device: UUID,
    ring: Ring,
    running: str,
    now: datetime,
    test: Callable[[Path, Path], str] | None = None,
) -> str:
    """Take in the newest version that this device may have now; returns a sentence for the log, empty where none is.

    `running` is the version that runs this. `test(folder, data_dir)` returns why a version is not well, else "".
    Raises OSError only where not even that can be remembered.
    """
    state = states.read(data_dir)
    if not state.well and order(state.version) >= order(running):
        return ""  # one is on probation already, and no package came over it
    forget_others(data_dir, running)
    try:
        found = _wanted(trusted, state, device=device, ring=ring, running=running, now=now)
    except NotTrusted as fault:
        return str(fault)
    memory = remembered(data_dir)
    if found is None:
        if memory != Memory():
            remember(data_dir, Memory())
        return ""
    if memory.version == found.version and memory.not_before is not None and now < memory.not_before <= now + WAIT_MOST:
        return ""
    (data_dir / states.FOLDER).mkdir(mode=0o755, exist_ok=True)
    (data_dir / states.FOLDER).chmod(0o755)
    try:
        _bring(data_dir, found, collector, test if test is not None else self_test)
    except ReleaseRefused as fault:
        return _refuse(data_dir, found.version, str(fault))
    except (CollectorError, ReleaseUntried, OSError) as fault:
        why = _plainly(fault)
        tries = memory.tries + 1 if memory.version == found.version else 1
        if isinstance(fault, ReleaseUntried) and memory.problem == why and tries >= SELF_TEST_TRIES:
            return _refuse(data_dir, found.version, why)
        wait = min(WAIT_MOST, _WAIT_FIRST * 2 ** min(tries - 1, 5))
        remember(data_dir, Memory(found.version, tries, now + wait, why))
        return f"version {found.version} can't be taken in now: {why}"
    state = states.read(data_dir)
    fetched = state.version if order(state.version) > () and state.version == running else ""
    states.write(data_dir, states.chosen(state, found.version, fetched))
    remember(data_dir, Memory())
    return f"version {found.version} is chosen"


def self_test(folder: Path, data_dir: Path) -> str:
    """Let a laid out version test itself in a process of its own; returns why it is not well, else "".

    Raises ReleaseUntried where it did not come to its end.
    """
    command = [sys.executable, "-IS", str(folder / "start.py"), "self-test", "--data-dir", str(data_dir), "--json"]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=SELF_TEST_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise ReleaseUntried("its self-test did not end in time") from None
    if done.returncode < 0:
        raise ReleaseUntried("its self-test was ended from outside")
    if done.returncode != 0:
        return "its self-test failed"
    try:
        said = json.loads(done.stdout)
        version = said["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "its self-test said nothing that is understood"
    return "" if version == folder.name else "it calls itself another version than was signed"


def forget_others(data_dir: Path, running: str) -> None:
    """Remove what is neither chosen, nor the one to go back to, nor what runs, and what a cut-off self-test left."""
    state = states.read(data_dir)
    folder = data_dir / states.FOLDER
    kept = {state.version, state.before, running}
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _refuse(data_dir: Path, version: str, why: str) -> str:
    states.write(data_dir, states.refused(states.read(data_dir), version, why))
    remember(data_dir, Memory())
    return f"version {version} was refused: {why}"


def _wanted(
    trusted: Trusted, state: states.State, *, device: UUID, ring: Ring, running: str, now: datetime
) -> Release | None:
    targets = trusted.delegated["releases"].targets.values()
    above = max(running, state.version, key=order)
    return newest_for(targets, platform=platform_name(), device=device, ring=ring, now=now, above=above, but=state.bad)


def _bring(data_dir: Path, found: Release, collector: Fetches, test: Callable[[Path, Path], str]) -> None:
    """Fetch, unpack and try a version in a folder of its own; it is the caller's to choose it."""
    folder = data_dir / states.FOLDER
    unfinished, finished = folder / "unfinished", folder / found.version
    for former in (unfinished, finished):
        if former.exists():
            shutil.rmtree(former)
    if shutil.disk_usage(folder).free < ROOM_TIMES * found.target.length:
        raise OSError("no room")
    path = target_file_name(found.target.path, found.target.hashes["sha256"])
    data = collector.get(f"/publication/targets/{path}", max_bytes=found.target.length).body
    try:
        found.target.verify_length_and_hashes(data)
    except tuf_errors.RepositoryError as fault:
        raise _NotSigned from fault
    try:
        unpack(data, unfinished)
        del data  # the self-test needs the room
        if not (unfinished / "start.py").is_file() or not (unfinished / MANIFEST).is_file():
            raise ReleaseRefused("its archive is not a version of the agent")
        unfinished.rename(finished)
        os.sync()  # what the test reads from memory must be what is on the disk after a power cut
        why = test(finished, data_dir)
        if why:
            raise ReleaseRefused(why)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(finished, ignore_errors=True)
        raise


class _NotSigned(CollectorError):
    """What came is not what was signed: the collector's or the network's fault, not the version's."""

    def __str__(self) -> str:
        return "what the collector sent is not what was signed"


def _plainly(fault: Exception) -> str:
    if isinstance(fault, AgentError):
        return str(fault) if isinstance(fault, (_NotSigned, ReleaseUntried)) else "the collector did not answer with it"
    return (
        "there is too little room on the disk"
        if str(fault) == "no room"
        else f"the disk fails ({type(fault).__name__})"
    )
