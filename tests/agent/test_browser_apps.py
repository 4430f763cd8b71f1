"""Which apps are browsers, by the identities that a session part gives."""

from __future__ import annotations

import pytest

from agent.browser_apps import is_browser


@pytest.mark.parametrize(
    "identity",
    [
        "linux:firefox-esr",
        "linux:exe:chrome",
        "linux:org.mozilla.firefox",
        "linux:firefox_firefox",
        "linux:chromium_chromium",
        "linux:com.google.Chrome",
        "windows:exe:msedge.exe",
        "macos:com.apple.Safari",
    ],
)
def test_browsers_are_known_however_they_were_installed(identity):
    assert is_browser(identity)


@pytest.mark.parametrize("identity", ["linux:exe:chromedriver", "linux:libreoffice-writer", "linux:", "firefoxish", ""])
def test_other_apps_are_not_browsers(identity):
    assert not is_browser(identity)
