"""The peers to measure beside, in an environment of their own: made once from `peers.lock`, every file by its hash."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".venv-peers"
LOCK = Path(__file__).with_name("peers.lock")


def programs() -> Path:
    """Return the folder of the peers' programs (`python`, `aw-server`), after making the environment if need be."""
    made = FOLDER / "made-from.lock"
    if not made.exists() or made.read_bytes() != LOCK.read_bytes():
        print("  installing the peers to measure beside into .venv-peers", file=sys.stderr, flush=True)
        venv.create(FOLDER, with_pip=True, clear=True)
        command = [FOLDER / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCK]
        subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL)
        made.write_bytes(LOCK.read_bytes())
    return FOLDER / "bin"
