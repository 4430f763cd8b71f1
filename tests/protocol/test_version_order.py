"""A later version is greater, whoever compares; the program that starts the agent compares as the rest does."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path

import pytest

from protocol.version_order import order

LAUNCH = Path(__file__).parents[2] / "installers/linux/agent/launch.py"


@pytest.mark.parametrize(
    ("earlier", "later"),
    [("1.2.0", "1.2.1"), ("1.9", "1.10"), ("0.9.9.9", "1.0"), ("", "0"), ("unknown", "0.0.1"), ("1.2.0-rc1", "0.1")],
)
def test_later_is_greater(earlier, later):
    assert order(earlier) < order(later)


def test_zeros_at_the_end_make_no_difference():
    assert order("1.2") == order("1.2.0") == order("1.2.0.0")


@pytest.mark.parametrize("text", ["", "1.", ".1", "1.2.3.4.5", "v1", "1.-2", "1234567.0", "١.٢", "1.2\n"])
def test_what_is_no_version_is_less_than_all(text):
    assert order(text) == ()


def test_the_starting_program_has_the_same_order():
    theirs = run_path(str(LAUNCH))["order"]
    for text in ("1.2.0", "1.10", "0", "", "x", "1.2.3.4.5", "1.2\n", "١", "000001.2"):
        assert theirs(text) == order(text)
