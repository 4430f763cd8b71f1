"""What `[training]` in collector.toml may say: which courses are expected, of which groups, and how long one lasts."""

from __future__ import annotations

from dataclasses import dataclass

EVERY_MONTHS = 12
"""KCSIE asks for updates at least once a year; where a certificate says another date, the file's date counts."""


@dataclass(frozen=True)
class TrainingSettings:
    """Which courses each person of those groups should have done; no groups are all that the policy calls staff."""

    courses: tuple[str, ...] = ("Safeguarding", "Prevent")
    groups: tuple[str, ...] = ()
    every_months: int = EVERY_MONTHS


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and 0 < len(one.strip()) <= 200 for one in value)


def _is_months(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 120


KEYS = {
    "courses": (_is_names, 'a list of courses, like ["Safeguarding", "Prevent"]'),
    "groups": (_is_names, 'a list of groups, like ["staff"]'),
    "every_months": (_is_months, "a whole number of months from 1 to 120"),
}
"""Key by key: whether a value is right, and what would be."""
