"""`fairwatch-server backup`: put the database, the keys, the rules and the settings into one file, while it all runs.

A backup opens no evidence, but holds the keys of sessions and of the collector. With a key in `[backup]` it is sealed,
and opens nothing without that key's private half, which IT keeps elsewhere; else keep it as the collector is kept.
Those in the collector's own folder are deleted on time; whoever copies them elsewhere deletes them there.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from server.backup_settings import BackupSettings
from server.errors import SetUpError
from server.files import make_private_folder
from server.start import require

FOLDER = "backups"
ENDING, SEALED_ENDING = ".tar.gz", ".tar.gz.sealed"
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


@dataclass(frozen=True)
class Sealing:
    """To which key a backup is sealed, in which folder (None: the collector's own), and when to give it up."""

    key: str
    folder: Path | None = None
    stopped: Callable[[], bool] = lambda: False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `backup` takes."""
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="a new file (default: in DATA_DIR/backups)")


def run(args: argparse.Namespace) -> int:
    """Make one and say where it is."""
    require(args.data_dir)
    made = make(args.data_dir, datetime.now(UTC), args.output, sealing=sealing())
    if made.name.endswith(SEALED_ENDING) or sealing() is not None:
        print(f"{made}: sealed. Put it back with: fairwatch-server restore {made} --key YOUR_BACKUP_KEY.pem")  # noqa: T201
        return 0
    print(f"{made}: keep it as the collector is kept. Put it back with: fairwatch-server restore {made}")  # noqa: T201
    return 0


def sealing() -> Sealing | None:
    """Return what collector.toml says of sealing, for a backup into the collector's own folder."""
    from django.conf import settings

    chosen: BackupSettings = settings.CONFIG.backup
    return Sealing(chosen.key) if chosen.key else None


def folder_of(data_dir: Path, chosen: BackupSettings) -> Path:
    """Return the folder that nightly backups go to."""
    return Path(chosen.to) if chosen.to else data_dir / FOLDER


def make(data_dir: Path, now: datetime, target: Path | None = None, *, sealing: Sealing | None = None) -> Path:
    """Write a backup and return where it is; whole or not at all, and on the record either way.

    Raises SetUpError, OSError. What is not sealed never leaves the disk of `target` or of the collector's own folder.
    """
    from server import audit

    own = data_dir / FOLDER
    make_private_folder(own)
    ending = ENDING if sealing is None else SEALED_ENDING
    folder = own if sealing is None or sealing.folder is None else sealing.folder
    target = target or folder / f"fairwatch-{now:%Y-%m-%dT%H%M%SZ}{ending}"
    if target.exists():
        raise SetUpError(f"{target} is there already")
    audit.write("command", "backup_made", "backup", now=now)
    try:
        if sealing is not None and not target.parent.is_dir():
            # Never made here: in the place of a mount that is away it would fill this disk and pass for a copy.
            raise SetUpError(f"{target.parent} is not there: mount it, or make the folder on it")
        with _room(own if sealing is not None else target.parent) as room:
            _write(data_dir, room, target, now, sealing)
    except BaseException as fault:
        audit.write("command", "backup_failed", type(fault).__name__)
        raise
    return target


def _write(data_dir: Path, room: Path, target: Path, now: datetime, sealing: Sealing | None) -> None:
    manifest = _collect(data_dir, room, now)
    (room / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    unfinished = target.with_name(f".{target.name}")
    try:
        unfinished.unlink(missing_ok=True)  # what a power cut left of one to the same place
        # From the first byte on for this account alone, and never over what is there.
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            with (
                _outlet(file, sealing) as outlet,
                gzip.GzipFile("", "wb", compresslevel=1, fileobj=outlet) as packed,
                tarfile.open(fileobj=packed, mode="w|") as archive,
            ):
                for name in (MANIFEST, *manifest.files):
                    archive.add(room / name, name, recursive=False)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _outlet(file: BinaryIO, sealing: Sealing | None) -> Iterator[BinaryIO]:
    if sealing is None:
        yield file
        return
    from protocol import backup_sealing

    sealer = backup_sealing.Sealer(_Stoppable(file, sealing.stopped), backup_sealing.from_text(sealing.key))
    yield sealer  # type: ignore[misc]  # an archive that is streamed only writes
    sealer.close()


@dataclass(frozen=True)
class _Stoppable:
    """A file that refuses to go on once the collector is to end."""

    file: BinaryIO
    stopped: Callable[[], bool]

    def write(self, data: bytes, /) -> int:
        if self.stopped():
            raise SetUpError("the collector was told to end; the backup is made at the next start")
        return self.file.write(data)


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
