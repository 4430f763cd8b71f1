"""`fairwatch-server backup`: put the database, the keys, the rules and the settings into one file, while it all runs.

A backup opens no evidence, but holds the keys of sessions and of the collector: keep it as the collector is kept. Those
in the collector's own folder are deleted on time; whoever copies them elsewhere deletes them there.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from server.errors import SetUpError
from server.files import make_private_folder
from server.start import require

FOLDER = "backups"
FORMAT = 1
MANIFEST = "manifest.json"
PARTS = ("keys", "rules", "files", "collector.toml", "deletions.jsonl", "holds.json")
"""What is in a backup beside the database. Logs and mails are not: they say nothing that a restored collector needs."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup holds: of which kind of database and tables, and the SHA-256 of each file."""

    format: int
    made_at: datetime
    engine: str
    tables: str
    files: dict[str, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `backup` takes."""
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="a new file (default: in DATA_DIR/backups)")


def run(args: argparse.Namespace) -> int:
    """Make one and say where it is."""
    require(args.data_dir)
    made = make(args.data_dir, datetime.now(UTC), args.output)
    print(f"{made}: keep it as the collector is kept. Put it back with: fairwatch-server restore {made}")  # noqa: T201
    return 0


def make(data_dir: Path, now: datetime, target: Path | None = None) -> Path:
    """Write a backup and return where it is; whole or not at all. Raises SetUpError, OSError."""
    from server import audit

    folder = data_dir / FOLDER
    make_private_folder(folder)
    target = target or folder / f"fairwatch-{now:%Y-%m-%dT%H%M%SZ}.tar.gz"
    if target.exists():
        raise SetUpError(f"{target} is there already")
    audit.write("command", "backup_made", "backup", now=now)
    with _room(target.parent) as room:
        manifest = _collect(data_dir, room, now)
        (room / MANIFEST).write_bytes(msgspec.json.encode(manifest))
        packed = room / "packed"
        with tarfile.open(packed, "w:gz", compresslevel=1) as archive:
            for name in (MANIFEST, *manifest.files):
                archive.add(room / name, name, recursive=False)
        packed.chmod(0o600)
        with packed.open("rb") as file:
            os.fsync(file.fileno())
        packed.rename(target)
    return target


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def newest_migration() -> str:
    """Return the name of the last change of tables that the database has."""
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    return max((name for app, name in MigrationRecorder(connection).applied_migrations() if app == "store"), default="")


@contextmanager
def _room(beside: Path) -> Iterator[Path]:
    """A folder that nobody else may enter, on the same disk, gone afterwards."""
    room = Path(tempfile.mkdtemp(prefix=".backup-", dir=beside))
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _collect(data_dir: Path, room: Path, now: datetime) -> Manifest:
    from django.db import connection

    from server import dumping

    for part in PARTS:
        source = data_dir / part
        if source.is_dir():
            shutil.copytree(source, room / part)  # a link becomes the file that it points to
        elif source.is_file():
            shutil.copy2(source, room / part)
    dumping.dump(room / dumping.NAMES[connection.vendor])
    paths = sorted(path for path in room.rglob("*") if path.is_file())
    files = {str(path.relative_to(room)): sha256_of(path) for path in paths}
    return Manifest(FORMAT, now, connection.vendor, newest_migration(), files)
