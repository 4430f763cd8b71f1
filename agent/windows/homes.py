"""The people who have a profile on this Windows, and where it lies: the registry's word, not the names of folders.

Source: Microsoft Learn, "About user profiles"; the key `ProfileList` has one key for each account, by its SID.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from agent.windows.accounts import Accounts, is_person

PROFILE_LIST: Final = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
PROFILE_PATH: Final = "ProfileImagePath"


def homes(
    listed: Iterable[tuple[str, str]] | None = None, name_of: Callable[[str], str | None] | None = None
) -> list[tuple[str, Path]]:
    """Return each person with their home; an account that no longer has a name is nobody's.

    `listed` are SIDs with paths, `name_of` names the account of a SID: both Windows' own where not given.
    Raises OSError where there is no Windows.
    """
    name_of = name_of or Accounts().name_of
    found = []
    for sid, path in listed if listed is not None else _listed():
        name = name_of(sid) if is_person(sid) else None
        if name is not None:
            found.append((name, Path(path)))
    return found


def owner_of(path: Path, found: Iterable[tuple[str, Path]] | None = None) -> str | None:
    """Return the person in whose home a path lies, None where it lies in nobody's. Raises OSError."""
    for person, home in found if found is not None else homes():
        if path.is_relative_to(home):
            return person
    return None


def _listed() -> Iterable[tuple[str, str]]:
    """Each SID with the path of its profile; the registry is read as a 64-bit program sees it."""
    if sys.platform == "win32":
        import winreg

        found = []
        rights = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, PROFILE_LIST, 0, rights) as key:
            for number in range(winreg.QueryInfoKey(key)[0]):
                sid = winreg.EnumKey(key, number)
                try:
                    with winreg.OpenKey(key, sid) as profile:
                        path, _ = winreg.QueryValueEx(profile, PROFILE_PATH)
                except OSError:
                    continue  # a key that is only half there, as after a profile was deleted
                found.append((sid, winreg.ExpandEnvironmentStrings(str(path))))
        return found
    raise OSError("the registry is Windows'")
