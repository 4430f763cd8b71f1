"""Runs a measurement on each of the two databases, in a process of its own: Django's settings are read once."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from server.children import free_port
from tests.bench.table import Row

ROOT = Path(__file__).parents[2]


def on_each(module: str, *, longest_seconds: float) -> list[Row]:
    """Run a module with a folder for its collector, on SQLite and on PostgreSQL, and return the rows that it prints.

    PostgreSQL is left out where it is not installed.
    """
    rows = []
    with tempfile.TemporaryDirectory(prefix="fairwatch-bench-") as name:
        rows += _in_a_process(module, Path(name) / "sqlite", {}, longest_seconds)
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if programs:
            with _postgres(programs[-1], Path(name)) as address:
                rows += _in_a_process(module, Path(name) / "postgres", {"FAIRWATCH_DATABASE": address}, longest_seconds)
    return [Row(*row) for row in rows]


def _in_a_process(module: str, folder: Path, environment: dict[str, str], longest_seconds: float) -> list[list[Any]]:
    command = [sys.executable, "-m", module, str(folder)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        timeout=longest_seconds,
        check=True,
    )
    rows: list[list[Any]] = json.loads(done.stdout.splitlines()[-1])
    return rows


@contextmanager
def _postgres(programs: Path, folder: Path) -> Iterator[str]:
    """Start a PostgreSQL of our own, as it is set up out of the box but for its port."""
    data, port = folder / "pg", free_port()
    other: dict[str, Any] = {}
    if os.geteuid() == 0:
        folder.chmod(0o755)
        data.mkdir()
        os.chown(data, pwd.getpwnam("nobody").pw_uid, -1)
        other = {"user": "nobody", "extra_groups": []}

    def call(program: str, *arguments: str) -> None:
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
        command = [str(programs / program), *arguments]
        quiet = subprocess.DEVNULL
        subprocess.run(command, check=True, cwd="/", env=environment, stdout=quiet, stderr=quiet, **other)

    call("initdb", "-D", str(data / "db"), "-U", "fairwatch", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories='' -p {port}"
    call("pg_ctl", "-D", str(data / "db"), "-l", str(data / "log"), "-o", options, "-w", "start")
    try:
        call("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "fairwatch", "collector")
        yield f"postgresql://fairwatch@127.0.0.1:{port}/collector"
    finally:
        call("pg_ctl", "-D", str(data / "db"), "-m", "immediate", "-w", "stop")
