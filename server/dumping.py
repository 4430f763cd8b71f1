"""Copies the whole database into a file, and back: SQLite by itself, PostgreSQL by its own tools."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from django.conf import settings
from django.db import connection

from server.errors import SetUpError
from server.files import sync

NAMES = {"sqlite": "collector.sqlite3", "postgresql": "collector.pgdump"}
"""What the copy is called in a backup, by the kind of database."""

SECONDS_MAX = 3600
"""A gigabyte takes a minute; a tool that hangs must not keep a nightly backup hanging."""

_PROGRAMS = Path("/usr/lib/postgresql")


def dump(target: Path) -> None:
    """Write a copy as of one moment, while others go on writing; raises SetUpError, OSError."""
    if connection.vendor == "sqlite":
        # Not file by file: what is still in the write-ahead log would be missing. It leaves out deleted pages, too.
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(target)])
    else:
        _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")
    target.chmod(0o600)


def load(source: Path) -> None:
    """Put a copy in the place of the database, whole or not at all; raises SetUpError. Nobody else may use it."""
    if connection.vendor == "sqlite":
        _load_sqlite(source, Path(str(connection.settings_dict["NAME"])))
        return
    connection.close()
    _run(
        "pg_restore", "--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction",
        "--exit-on-error", f"--dbname={connection.settings_dict['NAME']}", str(source),
    )  # fmt: skip


def read_through(source: Path) -> None:
    """Read a PostgreSQL copy from end to end, putting it nowhere; raises SetUpError when it can't be."""
    _run("pg_restore", f"--file={os.devnull}", str(source))


def _load_sqlite(source: Path, target: Path) -> None:
    try:
        copy = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
        sound = copy.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        copy.close()
    except sqlite3.DatabaseError:
        sound = False
    if not sound:
        raise SetUpError("the database in this backup is damaged; nothing was changed")
    connection.close()
    fresh = target.with_name(f".{target.name}.restoring")
    shutil.copyfile(source, fresh)
    fresh.chmod(0o600)
    sync(fresh)
    # The old log first: applied to another database it would damage it.
    for ending in ("-wal", "-shm"):
        target.with_name(target.name + ending).unlink(missing_ok=True)
    fresh.replace(target)


def _run(program: str, *arguments: str) -> None:
    found = shutil.which(program) or next((str(path) for path in sorted(_PROGRAMS.glob(f"*/bin/{program}"))[-1:]), None)
    if found is None:
        raise SetUpError(f"{program} is not here; install your system's postgresql-client")
    database = settings.DATABASES["default"] if not connection.settings_dict["NAME"] else connection.settings_dict
    given = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    # By the environment: a command line can be read by everybody on the machine, and holds no password therefore.
    secrets = {name: str(database[key]) for name, key in given.items() if database.get(key)}
    try:
        done = subprocess.run(
            [found, *arguments], env={**os.environ, **secrets}, capture_output=True, text=True, timeout=SECONDS_MAX,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise SetUpError(f"{program} did not end within an hour") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise SetUpError(f"{program} failed: {last}")
