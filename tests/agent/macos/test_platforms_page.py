"""The page on platforms names each thing that macOS is asked for, and no other."""

from __future__ import annotations

import re
from pathlib import Path

TOP = Path(__file__).parents[3]
PAGE = (TOP / "docs/platforms.md").read_text("utf-8").partition("## macOS")[2]
ROWS = re.findall(r"^\| `(\w+\.py)` \| (`[\w-]+`(?:, `[\w-]+`)*) \|", PAGE, re.MULTILINE)
ON_PAGE = sorted((module, name) for module, names in ROWS for name in re.findall(r"[\w-]+", names))
OF_APPLE = {
    "workspace.py": r"\bNSWorkspace\w*(?=\.shared|\")|\bCG\w+(?=\")|frontmostApplication|bundleIdentifier",
    "foreground.py": r"(?<=\")k?CG\w+(?=\")",
    "keychain.py": r"(?<=\")[a-z]+-generic-password(?=\")",
}


def test_every_name_of_apples_is_on_the_page_and_no_other() -> None:
    used = {
        (module, name)
        for module, form in OF_APPLE.items()
        for name in re.findall(form, (TOP / "agent/macos" / module).read_text("utf-8"))
    }
    assert len(used) >= 14
    assert sorted(used) == ON_PAGE
