#!/usr/bin/python3 -IS
"""Starts the program that lies in this folder, with the packages that came with it and nothing else of the system's.

Python is called with -I and -S, so neither the environment, nor the folder that it was started in, nor the system's
own packages can put a module before ours: the service runs as root.
"""

import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run the program's command line; returns its exit code, 2 where nothing was built for this Python."""
    own = HERE / "cp{}{}".format(*sys.version_info)
    if not own.is_dir():
        built = ", ".join(f"{path.name[2]}.{path.name[3:]}" for path in sorted(HERE.glob("cp*")))
        print(f"{HERE}: built for Python {built}, and this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    sys.path[:0] = [str(HERE), str(own), str(HERE / "shared")]
    name = "agent" if (HERE / "agent").is_dir() else "server"
    return int(import_module(f"{name}.__main__").main())


if __name__ == "__main__":
    sys.exit(main())
