"""`fairwatch-server rehearse`: open the newest backup beside, see that it would carry a collector, and put it away.

Nothing in use is touched. Of PostgreSQL, the copy is read from end to end by its own tool; only SQLite's is opened.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from protocol.audit import START, AuditLine, Head, follow, time_text
from protocol.backup_sealing import BackupKey
from server.backup import ENDING, FOLDER, SEALED_ENDING, folder_of
from server.errors import SetUpError
from server.files import make_private_folder
from server.restore import unlocked, unpack
from server.start import require

ENDINGS = (ENDING, SEALED_ENDING)


@dataclass(frozen=True)
class Rehearsed:
    """What a backup held: when it was made, its audit lines and records (None where it could not be counted)."""

    backup: Path
    made_at: datetime
    lines: int | None
    devices: int | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `rehearse` takes."""
    parser.add_argument("backup", nargs="?", type=Path, metavar="FILE", help="default: the newest")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the backup key of a sealed backup")
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE", help="its passphrase, instead of the keyboard")


def run(args: argparse.Namespace) -> int:
    """Rehearse and say what was found."""
    require(args.data_dir)
    chosen = args.backup or newest(args.data_dir)
    done = rehearse(args.data_dir, chosen, datetime.now(UTC), unlocked(args.key, args.passphrase_file))
    found = (
        f"its database is whole, the audit chain holds, {done.devices} devices are in it"
        if done.lines is not None
        else "its copy of the database can be read to the end (what is in it was not looked at)"
    )
    print(f"{done.backup.name} of {done.made_at:%Y-%m-%d %H:%M} UTC: {found}.")  # noqa: T201
    return 0


def rehearse(data_dir: Path, backup: Path | None, now: datetime, key: BackupKey | None = None) -> Rehearsed:
    """Open a backup in a folder of its own and note in the audit log that it was done.

    Raises SetUpError, OSError, and OpenError where it is sealed to another key.
    """
    from server import audit, dumping

    chosen = backup or newest(data_dir)
    if not chosen.is_file():
        raise SetUpError(f"{chosen}: there is no such file")
    make_private_folder(data_dir / FOLDER)
    room = Path(tempfile.mkdtemp(prefix=".rehearse-", dir=data_dir / FOLDER))
    try:
        manifest = unpack(chosen, room, key)
        if manifest.engine not in dumping.NAMES:
            raise SetUpError(f"{chosen} is of a kind of database that is not known: {manifest.engine}")
        copy, lines, devices = room / dumping.NAMES[manifest.engine], None, None
        if manifest.engine == "sqlite":
            lines, devices = _look_into(copy)
        else:
            dumping.read_through(copy)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    audit.write("command", "backup_rehearsed", f"of {manifest.made_at:%Y-%m-%dT%H:%M:%SZ}", now=now)
    return Rehearsed(chosen, manifest.made_at, lines, devices)


def newest(data_dir: Path) -> Path:
    """Return the newest backup, in the collector's own folder or in that of `[backup]`; raises SetUpError for none."""
    from django.conf import settings

    folders = {data_dir / FOLDER, folder_of(data_dir, settings.CONFIG.backup)}
    there = [path for folder in folders for path in folder.glob("fairwatch-*") if path.name.endswith(ENDINGS)]
    if not there:
        raise SetUpError("there is no backup yet; make one with: fairwatch-server backup")
    return max(there, key=lambda path: path.name)  # their names are their times


def _look_into(copy: Path) -> tuple[int, int]:
    try:
        connection = sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)
        try:
            if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                raise SetUpError("the database in this backup is damaged")
            return _follow_chain(connection), connection.execute("SELECT count(*) FROM store_device").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.DatabaseError as fault:
        raise SetUpError(f"the database in this backup can't be opened ({type(fault).__name__})") from None


def _follow_chain(connection: sqlite3.Connection) -> int:
    """Check the audit chain of a copy and return how many lines it has; raises SetUpError where it breaks."""
    last = START
    rows = connection.execute(
        "SELECT seq, at, actor, action, subject, detail_hash, previous, hash FROM store_auditentry ORDER BY seq"
    )
    for seq, at, actor, action, subject, digest, previous, own in rows:
        line = AuditLine(
            seq=seq, at=time_text(datetime.fromisoformat(at).replace(tzinfo=UTC)), actor=actor, action=action,
            subject=subject, detail_hash=digest, previous=previous, hash=own, salt="", detail="",
        )  # fmt: skip
        wrong = follow(line, last)
        if wrong is not None:
            raise SetUpError(f"the audit log in this backup is broken: {wrong.reason}")
        last = Head(seq, own)
    return last.seq
