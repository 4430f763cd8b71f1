"""Names an app on macOS by its bundle's identifier, never by what its windows say; a plain program has none."""

from __future__ import annotations

import plistlib
import re
from pathlib import Path, PurePosixPath
from typing import Final
from xml.parsers.expat import ExpatError

# An Info.plist is some kilobytes; one of a megabyte is none.
MAX_INFO_BYTES: Final = 1024 * 1024
# As `rules/apps.py` takes them; Apple allows letters, digits, hyphens and full stops.
_BUNDLE_ID: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
LONGEST_ID: Final = 128


def bundle_identity(bundle_id: str | None) -> str | None:
    """`macos:<bundle id>` in lower case, since macOS compares without regard to case; None for what is no such id."""
    if bundle_id is None or len(bundle_id) > LONGEST_ID or _BUNDLE_ID.fullmatch(bundle_id) is None:
        return None
    return f"macos:{bundle_id.lower()}"


def identities_of(executable: str) -> tuple[str, ...]:
    """The identities under which a list may name this executable: of the app that it is the program of, then outwards.

    An app may hold others (a helper that runs without a window): a list that names the outer one means those as well.
    """
    found = (bundle_identity(_id_in(bundle)) for bundle in _bundles_around(executable))
    return tuple(dict.fromkeys(name for name in found if name is not None))


def _bundles_around(executable: str) -> list[Path]:
    """The apps that an executable lies in, the innermost first: `Name.app/Contents/MacOS/Name`."""
    parents = PurePosixPath(executable).parents
    return [Path(parent) for parent in parents if parent.suffix == ".app"]


def _id_in(bundle: Path) -> str | None:
    """The identifier in an app's Info.plist (Apple, "Information Property List"), or None where it can't be read."""
    file = bundle / "Contents/Info.plist"
    try:
        if file.stat().st_size > MAX_INFO_BYTES:
            return None
        said = plistlib.loads(file.read_bytes())
    except (OSError, ValueError, ExpatError, RecursionError, plistlib.InvalidFileException):
        return None
    found = said.get("CFBundleIdentifier") if isinstance(said, dict) else None
    return found if isinstance(found, str) else None
