"""What IT is handed for a phone: every file of its platform and the steps, each readable, the first the one to take."""

from __future__ import annotations

import csv
import io
import json
import plistlib
import re
from pathlib import Path
from uuid import UUID

import pytest

from server import phone_android, phone_apple
from server.phone_files import files_for, fleet_files, fleet_list, unlock_files
from server.phone_place import TrustedNetwork, one_phone, place

INSTALLERS = Path(__file__).parents[2] / "installers"
IDENT = "abcdefghijklmnopqrstuvwx23"
AT = place("Bright Path", "dns.example.org", ("192.0.2.1",))


def _files(platform, answering=2, at=AT, sign=None):
    phone = one_phone(UUID(int=7), "Phone 7", platform, IDENT)
    return {one.name: one for one in files_for(at, phone, answering, sign)}


@pytest.mark.parametrize(
    ("platform", "first"),
    [
        ("ios", "fairwatch.mobileconfig"),
        ("macos", "fairwatch.mobileconfig"),
        ("android", "policy-android.json"),
        ("windows", "set.ps1"),
        ("chromeos", "browser-policy.json"),
    ],
)
def test_each_platform_has_its_files_and_its_steps(platform, first):
    found = _files(platform, sign=lambda body: b"signed" + body)
    assert next(iter(found)) == first
    assert list(found)[-1] == "README.txt"
    steps = found["README.txt"].body.decode()
    assert "Phone 7" in steps
    assert "WHAT IT CAN'T DO" in steps
    assert re.search(r"[{}]", steps) is None
    for name, one in found.items():
        assert one.body
        assert one.purpose.endswith(".")
        if name.endswith(".json"):
            json.loads(one.body)
        if name == "fairwatch-unsigned.mobileconfig":
            plistlib.loads(one.body)


def test_the_steps_name_only_files_that_are_there():
    for platform in ("ios", "macos", "android", "windows", "chromeos"):
        for answering in (0, 2):
            found = _files(platform, answering, sign=lambda body: body)
            steps = found["README.txt"].body.decode()
            named = set(re.findall(r"[\w-]+\.(?:mobileconfig|json|ps1|reg|cmd)\b", steps))
            assert named <= set(found)


def test_a_lock_is_among_the_files_only_while_two_gateways_answer():
    assert "policy-android.json" in _files("android", 2)
    found = _files("android", 1)
    assert "policy-android.json" not in found
    assert "unlock-android.json" in found
    assert b"DISALLOW_CONFIG_PRIVATE_DNS" not in found["own-agent.json"].body
    assert b"FEWER THAN TWO GATEWAYS" in found["README.txt"].body


def test_without_addresses_windows_still_has_its_browsers():
    found = _files("windows", at=place("Bright Path", "dns.example.org"))
    assert set(found) == {"browsers.reg", "browser-policy.json", "policies.json", "README.txt"}


def test_the_steps_say_where_nothing_is_seen():
    at = place("Bright Path", "dns.example.org", trusted=(TrustedNetwork("Office"),), failover=False)
    steps = _files("ios", at=at)["README.txt"].body.decode()
    assert "- Office: by its name alone" in steps
    assert "no names at all" in steps


def test_a_fleet_has_one_profile_and_a_table_of_ids():
    files = {one.name: one for one in fleet_files(AT, "$EXTENSIONATTRIBUTE_4", supervised=True)}
    assert b"$EXTENSIONATTRIBUTE_4" in files["fairwatch-fleet.mobileconfig"].body
    assert b"{" not in files["README.txt"].body
    phone = one_phone(UUID(int=7), "Phone 7", "ios", IDENT)
    table = fleet_list([("F4KN99ZUG5V2", phone), ("=cmd|x", phone)], "Fairwatch id").body.decode()
    assert list(csv.reader(io.StringIO(table))) == [
        ["Mobile Device Serial", "Fairwatch id"],
        ["F4KN99ZUG5V2", IDENT],
        ["'=cmd|x", IDENT],
    ]


def test_what_unlocks_a_fleet_holds_no_id():
    found = {one.name: one for one in unlock_files()}
    assert set(found) == {"unlock-android.json", "README.txt"}
    assert b"NO GATEWAY ANSWERS" in found["README.txt"].body


def examples():
    """What the files in installers/ should be: made of an id that works nowhere."""
    at = place("Your organisation", "dns.example.org", ("192.0.2.1",))
    phone = one_phone(UUID(int=1), "Example", "ios", "a" * 26)
    supervised = one_phone(UUID(int=1), "Example", "ios", "a" * 26, supervised=True)
    return {
        "ios/example.mobileconfig": phone_apple.profile(at, phone),
        "ios/example-supervised.mobileconfig": phone_apple.profile(at, supervised),
        "ios/example-declaration.json": phone_apple.declaration(at, supervised),
        "ios/example-fleet.mobileconfig": phone_apple.fleet_profile(at, "$EXTENSIONATTRIBUTE_1", supervised=True),
        "android/example-policy.json": phone_android.policy(at, phone, 2),
        "android/example-own-agent.json": phone_android.own_agent_settings(at, phone, 2),
        "android/unlock-android.json": phone_android.unlock_policy(),
    }


def test_the_examples_in_installers_are_what_is_made_today():
    made = examples()
    there = {
        str(path.relative_to(INSTALLERS)): path.read_bytes()
        for folder in ("ios", "android")
        for path in (INSTALLERS / folder).iterdir()
        if path.name != "README.md"
    }
    assert there == made
    for folder in ("ios", "android"):
        named = set(re.findall(r"`([\w-]+\.(?:mobileconfig|json))`", (INSTALLERS / folder / "README.md").read_text()))
        assert {f"{folder}/{name}" for name in named} == {name for name in made if name.startswith(folder)}
