"""The command `service`: the agent as Windows' service, begun and ended by the service control manager.

Heavy modules are loaded once that has heard from it: at a start of the machine it waits for half a minute and no more.
What is logged goes into the event log.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from agent.places import DATA_DIR
from agent.windows.event_log import EventLog
from agent.windows.scm import WindowsService

DEFAULT_DATA_DIR: Final = DATA_DIR
_UNUSABLE: Final = 2

log = logging.getLogger(__name__)


class Runs(Protocol):
    """The agent's service, made but not begun."""

    begins_anew: bool

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End in order."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `fairwatch-agent service`, which Windows calls and people need not."""
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_DIR, help="where the agent keeps what it has")


def run(args: argparse.Namespace) -> int:
    """Run until Windows says stop; 0 then, 2 where this was not started as a service or its files can't be used.

    75 where it uses too much and ends by itself: Windows is asked to start it again after any status but 0.
    """
    root = logging.getLogger()
    handlers = list[logging.Handler]()
    with contextlib.suppress(OSError):  # a Windows that keeps no events is watched all the same
        handlers.append(EventLog())
        root.addHandler(handlers[0])
        root.setLevel(logging.INFO)
    try:
        status = WindowsService(lambda ended, begun: watch(args.data_dir, ended, begun)).run()
    except OSError as fault:
        print(f"fairwatch-agent service: {fault}", file=sys.stderr)  # noqa: T201 - the one line that says why not
        return _UNUSABLE
    finally:
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
    if status is None:
        print(  # noqa: T201 - the one line that says what to do
            "fairwatch-agent service: Windows starts this by itself; by hand it is: fairwatch-agent run",
            file=sys.stderr,
        )
        return _UNUSABLE
    return status


def watch(
    data_dir: Path,
    ended: threading.Event,
    begun: Callable[[], None],
    make: Callable[[Path, Callable[[], None]], Runs] | None = None,
) -> int:
    """Wait until this device is enrolled, then watch until `ended` is set; gives the exit status.

    `make(data_dir, end)` makes the agent's service, which may call `end` to end itself.
    """
    from agent.errors import AgentError
    from agent.watchdog import BEGIN_ANEW_STATUS
    from agent.windows import enrolment

    make = make or _made
    begun()
    if not enrolment.wait(data_dir, ended):
        return 0
    try:
        service = make(data_dir, ended.set)
    except (AgentError, OSError) as fault:
        log.error("service.not_started kind=%s", type(fault).__name__)  # noqa: TRY400 - no traceback: it could hold data
        return _UNUSABLE
    service.start()
    try:
        ended.wait()
    finally:
        service.stop()
    return BEGIN_ANEW_STATUS if service.begins_anew else 0


def _made(data_dir: Path, end: Callable[[], None]) -> Runs:
    from agent import config
    from agent.service import Service, quieten

    quieten()
    return Service(data_dir, config.read(data_dir), end=end)
