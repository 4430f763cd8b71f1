"""The extension's own page, in real browsers: what is told, by whom, of private windows or not, and the notice."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from agent.notice import NoticeFacts, compose
from tests.agent.extension.real_browsers import needs_own_folders
from tests.server.web.look import look

pytestmark = [needs_own_folders, pytest.mark.more, pytest.mark.timeout(180)]

FACTS = NoticeFacts(
    organisation="Northgate Training", groups=(), rules_page="https://rules.example/", private_windows=True
)
POPUP = "WebExtensionPolicy.getByID('extension@fairwatch').getURL('about.html')"
BUTTON = "!!document.getElementById('extension_fairwatch-browser-action')"


@pytest.fixture
def told(ear):
    """A service whose policy has private windows watched, and whose notice names the organisation."""
    ear.notice, ear.private_windows = compose(FACTS), True
    ear.server.refresh()
    return ear


def test_in_chromium_it_says_what_is_told_now_and_shows_the_whole_notice(browsers, told, playwright_driver):
    chromium = browsers.chromium()
    page = playwright_driver.chromium.connect_over_cdp(chromium.control).contexts[0].new_page()
    page.goto(f"chrome-extension://{browsers.extension.chromium_id}/about.html")
    page.get_by_text("This is told now:").wait_for()
    assert page.locator("h1").inner_text() == "This device is monitored"
    assert page.locator("#introduction").inner_text().startswith("Northgate Training owns this device")
    assert page.locator("#private").inner_text().endswith("but this browser lets nobody look.")
    assert not page.get_by_text("Nobody can open a case about themselves.").is_visible()
    look(page, "extension-folded")
    page.locator("summary").click()
    for section in told.notice.sections:
        for line in section.lines:
            assert page.get_by_role("listitem").filter(has_text=line).count(), line
    assert page.get_by_role("link").get_attribute("href") == "https://rules.example/"
    look(page, "extension-notice")
    told.private_windows = told.observe = False
    told.server.refresh()
    page.get_by_text("watching has not begun").wait_for()
    assert page.locator("#private").inner_text() == "This extension tells nothing of private windows."


def test_in_firefox_it_stands_in_the_toolbar_and_says_the_same(browsers, told, until):
    browsers.extension = browsers.packed(private_windows="watched")
    firefox = browsers.firefox()
    firefox.ask("Marionette:SetContext", {"value": "chrome"})
    until(lambda: run(firefox, f"return {BUTTON}"))
    address = run(firefox, f"return {POPUP}")
    firefox.ask("Marionette:SetContext", {"value": "content"})
    firefox.visit(address)
    until(lambda: run(firefox, "return document.getElementById('state').textContent") == "This is told now:")
    assert "Northgate Training owns this device" in run(firefox, "return document.body.textContent")
    said = run(firefox, "return document.getElementById('private').textContent")
    assert said == "The same of private windows, as your organisation’s signed policy says."
    picture(firefox, "extension-firefox")


def run(firefox, script):
    return firefox.ask("WebDriver:ExecuteScript", {"script": script, "args": []})["value"]


def picture(firefox, name):
    folder = os.environ.get("FAIRWATCH_PICTURES")
    if folder:
        taken = firefox.ask("WebDriver:TakeScreenshot", {"full": True})["value"]
        (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(taken))
