#!/usr/bin/python3 -IS
"""The program `fairwatch-agent` of the Linux package: chooses which version of the agent to start, and starts it.

It chooses the version that the package installed, in the folder of this file. A version is a folder with `start.py`,
the agent's code, and its packages: `shared` for all Pythons, `cp311` and so on for one. Only the standard library.
"""

import sys
from pathlib import Path
from runpy import run_path

INSTALLED = Path(__file__).resolve().parent


def chosen() -> Path:
    """Return the folder of the version to start."""
    return INSTALLED


if __name__ == "__main__":
    sys.argv[0] = "fairwatch-agent"
    run_path(str(chosen() / "start.py"), run_name="__main__")
