"""The command `fairwatch-agent self-test`: says whether this version could take over this device, and changes nothing.

It loads every command, opens the device's identity and the rules in force as the service would, and opens a copy of the
spool. An agent runs it of a later version before it chooses that one.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from agent.config import DEFAULT_DATA_DIR
from agent.release.state import FOLDER
from agent.set_in_force import in_force

ALSO_LOADED = ("agent.release.fetch", "agent.session.link", "agent.sources.firefox", "agent.sources.chromium")
"""Modules that commands load only when they need them."""


COPY_TRIES = 5
COPY_PAUSE_SECONDS = 1.0


class Found(msgspec.Struct, frozen=True):
    """What `self-test --json` prints."""

    version: str
    well: bool
    problem: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `fairwatch-agent self-test` takes."""
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_DIR, help="where the agent keeps its files")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Test and say so; returns 0 when all is well, 1 when not."""
    from agent.core import agent_version

    logging.disable(logging.CRITICAL)
    problem = ""
    for what, step in steps(args.data_dir):
        try:
            step()
        except Exception as fault:  # noqa: BLE001 - whatever it is, this version must not take over
            problem = f"{what}: {type(fault).__name__}"
            break
    found = Found(agent_version(), not problem, problem)
    said = f"Version {found.version} is well." if found.well else f"Version {found.version} is not well: {problem}."
    sys.stdout.write((msgspec.json.encode(found).decode() if args.json else said) + "\n")
    return 0 if found.well else 1


def steps(data_dir: Path) -> list[tuple[str, Callable[[], None]]]:
    """Return what is tried, in order, each with what it is about."""
    return [
        ("its commands can't be loaded", _load_commands),
        ("agent.toml is not understood", lambda: _read_config(data_dir)),
        ("the identity can't be opened", lambda: _open_identity(data_dir)),
        ("the rules in force can't be opened", lambda: _open_rules(data_dir)),
        ("what waits to be sent can't be opened", lambda: _open_spool(data_dir)),
    ]


def _load_commands() -> None:
    from agent.__main__ import COMMANDS, EXTRAS

    for name, (module, _) in COMMANDS.items():
        if name not in EXTRAS:
            importlib.import_module(module)
    for module in ALSO_LOADED:
        importlib.import_module(module)


def _read_config(data_dir: Path) -> None:
    from agent import config

    config.read(data_dir)


def _open_identity(data_dir: Path) -> None:
    from agent import keys

    keys.load(data_dir)


def _open_rules(data_dir: Path) -> None:
    from agent import updates

    bundle, problem = updates.look(data_dir)
    if problem or (bundle is None and in_force(data_dir / updates.RULES_FOLDER).is_dir()):
        raise ValueError(problem)
    if bundle is not None:
        bundle.rules.classify("host", "example.com")
        bundle.rules.close()


def _open_spool(data_dir: Path) -> None:
    from agent import keys
    from agent.database import file_in, put_aside_files
    from agent.spool import Spool

    spool = data_dir / "spool" / file_in(data_dir).name
    if not spool.is_file():
        return
    identity = keys.load(data_dir)
    # Among the versions: what a power cut leaves there is removed before the next one is tried.
    (data_dir / FOLDER).mkdir(mode=0o755, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="self-test-", dir=data_dir / FOLDER))
    try:
        copy = scratch / spool.name
        if not _copied(spool, copy):
            return  # it was written to each time: a copy of it would prove nothing
        opened = Spool(copy, identity.spool_key, device=identity.device, clock=lambda: datetime.now(UTC))
        try:
            opened.level()
        finally:
            opened.close()
        if put_aside_files(copy):
            raise ValueError("the copy was put aside as damaged")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _copied(spool: Path, copy: Path) -> bool:
    """Copy the database and its log, which the service alone may open, in a moment in which it does not write."""

    def moments() -> list[tuple[int, int]]:
        found = (spool.with_name(spool.name + suffix) for suffix in ("", "-wal"))
        return [(one.stat().st_size, one.stat().st_mtime_ns) for one in found if one.is_file()]

    for _ in range(COPY_TRIES):
        before = moments()
        for suffix in ("", "-wal"):
            if (file := spool.with_name(spool.name + suffix)).is_file():
                shutil.copyfile(file, copy.with_name(copy.name + suffix))
        if moments() == before:
            return True
        time.sleep(COPY_PAUSE_SECONDS)
    return False
