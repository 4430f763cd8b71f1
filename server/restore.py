"""`fairwatch-server restore`: put a backup back, and then delete again what was deleted since it was made.

The database is replaced. Keys, rules and settings that this folder has stay as they are, since devices refuse rules
older than those they saw; what it lacks comes from the backup, so that an empty folder becomes the whole collector.
"""

from __future__ import annotations

import argparse
import getpass
import gzip
import shutil
import socket
import tarfile
import tempfile
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from protocol import backup_sealing
from protocol.backup_sealing import BackupKey
from server import config
from server.backup import FORMAT, MANIFEST, PARTS, Manifest, make, newest_migration, sealing, sha256_of
from server.errors import CollectorError, SetUpError
from server.files import is_empty, make_private_folder, sync
from server.initialise import FOLDERS
from server.start import is_made, set_up

if TYPE_CHECKING:
    from server.deletion_log import Line
    from server.holds import Held

NAMES_MAX = 100_000
"""Files in a backup: each list that was ever fetched is a few."""

READ_BYTES = 1 << 20
_NO_BACKUP = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, msgspec.MsgspecError, FileNotFoundError)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `restore` takes."""
    parser.add_argument("backup", type=Path, metavar="FILE", help="what `backup` wrote")
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="the backup key of a sealed backup, as `fairwatch-custody` made it"
    )
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE", help="its passphrase, instead of the keyboard")
    parser.add_argument(
        "--deletions", action="append", default=[], type=Path, metavar="FILE",
        help="a deletions.jsonl of the lost collector, to delete again what is in it; can be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--holds", action="append", default=[], type=Path, metavar="FILE",
        help="a holds.json of the lost collector, to keep on hold what is in it; can be given several times",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Put it back and say what was deleted again."""
    now = datetime.now(UTC)
    _that_is_there(args.backup)
    make_private_folder(args.data_dir)
    room = Path(tempfile.mkdtemp(prefix=".restore-", dir=args.data_dir))
    try:
        manifest = unpack(args.backup, room, unlocked(args.key, args.passphrase_file))
        counts = put_back(args.data_dir, room, manifest, args.deletions, now, holds=args.holds)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    again = sum(counts.values())
    print(f"Put back the state of {manifest.made_at:%Y-%m-%d %H:%M} UTC; {again} records were deleted again.")  # noqa: T201
    print("Accounts and devices are as they were then: close and withdraw again whoever and whatever left since.")  # noqa: T201
    print("Browsers will warn that the audit log is another one: tell people that a backup was put back.")  # noqa: T201
    return 0


def unlocked(key_file: Path | None, passphrase_file: Path | None) -> BackupKey | None:
    """Return the backup key in a file, with its passphrase from a file or typed. Raises SetUpError, UnlockError."""
    if key_file is None:
        return None
    pem = _that_is_there(key_file).read_bytes()
    if passphrase_file is not None:
        words = _that_is_there(passphrase_file).read_text("utf-8", errors="replace")
    else:
        try:
            words = getpass.getpass(f"Passphrase of {key_file.name}: ")
        except EOFError:
            raise SetUpError(f"nobody typed the passphrase of {key_file}; give it with --passphrase-file") from None
    return backup_sealing.unlock(pem, words)


def unpack(backup: Path, room: Path, key: BackupKey | None = None) -> Manifest:
    """Unpack a backup, sealed or not, and check every file.

    Raises SetUpError for one that is damaged, sealed with no key given, or no backup; OpenError for another key's.
    """
    try:
        with (
            backup.open("rb") as file,
            gzip.GzipFile(fileobj=_inlet(backup, file, key), mode="rb") as whole,
            tarfile.open(fileobj=whole, mode="r|") as archive,
        ):
            for number, member in enumerate(archive):
                if number > NAMES_MAX or not (member.isfile() or member.isdir()):
                    raise SetUpError(f"{backup} is no backup of a collector")
                archive.extract(member, room, filter="data")
            while whole.read(READ_BYTES):
                pass  # to the end, where the sums are
        manifest = msgspec.json.decode((room / MANIFEST).read_bytes(), type=Manifest)
    except _NO_BACKUP as fault:
        raise SetUpError(f"{backup} is no backup of a collector, or is damaged ({type(fault).__name__})") from None
    if manifest.format != FORMAT:
        raise SetUpError(f"{backup} is of format {manifest.format}; this version reads {FORMAT}")
    there = {str(path.relative_to(room)) for path in room.rglob("*") if path.is_file()} - {MANIFEST}
    if there != set(manifest.files) or any(sha256_of(room / name) != sha for name, sha in manifest.files.items()):
        raise SetUpError(f"{backup} is damaged: its files are not those that it names; nothing was changed")
    return manifest


def _inlet(backup: Path, file: BinaryIO, key: BackupKey | None) -> BinaryIO:
    sealed = backup_sealing.is_sealed(file.read(len(backup_sealing.MAGIC)))
    file.seek(0)
    if not sealed:
        return file
    if key is None:
        raise SetUpError(f"{backup} is sealed: give the key that was made for backups with --key FILE")
    return backup_sealing.Opener(file, key)  # type: ignore[return-value]  # what is unpacked is only read


def put_back(
    data_dir: Path,
    room: Path,
    manifest: Manifest,
    deletions: Iterable[Path],
    now: datetime,
    *,
    holds: Iterable[Path] = (),
) -> dict[str, int]:
    """Replace the database, add what is missing, and delete again; return how many of each kind. Raises SetUpError."""
    _check_keys(data_dir, room)
    config_file = data_dir if (data_dir / config.FILE_NAME).exists() else room
    _check_stopped(config.load(config_file).listen)
    for folder in FOLDERS:
        make_private_folder(data_dir / folder)
    for part in PARTS:
        _add_missing(room / part, data_dir / part)
    set_up(data_dir)
    from django.contrib.sessions.models import Session

    from server import audit, deletion_log, dumping
    from server import holds as on_hold

    _check_engine(manifest)
    lines = [line for path in deletions for line in deletion_log.in_file(_that_is_there(path))]
    lines += deletion_log.in_file(data_dir / deletion_log.FILE_NAME)
    held = [one for path in holds for one in on_hold.in_file(_that_is_there(path))]
    held += on_hold.in_file(data_dir / on_hold.FILE_NAME)
    lines_there, held_there = _save_what_is_there(data_dir, now)
    lines, held = lines + lines_there, held + held_there
    dumping.load(room / dumping.NAMES[manifest.engine])
    _migrate()
    # Whoever was signed in then must not be signed in now.
    Session.objects.all().delete()
    lines += deletion_log.in_database()
    deletion_log.take_in(lines)
    # Before anything is deleted: what was put on hold since must not go.
    on_hold.take_in(held, now)
    audit.write("command", "backup_restored", f"of {manifest.made_at:%Y-%m-%dT%H:%M:%SZ}", now=now)
    return delete_again(lines, now)


def delete_again(lines: Iterable[Line], now: datetime) -> dict[str, int]:
    """Delete of each kind what was over by the latest run there was, then what is over now; return how many of each."""
    from server import erasure, retention
    from server.retention_kinds import by_id

    lines = list(lines)
    erasure.erase_again((line.person for line in lines if line.person is not None), now)
    latest: dict[str, datetime] = {}
    for line in lines:
        if line.person is not None:
            continue
        latest[line.kind] = max(line.before, latest.get(line.kind, line.before))
    counts: dict[str, int] = {}
    for kind, before in latest.items():
        if kind not in retention.FILES:
            counts[kind] = retention.delete_kind(by_id(kind), min(before, now), now)
    for kind, count in retention.delete_what_is_over(now).items():
        counts[kind] = counts.get(kind, 0) + count
    retention.erase(now)
    return counts


def _check_keys(data_dir: Path, room: Path) -> None:
    own, theirs = data_dir / "keys" / "django", room / "keys" / "django"
    if is_made(data_dir) and (not theirs.exists() or own.read_bytes() != theirs.read_bytes()):
        raise SetUpError(
            f"{data_dir} is another collector than the one in the backup; restore into a folder that is empty"
        )


def _check_engine(manifest: Manifest) -> None:
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    if manifest.engine != connection.vendor:
        raise SetUpError(
            f"the backup is of {manifest.engine}, and collector.toml says {connection.vendor}; set [database] first"
        )
    if ("store", manifest.tables) not in MigrationLoader(None).disk_migrations:
        raise SetUpError(f"the backup is of a newer version of Fairwatch ({manifest.tables}); install that one first")


def _check_stopped(listen: str) -> None:
    host, _, port = listen.rpartition(":")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(2)
        if probe.connect_ex((host.strip("[]").replace("0.0.0.0", "127.0.0.1"), int(port))) == 0:  # noqa: S104
            raise SetUpError(f"something answers at {listen}: stop the collector first, on every machine that runs it")


def _that_is_there(path: Path) -> Path:
    if not path.is_file():
        raise SetUpError(f"{path}: there is no such file")
    return path


def _add_missing(source: Path, target: Path) -> None:
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.is_file():
                _add_missing(path, target / path.relative_to(source))
    elif source.is_file() and (not target.exists() or is_empty(target)):
        make_private_folder(target.parent)
        part = target.with_name(f".{target.name}.restoring")  # never half of a key: the next restore would keep that
        shutil.copy2(source, part)
        sync(part)
        part.replace(target)


def _save_what_is_there(data_dir: Path, now: datetime) -> tuple[list[Line], list[Held]]:
    """Back up the state that is about to be replaced, if it can be read; return what it deleted, and has on hold."""
    from django.db import DatabaseError

    from server import deletion_log, holds

    try:
        lines, held = deletion_log.in_database(), holds.carried()
        if newest_migration():
            make(data_dir, now, sealing=sealing())
    except (DatabaseError, CollectorError):
        return [], []
    return lines, held


def _migrate() -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
