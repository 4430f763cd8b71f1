"""Make a sealed backup each night, and take away those that are more than are kept."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from server import audit, backup, files
from server.backup_settings import BackupSettings
from server.schedule import TimedJob

BESIDE = ("deletions.jsonl", "holds.json")
"""Lie in clear beside the backups, newest state: a restore after a loss deletes again by them, and they name nobody."""


def timed_jobs(chosen: BackupSettings, data_dir: Path, stopping: threading.Event) -> tuple[TimedJob, ...]:
    """Return the job where `[backup]` has a key; it ends early once `stopping` is set."""
    if not chosen.nightly:
        return ()
    return (TimedJob("backup", timedelta(days=1), partial(make, chosen, data_dir, stopping)),)


def make(chosen: BackupSettings, data_dir: Path, stopping: threading.Event, now: datetime) -> None:
    """Make tonight's and prune; what goes wrong is on the audit log. Raises SetUpError, OSError."""
    backup.make(
        data_dir, now, sealing=backup.Sealing(chosen.key, Path(chosen.to) if chosen.to else None, stopping.is_set)
    )
    if chosen.to:
        for name in BESIDE:
            if (data_dir / name).is_file():
                files.save(Path(chosen.to) / name, (data_dir / name).read_bytes())
    prune(backup.folder_of(data_dir, chosen), chosen.keep, now)


def prune(folder: Path, keep: int, now: datetime) -> int:
    """Delete the oldest sealed backups beyond `keep`, and halves that a killed one left; return how many."""
    there = sorted(folder.glob(f"fairwatch-*{backup.SEALED_ENDING}"))  # their names are their times
    over = there[:-keep]
    for path in (*over, *folder.glob(f".fairwatch-*{backup.SEALED_ENDING}")):
        path.unlink(missing_ok=True)
    if over:
        audit.write("job:backup", "deleted_on_time", f"backups={len(over)}", now=now)
    return len(over)
