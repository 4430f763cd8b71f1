"""How the collector's own commands are started again, for those that it runs as processes: always the same version."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

_STARTER: Final = Path(__file__).parents[1] / "start.py"
"""Where a package put the collector, this lies beside it and finds the packages that came with it."""


def own_command(starter: Path = _STARTER) -> tuple[str, ...]:
    """Return the words before a command's name: the starter beside the code, or the interpreter's module."""
    if starter.is_file():
        return (sys.executable, "-IS", str(starter))
    return (sys.executable, "-m", "server")
