"""Devices for tests of what runs on one: enrolled at a collector that is not there, or at one that serves rules."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from agent import keys, updates
from agent.http import Collector
from agent.spool import Spool


def enrolled(folder: Path, collector: str = "http://127.0.0.1:9", root: str = "0" * 64) -> Path:
    """A device that is enrolled at a collector (which is not there unless it is named)."""
    own = keys.make_keys(folder)
    identity = keys.Identity(
        device=uuid4(), group="learners", collector=collector, certificate="", root=root,
        root_version=1, minimum={}, enrolled_at=datetime.now(UTC), key=own.key, spool_key=own.spool_key,
    )  # fmt: skip
    keys.save(identity, folder)
    return folder


def with_rules(folder: Path, custodians, address: str) -> Path:
    """A device that is enrolled at that collector, and has fetched what its custodians signed."""
    anchor = (custodians.ceremony / "publication" / "metadata" / "1.root.json").read_bytes()
    root = hashlib.sha256(anchor).hexdigest()
    enrolled(folder, address, root)
    (folder / "rules").mkdir()
    (folder / "rules" / "anchor.json").write_bytes(anchor)
    asked = Collector(address)
    assert updates.check(folder, asked, root=root, minimum={}, now=datetime.now(UTC)).state == "new"
    asked.close()
    return folder


def until(look: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until it is so, a while at most."""
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


def damage(spool: Spool) -> None:
    """Overwrite the open spool's database, as a failing disk does: whoever asks it next finds out."""
    with spool.transaction():
        for _ in range(100):
            spool.put("trial", lambda _record, _counter: os.urandom(3000))
    with spool._lock, spool._path.open("r+b") as file:
        spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        pages = file.seek(0, os.SEEK_END) - 4096
        file.seek(4096)
        file.write(os.urandom(pages))
        file.flush()
        spool._db.execute("PRAGMA shrink_memory").fetchall()  # else it would answer from what it has read before
