"""Every place of every browser on every platform, on made profile trees."""

from __future__ import annotations

import os

import pytest

from agent.sources import browsers
from agent.sources.browsers import PLACES, Home, Profile, find_profiles, local_homes, owner_of, profiles_in

CASES = [
    (platform, browser, place)
    for platform, browsers in PLACES.items()
    for browser, places in browsers.items()
    for place in places
]
ISSUE = {"Chrome", "Chromium", "Edge", "Brave", "Vivaldi", "Opera", "Firefox"}


def touch(file):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def profile_below(root, browser):
    if browser == "Safari":
        return root, "History.db"
    if browser == "Firefox":
        return root / "Profiles" / "ab12.default", "places.sqlite"
    return root / "Profile 3", "History"


@pytest.mark.parametrize(("platform", "browser", "place"), CASES)
def test_each_place_of_the_table_is_found(tmp_path, platform, browser, place):
    folder, name = profile_below(tmp_path / place, browser)
    touch(folder / name)
    assert find_profiles([Home("alice", tmp_path)], platform) == [Profile(browser, "alice", folder)]
    assert find_profiles([Home("alice", tmp_path)], platform)[0].history_file == folder / name
    assert profiles_in([folder], "alice") == [Profile(browser, "alice", folder)]


def test_all_browsers_are_in_the_table():
    assert set(PLACES["linux"]) == ISSUE
    assert set(PLACES["win32"]) == ISSUE
    assert set(PLACES["darwin"]) == ISSUE | {"Safari"}
    linux = {browser: " ".join(places) for browser, places in PLACES["linux"].items()}
    assert all(".var/app/" in places for places in linux.values())
    assert all("snap/" in linux[browser] for browser in ("Chromium", "Brave", "Vivaldi", "Opera", "Firefox"))


def test_every_profile_of_every_person_is_found(tmp_path):
    for person in ("alice", "bob"):
        for profile in ("Default", "Profile 1"):
            touch(tmp_path / person / ".config/google-chrome" / profile / "History")
        touch(tmp_path / person / ".config/google-chrome/ShaderCache/data")
        touch(tmp_path / person / ".mozilla/firefox/x.default-esr/places.sqlite")
    homes = [Home(person, tmp_path / person) for person in ("alice", "bob")]
    found = find_profiles(homes, "linux")
    assert [(p.browser, p.person, p.path.name) for p in found] == [
        (browser, person, name)
        for person in ("alice", "bob")
        for browser, name in (("Chrome", "Default"), ("Chrome", "Profile 1"), ("Firefox", "x.default-esr"))
    ]


def test_a_profile_without_a_history_yet_is_found(tmp_path):
    touch(tmp_path / ".config/chromium/Default/Preferences")
    touch(tmp_path / ".mozilla/firefox/x.default/prefs.js")
    assert [p.browser for p in find_profiles([Home("alice", tmp_path)], "linux")] == ["Chromium", "Firefox"]


def test_a_profile_elsewhere_that_profiles_ini_names_is_found(tmp_path):
    touch(tmp_path / "elsewhere/places.sqlite")
    ini = tmp_path / ".mozilla/firefox/profiles.ini"
    touch(ini)
    ini.write_text(f"[Profile0]\nName=x\nIsRelative=0\nPath={tmp_path}/elsewhere\n[General]\nVersion=2\n")
    assert find_profiles([Home("alice", tmp_path)], "linux") == [Profile("Firefox", "alice", tmp_path / "elsewhere")]


def test_a_damaged_profiles_ini_hides_nothing(tmp_path):
    touch(tmp_path / ".mozilla/firefox/x.default/places.sqlite")
    (tmp_path / ".mozilla/firefox/profiles.ini").write_bytes(b"\xff\xfe[[[=")
    assert len(find_profiles([Home("alice", tmp_path)], "linux")) == 1


def test_a_pipe_in_place_of_profiles_ini_makes_nothing_wait(tmp_path):
    touch(tmp_path / ".mozilla/firefox/x.default/places.sqlite")
    os.mkfifo(tmp_path / ".mozilla/firefox/profiles.ini")
    assert len(find_profiles([Home("alice", tmp_path)], "linux")) == 1


def test_a_folder_reached_twice_is_one_profile(tmp_path):
    touch(tmp_path / "snap/chromium/common/chromium/Default/History")
    (tmp_path / "snap/chromium/current/.config").mkdir(parents=True)
    (tmp_path / "snap/chromium/current/.config/chromium").symlink_to(tmp_path / "snap/chromium/common/chromium")
    assert len(find_profiles([Home("alice", tmp_path)], "linux")) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another account")
def test_a_link_into_another_person_s_home_is_not_followed(tmp_path):
    touch(tmp_path / "bob/.config/chromium/Default/History")
    (tmp_path / "alice/.config").mkdir(parents=True)
    os.chown(tmp_path / "alice", 12345, 12345)
    (tmp_path / "alice/.config/chromium").symlink_to(tmp_path / "bob/.config/chromium")
    assert find_profiles([Home("alice", tmp_path / "alice")], "linux") == []


def homes_of_two(tmp_path):
    touch(tmp_path / "alice/.config/chromium/Default/History")
    (tmp_path / "bob/.config/chromium").mkdir(parents=True)
    return [Home(person, tmp_path / person) for person in ("alice", "bob")]


def test_of_one_person_s_countless_profiles_some_are_looked_at_and_that_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(browsers, "PROFILES_MOST", 3)
    homes, crowded = homes_of_two(tmp_path), []
    for number in range(5):
        assert crowded == ([] if number < 4 else ["bob"])
        touch(tmp_path / f"bob/.config/chromium/x{number}/Preferences")
        found = find_profiles(homes, "linux", crowded=crowded.append)
    assert [profile.person for profile in found] == ["alice", "bob", "bob", "bob"]


@pytest.mark.parametrize("place", [".config/chromium", ".mozilla/firefox", ".mozilla/firefox/Profiles"])
def test_of_countless_folders_whatever_is_in_them_some_are_looked_at_and_that_is_told(tmp_path, monkeypatch, place):
    monkeypatch.setattr(browsers, "FOLDERS_LOOKED_AT", 5)
    homes, crowded = homes_of_two(tmp_path), []
    (tmp_path / "bob" / place).mkdir(parents=True, exist_ok=True)
    for number in range(6):
        (tmp_path / "bob" / place / f"x{number}").symlink_to(tmp_path / "alice")
    found = find_profiles(homes, "linux", crowded=crowded.append)
    assert [profile.person for profile in found] == ["alice"]
    assert set(crowded) == {"bob"}


def test_named_folders_narrow_and_may_hold_several_profiles(tmp_path):
    for profile in ("Default", "Profile 1"):
        touch(tmp_path / "demo" / profile / "History")
    touch(tmp_path / "other/places.sqlite")
    found = profiles_in([tmp_path / "demo", tmp_path / "missing"])
    assert [(p.browser, p.person, p.path.name) for p in found] == [
        ("Chromium", owner_of(tmp_path), "Default"),
        ("Chromium", owner_of(tmp_path), "Profile 1"),
    ]


def test_the_homes_of_this_machine_are_folders_with_their_owners():
    homes = local_homes()
    assert homes
    assert all(home.path.is_dir() and home.person for home in homes)
    assert local_homes("plan9") is not None


def test_an_unknown_platform_has_no_profiles(tmp_path):
    assert find_profiles([Home("alice", tmp_path)], "plan9") == []
