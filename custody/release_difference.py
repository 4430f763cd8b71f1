"""Says in plain words which devices would take which version of the agent when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import TargetFile

from custody.asking import plain
from custody.difference import day, of_files
from custody.sheet import Line
from protocol.releases import Release, read

PLATFORMS = {"linux": "Linux", "win32": "Windows", "darwin": "macOS"}


def of_releases(old: Mapping[str, TargetFile], new: Mapping[str, TargetFile], now: datetime) -> Iterator[Line]:
    """Say which files are new or gone, and of those that devices take by themselves, who takes them when.

    Whoever prepared them wrote down since when they are signed, which need not be true: it is held against `now`.
    """
    yield from of_files(old, new)
    for path in sorted(new):
        release = read(new[path])
        if release is None:
            if path not in old:
                yield Line(f"No device takes {_name(path)} by itself: it is for IT's own tools.", "quiet")
            continue
        before = read(old[path]) if path in old else None
        changed = (
            before is None or _who(before, now) != _who(release, now) or before.target.hashes != release.target.hashes
        )
        yield Line(f"{_what(release)}: {_who(release, now)}.", "new" if changed else "quiet")
        if changed and _is_at_once(release, now):
            yield Line("All at once: a fault in it reaches every device before anybody has seen it.", "warning")
    if any(path in old and path not in new and read(old[path]) is not None for path in old):
        yield Line("A device that has taken a version keeps it: taking it off only keeps others from it.", "warning")


def _what(release: Release) -> str:
    system, _, machine = release.platform.partition("-")
    return f"Version {release.version} of the agent for {PLATFORMS.get(system, system)} ({machine})"


def _is_at_once(release: Release, now: datetime) -> bool:
    return release.first_percent == 100 or release.all_from <= now


def _who(release: Release, now: datetime) -> str:
    if _is_at_once(release, now):
        return "all devices take it at once"
    first = f"{release.first_percent} of 100 devices take it at once" if release.first_percent else "none takes it yet"
    return f"{first}, all from {day(release.all_from)}"


def _name(path: str) -> str:
    return plain(Path(path).name)
