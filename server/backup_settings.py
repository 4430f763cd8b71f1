"""What `[backup]` in collector.toml may say: whose key seals backups, where they go each night, and how many stay."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEEP_MAX = 90
"""What is deleted lives on in backups, so none is promised for longer than the longest period for them."""


@dataclass(frozen=True)
class BackupSettings:
    """Without a `key` no backup is made by itself. `to` is a folder that is there; empty: the collector's own."""

    key: str = ""
    to: str = ""
    keep: int = 14

    @property
    def nightly(self) -> bool:
        """Whether a sealed backup is made each night."""
        return bool(self.key)


def backup_settings(values: dict[str, Any]) -> BackupSettings:
    """Return the settings; raises ValueError where a folder is named and nobody to seal to."""
    made = BackupSettings(**values)
    if made.to and not made.key:
        raise ValueError(
            "[backup] needs a key to seal to: make one off the collector with «fairwatch-custody backup-key»"
        )
    return made


def _is_key(value: object) -> bool:
    from protocol import backup_sealing
    from protocol.errors import UnlockError

    try:
        return isinstance(value, str) and bool(backup_sealing.from_text(value))
    except UnlockError:
        return False


def _is_keep(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 2 <= value <= KEEP_MAX


KEYS = {
    "key": (_is_key, "72 hex digits, as «fairwatch-custody backup-key» prints them"),
    "to": (lambda value: isinstance(value, str) and Path(value).is_absolute(), 'a folder, like "/mnt/backups/fw"'),
    "keep": (_is_keep, f"a whole number of nights from 2 to {KEEP_MAX}"),
}
"""Key by key: whether a value is right, and what would be."""
