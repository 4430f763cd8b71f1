"""Makes the .msi of what was staged: by `wixl`, by `msibuild` what `wixl` can't write, and its times by hand.

Tables: https://learn.microsoft.com/windows/win32/msi/database-tables. The same content makes the same bytes.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final
from uuid import UUID, uuid5

from installers.windows.actions import ACTIONS, GIVEN
from installers.windows.recipe import UPGRADE_CODE, Wanted, identifier, product_code, recipe

MAKE_SECONDS: Final = 300.0
BOTH_BOUNDS: Final = 0x100 | 0x200
"""Another package of the same version takes the former's place as well: `wixl` knows no bound but the lower."""
EPOCH_1601_SECONDS: Final = 11644473600
"""From FILETIME's beginning to Unix's."""
SUMMARY_FORMAT: Final = bytes.fromhex("e0859ff2f94f6810ab9108002b27b3d9")
FIXED_FILE_INFO: Final = bytes.fromhex("bd04effe")
_CREATED, _SAVED = 12, 13


class SummaryError(Exception):
    """The package's summary does not lie in it as expected: another version of msitools is at work."""


def make(wanted: Wanted, moment: int, scratch: Path, place: Path) -> Path:
    """Make the package at `place`, with `moment` as its time, and return it.

    `scratch` holds what was staged. Raises CalledProcessError where a program refuses, or SummaryError.
    """
    written = scratch / "fairwatch-agent.wxs"
    written.write_bytes(recipe(wanted))
    _run("wixl", "--arch", "x64", "--output", place, written)
    _run("msibuild", place, *(word for query in queries(wanted) for word in ("-q", query)))
    package_code = str(uuid5(UUID(product_code(wanted)), f"{moment}")).upper()
    _run("msibuild", place, "-s", "Fairwatch agent", "Fairwatch", "x64;2057", f"{{{package_code}}}")
    place.write_bytes(set_times(place.read_bytes(), moment))
    return place


def queries(wanted: Wanted) -> Iterator[str]:
    """What `wixl` can't write, in the SQL of Windows Installer."""
    for action in ACTIONS:
        yield _update("CustomAction", ("Action", action.name), Type=action.kind)
    yield "DELETE FROM `Upgrade` WHERE `ActionProperty` = 'FORMER'"
    yield _insert(
        "Upgrade", UpgradeCode=f"{{{UPGRADE_CODE}}}", VersionMin="0.0.0", VersionMax=wanted.version,
        Attributes=BOTH_BOUNDS, ActionProperty="FORMER",
    )  # fmt: skip
    # What may be given to the part of the installation that runs as the system.
    secure = ";".join((*GIVEN, "PURGE", "FORMER", "NEWER"))
    yield _update("Property", ("Property", "SecureCustomProperties"), Value=secure)
    for path in sorted(wanted.staged.rglob("*")):
        version = file_version(path.read_bytes()) if path.suffix in (".exe", ".dll", ".pyd") else None
        if version is not None:
            name = PurePosixPath(path.relative_to(wanted.staged).as_posix())
            yield _update("File", ("File", identifier("f", name)), Version=version, Language="0")


def _insert(table: str, **values: str | int) -> str:
    names = ", ".join(f"`{name}`" for name in values)
    held = ", ".join(map(_quoted, values.values()))
    return f"INSERT INTO `{table}` ({names}) VALUES ({held})"  # noqa: S608 - ids and numbers of ours


def _update(table: str, where: tuple[str, str], **values: str | int) -> str:
    changed = ", ".join(f"`{name}` = {_quoted(value)}" for name, value in values.items())
    return f"UPDATE `{table}` SET {changed} WHERE `{where[0]}` = {_quoted(where[1])}"  # noqa: S608 - ids and numbers of ours


def _quoted(value: str | int) -> str:
    return str(value) if isinstance(value, int) else f"'{value}'"


def file_version(data: bytes) -> str | None:
    """Return the version in a program's resources, None where it has none.

    Without it in the table, Windows would take the file that is there for newer than the one that comes.
    https://learn.microsoft.com/windows/win32/api/verrsrc/ns-verrsrc-vs_fixedfileinfo
    """
    at = data.find(FIXED_FILE_INFO)
    if at < 0:
        return None
    high, low = struct.unpack_from("<II", data, at + 8)
    return ".".join(str(part) for part in (high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF))


def set_times(package: bytes, moment: int) -> bytes:
    """Return the package with the times in its summary set to `moment` (Unix seconds); raises SummaryError.

    The summary is a property set: https://learn.microsoft.com/openspecs/windows_protocols/ms-oleps.
    """
    format_at = package.find(SUMMARY_FORMAT)
    if format_at < 0 or package.find(SUMMARY_FORMAT, format_at + 1) >= 0:
        raise SummaryError("the package has not one summary")
    (offset,) = struct.unpack_from("<I", package, format_at + 16)
    section = format_at - 28 + offset
    _, count = struct.unpack_from("<II", package, section)
    places = dict(struct.unpack_from("<II", package, section + 8 + 8 * number) for number in range(count))
    changed = bytearray(package)
    for property_id in (_CREATED, _SAVED):
        at = section + places.get(property_id, 0)
        if struct.unpack_from("<I", package, at)[0] != 0x40:
            raise SummaryError("the package's summary has no time")
        struct.pack_into("<Q", changed, at + 4, (moment + EPOCH_1601_SECONDS) * 10_000_000)
    return bytes(changed)


def _run(*words: str | Path) -> None:
    subprocess.run([str(word) for word in words], check=True, timeout=MAKE_SECONDS)
