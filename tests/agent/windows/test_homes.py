"""Each person's home is where the registry says, under the name that the account has, whatever the folder is called."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from agent.windows.homes import PROFILE_LIST, homes, owner_of
from tests.agent.test_scan_history import CHROMIUM, FIREFOX
from tests.agent.windows.wine_python import as_windows

ANNA, BERT, ENTRA, GONE = "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002", "S-1-12-1-4-5-6-7", "S-1-5-21-1-2-3-1003"
LISTED = [
    ("S-1-5-18", "C:/Windows/system32/config/systemprofile"),
    ("S-1-5-19", "C:/Windows/ServiceProfiles/LocalService"),
    (ANNA, "C:/Users/anna.OFFICE"),
    (BERT, "D:/Profiles/bert"),
    (ENTRA, "C:/Users/CaraSmith"),
    (GONE, "C:/Users/gone"),
    (f"{ANNA}.bak", "C:/Users/TEMP"),
]
NAMES = {ANNA: "anna", BERT: "bert", ENTRA: "carasmith", "S-1-5-18": "system"}
PEOPLE = [("anna", Path("C:/Users/anna.OFFICE")), ("bert", Path("D:/Profiles/bert")),
          ("carasmith", Path("C:/Users/CaraSmith"))]  # fmt: skip


def test_people_have_homes_and_the_system_and_accounts_that_are_gone_have_none() -> None:
    assert homes(LISTED, NAMES.get) == PEOPLE


def test_a_folder_is_whose_home_it_lies_in() -> None:
    found = homes(LISTED, NAMES.get)
    assert owner_of(Path("D:/Profiles/bert/AppData/Local/Chromium/User Data"), found) == "bert"
    assert owner_of(Path("C:/Users/anna/AppData"), found) is None
    assert owner_of(Path("E:/shared"), found) is None


FINDING = f"""
import getpass, json, sys, winreg
from pathlib import Path
from agent.sources.browsers import find_profiles, local_homes, profiles_in
home, place = Path(sys.argv[1]), {PROFILE_LIST!r}
with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as listed:
    sids = [winreg.EnumKey(listed, number) for number in range(winreg.QueryInfoKey(listed)[0])]
mine = next(sid for sid in sids if sid.startswith("S-1-5-21-"))
with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place + chr(92) + mine, 0, winreg.KEY_ALL_ACCESS) as key:
    before = winreg.QueryValueEx(key, "ProfileImagePath")
    winreg.SetValueEx(key, "ProfileImagePath", 0, winreg.REG_EXPAND_SZ, str(home))
    found = find_profiles(local_homes())
    named = profiles_in([home / "AppData/Local/Chromium/User Data"])
    winreg.SetValueEx(key, "ProfileImagePath", 0, before[1], before[0])
print(json.dumps({{
    "people": sorted({{one.person == getpass.getuser().lower() for one in [*found, *named]}}),
    "profiles": sorted([one.browser, one.path.relative_to(home).as_posix()] for one in found),
    "named": [one.browser for one in named],
}}))
"""
PROFILES = {
    "Chrome": "AppData/Local/Google/Chrome/User Data/Default",
    "Chromium": "AppData/Local/Chromium/User Data/Profile 1",
    "Edge": "AppData/Local/Microsoft/Edge/User Data/Default",
    "Brave": "AppData/Local/BraveSoftware/Brave-Browser/User Data/Default",
    "Firefox": "AppData/Roaming/Mozilla/Firefox/Profiles/x1y2.default-release",
}


@pytest.mark.more
def test_on_windows_every_browsers_profiles_are_found_in_the_homes_that_the_registry_lists(
    wine, nobody_else, tmp_path
) -> None:
    home, another = tmp_path / "anna.OFFICE", tmp_path / "bert"
    for browser, place in PROFILES.items():
        for base in (home, another):
            (base / place).mkdir(parents=True)
            (base / place / ("places.sqlite" if browser == "Firefox" else "History")).touch()
    # Another's profile, named by one's own list of profiles, is not one's own.
    named = as_windows(another / PROFILES["Firefox"])
    (home / "AppData/Roaming/Mozilla/Firefox/profiles.ini").write_text(f"[Profile0]\nPath={named}\nIsRelative=0\n")
    said = json.loads(wine.run(FINDING, as_windows(home)))
    assert said["profiles"] == sorted([browser, place] for browser, place in PROFILES.items())
    assert (said["people"], said["named"]) == ([True], ["Chromium"])


SCANNING = """
import sys
from agent.__main__ import main
for profile in sys.argv[1:]:
    assert main(["scan-history", profile, "--json"]) == 0
"""


@pytest.mark.more
def test_on_windows_histories_are_read_the_live_log_of_firefox_too(wine, tmp_path) -> None:
    opened = []
    for name, tables in (("Default/History", CHROMIUM), ("x.default/places.sqlite", FIREFOX)):
        (tmp_path / name).parent.mkdir()
        opened.append(sqlite3.connect(tmp_path / name, isolation_level=None))
        opened[-1].executescript(tables)
    try:
        said = wine.run(SCANNING, *(as_windows(tmp_path / name) for name in ("Default", "x.default")))
    finally:
        for one in opened:
            one.close()
    lines = [json.loads(line) for line in said.splitlines()]
    assert [(line["browser"], line["name"]) for line in lines] == [
        ("Chromium", "one.test"),
        ("Chromium", "framed.test"),
        ("Chromium", "redirecting.test"),
        ("Chromium", "one.test"),
        ("Chromium", "one.test"),
        ("Firefox", "one.test"),
    ]
    assert "secret" not in said
