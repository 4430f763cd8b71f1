"""Signed versions of the agent: their file names, and from when on each device may take one by itself.

A version reaches a share of the devices at once and all of them some days later. Which devices are first follows from
the device's id and the version, so that nobody chooses them and no device is always among the first. A device takes
only files that are named so; what else custodians sign in `releases/` is for IT's own tools.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from tuf.api.metadata import TargetFile

from protocol.errors import NotTrusted
from protocol.limits import RELEASE_DAYS_MAX, RELEASE_MAX_BYTES
from protocol.version_order import order

Ring = Literal["first", "staged", "last"]
"""When this device takes a version: among the first, by its place, or only when all do."""

_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

_NAME: Final = re.compile(
    r"releases/fairwatch-agent_(\d{1,6}(?:\.\d{1,6}){1,3})_([a-z0-9]{1,16}-[a-z0-9_]{1,16})\.tar\.gz", re.ASCII
)


@dataclass(frozen=True)
class Release:
    """One signed version for one platform (`linux-x86_64`). `since` is when it was signed (aware UTC)."""

    version: str
    platform: str
    target: TargetFile
    since: datetime
    first_percent: int
    all_after_days: int

    @property
    def all_from(self) -> datetime:
        """From when on every device may take it (aware UTC)."""
        return self.since if self.first_percent == 100 else self.since + timedelta(days=self.all_after_days)

    def reaches(self, device: UUID, ring: Ring, now: datetime) -> bool:
        """Whether this device may take it now."""
        if now >= self.all_from or ring == "first":
            return True
        return ring == "staged" and place(device, self.version) < self.first_percent


def file_name(version: str, platform: str) -> str:
    """Return the name of a version's file."""
    return f"fairwatch-agent_{version}_{platform}.tar.gz"


def is_release(path: str) -> bool:
    """Whether devices may take a published file by themselves, by its path (`releases/…`)."""
    return _NAME.fullmatch(path) is not None


def plan(since: datetime, first_percent: int, all_after_days: int) -> dict[str, object]:
    """Return what a version's signed entry says of who takes it when."""
    second = since.astimezone(UTC).replace(microsecond=0)
    return {"since": second.isoformat(), "first_percent": first_percent, "all_after_days": all_after_days}


def read(target: TargetFile) -> Release | None:
    """Return the version that a signed file is; None where it is one for IT's own tools.

    Raises NotTrusted where it is named as a version and doesn't say who takes it when.
    """
    match = _NAME.fullmatch(target.path)
    if match is None:
        return None
    said: Mapping[str, object] = target.custom if isinstance(target.custom, dict) else {}
    first, days, since = said.get("first_percent"), said.get("all_after_days"), said.get("since")
    if not (_is_whole(first, 100) and _is_whole(days, RELEASE_DAYS_MAX) and isinstance(since, str)):
        raise NotTrusted(f"«{target.path[:80]}» doesn't say which devices take it when")
    when = _moment(since)
    if when is None or target.length > RELEASE_MAX_BYTES:
        raise NotTrusted(f"«{target.path[:80]}» doesn't say since when it is signed, or is too large")
    assert isinstance(first, int)
    assert isinstance(days, int)
    return Release(match[1], match[2], target, when, first, days)


def place(device: UUID, version: str) -> int:
    """Return where among a hundred a device stands for a version: 0 to 99."""
    return int.from_bytes(hashlib.sha256(f"{version}\n{device}".encode()).digest()[:8], "big") % 100


def newest_for(
    targets: Iterable[TargetFile],
    *,
    platform: str,
    device: UUID,
    ring: Ring,
    now: datetime,
    above: str,
    but: Container[str] = (),
) -> Release | None:
    """Return the newest version later than `above` that this device may take now, and none of `but`; None without.

    Raises NotTrusted.
    """
    found = [release for target in targets if (release := read(target)) is not None]
    mine = [
        release
        for release in found
        if release.platform == platform
        and release.version not in but
        and order(release.version) > order(above)
        and release.reaches(device, ring, now)
    ]
    return max(mine, key=lambda release: order(release.version), default=None)


def _moment(text: str) -> datetime | None:
    """Return a time with its zone (aware UTC), None where it is none that days can be added to."""
    try:
        when = datetime.fromisoformat(text)
        return when.astimezone(UTC) if when.tzinfo is not None and _EARLIEST < when < _LATEST else None
    except (ValueError, OverflowError):
        return None


def _is_whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
