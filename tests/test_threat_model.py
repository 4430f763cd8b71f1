"""The threat model says nothing that no test holds: each attack names tests, and those tests are there."""

from __future__ import annotations

import re
from pathlib import Path

TOP = Path(__file__).parents[1]
TEXT = (TOP / "docs" / "threat-model.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[^`]+\.py)::(\w+)`", TEXT)))


def test_every_test_that_it_names_is_there():
    missing = [
        f"{file}::{name}"
        for file, name in NAMED
        if not (TOP / file).is_file() or not re.search(rf"^def {name}\(", (TOP / file).read_text(), re.MULTILINE)
    ]
    assert len(NAMED) > 40
    assert missing == []


def test_every_attacker_has_attacks_each_with_its_tests_and_says_what_remains():
    parts = re.split(r"^### (A\d+) ", TEXT.partition("## Across")[0], flags=re.MULTILINE)[1:]
    attackers = dict(zip(parts[::2], parts[1::2], strict=True))
    assert list(attackers) == [f"A{number}" for number in range(1, 12)]
    for number, said in attackers.items():
        rows = [line for line in said.splitlines() if line.startswith("| ")][1:]
        assert rows, number
        assert [row for row in rows if "::test_" not in row] == [], number
        assert "*Remains*" in said or number == "A10", number
