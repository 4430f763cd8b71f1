"""The page on platforms says of each of Windows' functions how it was tried, and leaves none out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[3]
ROW = re.compile(r"^\| `(\w+\.py)` \| (`\w+`(?:, `\w+`)*) \| (wine|documented)\b", re.MULTILINE)
ASKED = re.compile(r"\bdeclare\(\s*\w+,\s*\"(\w+)\"")
ROWS = ROW.findall((TOP / "docs/platforms.md").read_text("utf-8"))
MODULES = {path.name: path.read_text("utf-8") for path in (TOP / "agent/windows").glob("*.py")}


def test_every_function_that_is_asked_is_on_the_page_and_no_other() -> None:
    on_page = sorted((module, name) for module, names, _ in ROWS for name in re.findall(r"\w+", names))
    asked = sorted({(module, name) for module, text in MODULES.items() for name in ASKED.findall(text)})
    assert asked
    assert on_page == asked


@pytest.mark.parametrize("module", sorted({module for module, _, how in ROWS if how == "wine"}))
def test_what_was_run_under_wine_has_a_test_that_runs_it_there(module: str) -> None:
    test = (TOP / f"tests/agent/windows/test_{module}").read_text("utf-8")
    under_wine = re.findall(r"^@pytest\.mark\.more\ndef test_\w+\(\s*wine(?:_on_screen)?\b", test, re.MULTILINE)
    assert under_wine
    assert f"agent.windows.{module.removesuffix('.py')} import" in test
