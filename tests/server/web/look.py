"""Look at a page as people do: on a screen and on a phone, light and dark."""

from __future__ import annotations

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe

WIDTHS = (1280, 360)


def look(page, name):
    """Axe finds nothing, and nothing is too wide; pictures are left in the folder that FAIRWATCH_PICTURES names."""
    folder = os.environ.get("FAIRWATCH_PICTURES")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            found = [fault["id"] for fault in Axe().run(page).response["violations"]]
            assert found == [], (name, scheme, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
            if folder:
                page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=True)
    page.set_viewport_size({"width": WIDTHS[0], "height": 800})
    page.emulate_media(color_scheme="light")
