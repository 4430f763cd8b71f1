"""Every platform's form says the same of each browser, and no other extension may call."""

from __future__ import annotations

import json
import plistlib

import msgspec
import pytest

from installers.browsers import policies
from installers.browsers.packing import WEB

EXTENSION = policies.Extension(
    chromium_id="a" * 32,
    firefox_id="extension@fairwatch",
    version="1.0",
    update_url="https://it.example/updates.xml",
    crx_url="https://it.example/fairwatch.crx",
    xpi_url="https://it.example/fairwatch.xpi",
)
PROGRAM = "/usr/lib/fairwatch/browser"


def with_private_windows(said):
    return msgspec.structs.replace(EXTENSION, private_windows=said)


def test_linux_has_a_policy_and_a_host_for_each_browser():
    files = policies.linux(EXTENSION, PROGRAM)
    assert len(files) == 4 + 1 + 6
    for name, body in files.items():
        said = json.loads(body)
        if name.endswith("org.fairwatch.agent.json"):
            assert (said["path"], said["type"]) == (PROGRAM, "stdio")
            allowed = said.get("allowed_origins") or said["allowed_extensions"]
            firefox = "mozilla" in name
            assert allowed == (["extension@fairwatch"] if firefox else [f"chrome-extension://{'a' * 32}/"])
    chrome = json.loads(files["etc/opt/chrome/policies/managed/fairwatch.json"])
    assert chrome["ExtensionInstallForcelist"] == [f"{'a' * 32};https://it.example/updates.xml"]
    assert f'"{policies.AGENT}"' in (WEB / "background.js").read_text("utf-8")


@pytest.mark.parametrize(
    ("said", "chromium", "edge", "firefox"),
    [
        ("as_is", set(), set(), set()),
        (
            "closed",
            {"BrowserGuestModeEnabled", "IncognitoModeAvailability"},
            {"BrowserGuestModeEnabled", "InPrivateModeAvailability"},
            {"DisablePrivateBrowsing"},
        ),
        (
            "watched",
            {"BrowserGuestModeEnabled", "MandatoryExtensionsForIncognitoNavigation"},
            {"BrowserGuestModeEnabled", "MandatoryExtensionsForInPrivateNavigation"},
            set(),
        ),
    ],
)
def test_private_windows_are_as_they_were_closed_or_watched_where_the_browser_allows(said, chromium, edge, firefox):
    plain, one = EXTENSION, with_private_windows(said)
    assert set(policies.chromium(one)) - set(policies.chromium(plain)) == chromium
    assert set(policies.chromium(one, edge=True)) - set(policies.chromium(plain, edge=True)) == edge
    assert set(policies.firefox(one)) - set(policies.firefox(plain)) == firefox
    settings = policies.firefox(one)["ExtensionSettings"]["extension@fairwatch"]
    assert settings["private_browsing"] is (said == "watched")


def test_firefox_may_install_what_mozilla_did_not_sign_only_while_it_did_not():
    assert "Preferences" in policies.firefox(EXTENSION)
    assert "Preferences" not in policies.firefox(msgspec.structs.replace(EXTENSION, signed=True))


def test_windows_has_every_policy_and_host_in_one_registry_file():
    said = policies.windows(with_private_windows("closed"), r"C:\Program Files\Fairwatch\browsers")
    assert said.startswith("Windows Registry Editor Version 5.00\r\n")
    assert said.count("ExtensionInstallForcelist]") == 4
    assert said.count(r"NativeMessagingHosts\org.fairwatch.agent]") == 5
    assert r'@="C:\\Program Files\\Fairwatch\\browsers\\host-firefox.json"' in said
    assert '"IncognitoModeAvailability"=dword:00000001' in said
    assert said.count('"BrowserGuestModeEnabled"=dword:00000000') == 4
    settings = next(line for line in said.split("\r\n") if line.startswith('"ExtensionSettings"='))
    value = settings.partition("=")[2][1:-1].replace('\\"', '"').replace("\\\\", "\\")
    assert json.loads(value) == policies.firefox(EXTENSION)["ExtensionSettings"]


def test_macos_has_a_profile_with_a_payload_for_each_browser():
    profile = plistlib.loads(policies.macos(EXTENSION, "Example College"))
    kinds = {one["PayloadType"]: one for one in profile["PayloadContent"]}
    assert set(kinds) == {*policies.MACOS_PAYLOADS.values(), "org.mozilla.firefox"}
    assert kinds["com.google.Chrome"]["ExtensionInstallForcelist"][0].startswith("a" * 32)
    assert kinds["org.mozilla.firefox"]["EnterprisePoliciesEnabled"] is True
    assert len({one["PayloadUUID"] for one in (*profile["PayloadContent"], profile)}) == 6
    assert len(policies.macos_hosts(EXTENSION, "/Library/Fairwatch/browser")) == 5
