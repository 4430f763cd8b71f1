"""Where each browser keeps its profiles, on each platform, and which profiles there are.

Browsers started by hand on a folder of their own are not found here; name such folders in the configuration.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath

import msgspec

from agent.sources.chromium import CHROMIUM
from agent.sources.dialect import Dialect
from agent.sources.errors import SourceError
from agent.sources.firefox import FIREFOX
from agent.sources.history_file import opened_plain
from agent.sources.safari import SAFARI

_SUPPORT = "Library/Application Support"
_SAFARI_BOX = "Library/Containers/com.apple.Safari/Data/Library/Safari"

# Platform -> browser -> folders under the person's home. A Chromium-like browser's folder holds profile folders (an
# older Opera is itself one), Firefox's holds profiles.ini, Safari's holds the history itself.
PLACES: dict[str, dict[str, tuple[str, ...]]] = {
    "linux": {
        "Chrome": (
            ".config/google-chrome",
            ".config/google-chrome-beta",
            ".config/google-chrome-unstable",
            ".var/app/com.google.Chrome/config/google-chrome",
            ".var/app/com.google.ChromeDev/config/google-chrome-unstable",
        ),
        "Chromium": (
            ".config/chromium",
            "snap/chromium/common/chromium",
            "snap/chromium/current/.config/chromium",
            ".var/app/org.chromium.Chromium/config/chromium",
        ),
        "Edge": (
            ".config/microsoft-edge",
            ".config/microsoft-edge-beta",
            ".config/microsoft-edge-dev",
            ".var/app/com.microsoft.Edge/config/microsoft-edge",
        ),
        "Brave": (
            ".config/BraveSoftware/Brave-Browser",
            ".config/BraveSoftware/Brave-Browser-Beta",
            ".config/BraveSoftware/Brave-Browser-Nightly",
            "snap/brave/current/.config/BraveSoftware/Brave-Browser",
            ".var/app/com.brave.Browser/config/BraveSoftware/Brave-Browser",
        ),
        "Vivaldi": (
            ".config/vivaldi",
            ".config/vivaldi-snapshot",
            "snap/vivaldi/current/.config/vivaldi",
            ".var/app/com.vivaldi.Vivaldi/config/vivaldi",
        ),
        "Opera": (
            ".config/opera",
            ".config/opera-beta",
            ".config/opera-developer",
            "snap/opera/current/.config/opera",
            "snap/opera/common/.config/opera",
            ".var/app/com.opera.Opera/config/opera",
        ),
        "Firefox": (
            ".mozilla/firefox",
            ".config/mozilla/firefox",  # from Firefox 147 on, where the older folder is not there
            "snap/firefox/common/.mozilla/firefox",
            "snap/firefox/common/.config/mozilla/firefox",
            ".var/app/org.mozilla.firefox/.mozilla/firefox",
            ".var/app/org.mozilla.firefox/config/mozilla/firefox",
        ),
    },
    "win32": {
        "Chrome": (
            "AppData/Local/Google/Chrome/User Data",
            "AppData/Local/Google/Chrome Beta/User Data",
            "AppData/Local/Google/Chrome Dev/User Data",
            "AppData/Local/Google/Chrome SxS/User Data",
        ),
        "Chromium": ("AppData/Local/Chromium/User Data",),
        "Edge": (
            "AppData/Local/Microsoft/Edge/User Data",
            "AppData/Local/Microsoft/Edge Beta/User Data",
            "AppData/Local/Microsoft/Edge Dev/User Data",
            "AppData/Local/Microsoft/Edge SxS/User Data",
        ),
        "Brave": (
            "AppData/Local/BraveSoftware/Brave-Browser/User Data",
            "AppData/Local/BraveSoftware/Brave-Browser-Beta/User Data",
            "AppData/Local/BraveSoftware/Brave-Browser-Nightly/User Data",
        ),
        "Vivaldi": ("AppData/Local/Vivaldi/User Data",),
        "Opera": (
            "AppData/Roaming/Opera Software/Opera Stable",
            "AppData/Roaming/Opera Software/Opera GX Stable",
            "AppData/Roaming/Opera Software/Opera Next",
            "AppData/Roaming/Opera Software/Opera Developer",
        ),
        "Firefox": (
            "AppData/Roaming/Mozilla/Firefox",
            "AppData/Local/Packages/Mozilla.Firefox_n80bbvh6b1yt2/LocalCache/Roaming/Mozilla/Firefox",
        ),
    },
    "darwin": {
        "Chrome": (
            f"{_SUPPORT}/Google/Chrome",
            f"{_SUPPORT}/Google/Chrome Beta",
            f"{_SUPPORT}/Google/Chrome Dev",
            f"{_SUPPORT}/Google/Chrome Canary",
        ),
        "Chromium": (f"{_SUPPORT}/Chromium",),
        "Edge": (
            f"{_SUPPORT}/Microsoft Edge",
            f"{_SUPPORT}/Microsoft Edge Beta",
            f"{_SUPPORT}/Microsoft Edge Dev",
            f"{_SUPPORT}/Microsoft Edge Canary",
        ),
        "Brave": (
            f"{_SUPPORT}/BraveSoftware/Brave-Browser",
            f"{_SUPPORT}/BraveSoftware/Brave-Browser-Beta",
            f"{_SUPPORT}/BraveSoftware/Brave-Browser-Nightly",
        ),
        "Vivaldi": (f"{_SUPPORT}/Vivaldi",),
        "Opera": (
            f"{_SUPPORT}/com.operasoftware.Opera",
            f"{_SUPPORT}/com.operasoftware.OperaGX",
            f"{_SUPPORT}/com.operasoftware.OperaNext",
            f"{_SUPPORT}/com.operasoftware.OperaDeveloper",
        ),
        "Firefox": (f"{_SUPPORT}/Firefox",),
        "Safari": ("Library/Safari", _SAFARI_BOX),
    },
}
_HOMES = {"linux": "/home", "darwin": "/Users"}
# A list of profiles is some hundred bytes; the person may put anything there.
PROFILES_INI_BYTES = 1 << 16
# So many profiles of a person are read, far more than anybody has; anybody may make any number of folders, and looking
# into all of them would hold up the reading of everybody else's.
PROFILES_MOST = 100
# A browser has some thirty folders beside its profiles.
FOLDERS_LOOKED_AT = 1000
# Marks of a profile folder that has no history yet.
_PROFILE_MARKS = ("Preferences", "prefs.js", "times.json")

Crowded = Callable[[], None]
"""Told of more than is looked at."""

Attend = Callable[[str], AbstractContextManager[bool]]
"""Asked before a look into somebody's home or a configured folder; it gives whether one may look there now."""


class Home(msgspec.Struct, frozen=True):
    """An operating system account and its home folder."""

    person: str
    path: Path


class Profile(msgspec.Struct, frozen=True):
    """One profile of one browser of one person; `path` is the folder with the history in it, which may come later."""

    browser: str
    person: str
    path: Path

    @property
    def dialect(self) -> Dialect:
        """How this browser keeps its history."""
        return {"Firefox": FIREFOX, "Safari": SAFARI}.get(self.browser, CHROMIUM)

    @property
    def history_file(self) -> Path:
        """The history itself."""
        return self.path / self.dialect.file_name


@contextmanager
def _always(_place: str) -> Iterator[bool]:
    yield True


def local_homes(platform: str = sys.platform, attend: Attend = _always) -> list[Home]:
    """The accounts of this machine whose home is there: those the system lists, and the owners of folders in /home.

    On Windows those in the registry alone. `attend(person)` is asked before each look into a home, since that may hang.
    """
    found: dict[Path, str] = {}
    for person, path in _listed(platform):
        with attend(person) as may_look:
            if may_look and path.parent != path and path.is_dir():
                found.setdefault(path, person)
    if platform == "win32":
        return [Home(person, path) for path, person in sorted(found.items())]
    place = Path(_HOMES.get(platform, "/home"))
    for name in sorted(_names_in(place)):
        path = place / name
        if path in found:
            continue
        with attend(name) as may_look:
            if may_look and path.is_dir():
                found[path] = owner_of(path)
    return [Home(person, path) for path, person in sorted(found.items())]


def _listed(platform: str) -> list[tuple[str, Path]]:
    """The accounts that the system lists, and their homes."""
    if platform == "win32":
        from agent.windows.homes import homes

        return homes()
    import pwd  # not there on Windows

    return [(account.pw_name, Path(account.pw_dir)) for account in pwd.getpwall()]


def owner_of(path: Path) -> str:
    """The account that owns a path, which is the person whose history it is."""
    if sys.platform == "win32":
        from agent.windows import homes

        return homes.owner_of(path.absolute()) or path.name
    try:
        return path.owner()
    except (OSError, KeyError, NotImplementedError):
        return path.name


def find_profiles(
    homes: Iterable[Home],
    platform: str = sys.platform,
    attend: Attend = _always,
    crowded: Callable[[str], None] = lambda _person: None,
) -> list[Profile]:
    """Every profile under the given homes that may be listed, in a fixed order, each folder once.

    `attend(person)` is asked before each look into a home, since that may hang. `crowded(person)` is told of a home
    that holds more profiles or folders than are looked at.
    """
    found: dict[Path, Profile] = {}
    for home in homes:
        with attend(home.person) as may_look:
            if may_look:
                own = _profiles_of(home, platform, partial(crowded, home.person))
                found |= {real: profile for real, profile in own.items() if real not in found}
    return list(found.values())


def _profiles_of(home: Home, platform: str, crowded: Crowded) -> dict[Path, Profile]:
    found: dict[Path, Profile] = {}
    for profile in _profiles_below(home, platform, crowded):
        real = _real(profile.path)
        if real in found or not _stays_with(real, home):
            continue
        if len(found) == PROFILES_MOST:
            crowded()
            break
        found[real] = profile
    return found


def _profiles_below(home: Home, platform: str, crowded: Crowded) -> Iterator[Profile]:
    browsers = PLACES.get(platform, {})
    # Most accounts have no browser: a look at the first folders of all places spares some thirty.
    first = {place.partition("/")[0] for places in browsers.values() for place in places}
    there = {name for name in first if _is_there(home.path / name)}
    for browser, places in browsers.items():
        for place in places:
            if place.partition("/")[0] not in there:
                continue
            for folder in _profile_folders(browser, home.path / place, crowded):
                yield Profile(browser, home.person, folder)


def profiles_in(folders: Iterable[Path], person: str | None = None, attend: Attend = _always) -> list[Profile]:
    """The profiles in folders named by the configuration: profile folders, or folders that hold some.

    The person is the owner of the profile's folder unless one is given. A folder may appear later. `attend(folder)` is
    asked before each look, since that may hang.
    """
    found: dict[Path, Profile] = {}
    for folder in folders:
        with attend(str(folder)) as may_look:
            if not may_look:
                continue
            for inner in (folder, *_folders(folder)):
                browser = browser_of(inner)
                if browser is not None:
                    found.setdefault(_real(inner), Profile(browser, person or owner_of(inner), inner))
    return list(found.values())


def browser_of(folder: Path) -> str | None:
    """Which browser's profile a folder is, by the history in it and by its place; None for no profile."""
    for family in (CHROMIUM, FIREFOX, SAFARI):
        if _is_there(folder / family.file_name):
            return by_place(folder) or family.family
    return None


def by_place(folder: Path) -> str | None:
    """The browser whose table entry this path runs through."""
    text = f"/{PurePosixPath(folder.as_posix())}/"
    for browsers in PLACES.values():
        for browser, places in browsers.items():
            if any(f"/{place}/" in text for place in places):
                return browser
    return None


def _profile_folders(browser: str, root: Path, crowded: Crowded) -> Iterator[Path]:
    if browser == "Firefox":
        yield from _firefox_folders(root, crowded)
    elif browser == "Safari":
        inner = _folders(root / "Profiles", crowded)
        yield from (folder for folder in (root, *inner) if _is_there(folder / SAFARI.file_name))
    else:
        for folder in (root, *_folders(root, crowded)):
            if _is_there(folder / CHROMIUM.file_name) or (folder != root and _is_there(folder / _PROFILE_MARKS[0])):
                yield folder


def _firefox_folders(root: Path, crowded: Crowded) -> Iterator[Path]:
    """What profiles.ini names, which may lie elsewhere, and what lies there without being named."""
    named = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        with opened_plain(root / "profiles.ini") as file:
            named.read_string(file.read(PROFILES_INI_BYTES).decode("utf-8", "replace"))
    except (OSError, SourceError, configparser.Error):
        named = configparser.ConfigParser()
    for section in named.sections():
        path = named.get(section, "Path", fallback="")
        if path and _is_profile_of_firefox(root / path):
            yield root / path
    for folder in (*_folders(root, crowded), *_folders(root / "Profiles", crowded)):
        if _is_profile_of_firefox(folder):
            yield folder


def _is_profile_of_firefox(folder: Path) -> bool:
    return any(_is_there(folder / name) for name in (FIREFOX.file_name, *_PROFILE_MARKS[1:]))


def _stays_with(folder: Path, home: Home) -> bool:
    """Whether a profile is the person's own: a link or profiles.ini may point into someone else's home."""
    if folder.is_relative_to(_real(home.path)):
        return True
    if sys.platform == "win32":
        return False  # files have no owner there that is told by a number
    try:
        return folder.stat().st_uid == home.path.stat().st_uid
    except OSError:
        return False


def _folders(root: Path, crowded: Crowded = lambda: None) -> list[Path]:
    """The folders in a folder, in order, some of too many; none where it is not there or may not be listed."""
    try:
        with os.scandir(root) as entries:
            found = list(islice((Path(entry.path) for entry in entries if entry.is_dir()), FOLDERS_LOOKED_AT + 1))
    except OSError:
        return []
    if len(found) > FOLDERS_LOOKED_AT:
        crowded()
    return sorted(found[:FOLDERS_LOOKED_AT])


def _names_in(root: Path) -> frozenset[str]:
    try:
        return frozenset(path.name for path in root.iterdir())
    except OSError:
        return frozenset()


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
