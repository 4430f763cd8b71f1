"""The order of the agent's versions. It imports nothing, for parts of the agent that have no room for more."""

from __future__ import annotations

import re


def order(version: str) -> tuple[int, ...]:
    """Return a version («1.2.0») so that a later one is greater; a text that is none is less than all.

    1.2 and 1.2.0 are the same version.
    """
    if re.fullmatch(r"\d{1,6}(\.\d{1,6}){0,3}", version, re.ASCII) is None:
        return ()
    numbers = [int(part) for part in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return (0, *numbers)
