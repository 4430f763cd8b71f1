"""Types that are decoded for the first time by several threads at once do not crash the interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, threading
from uuid import UUID, uuid4
import msgspec
from protocol.messages import reader

sys.setswitchinterval(0.00001)
for number in range(30):
    inner = msgspec.defstruct(f"Inner{number}", [(f"f{n}", UUID) for n in range(20)], frozen=True)
    outer = msgspec.defstruct(f"Outer{number}", [("rows", tuple[inner, ...]), ("one", inner)], frozen=True)
    row = inner(*(uuid4() for _ in range(20)))
    text = msgspec.json.encode(outer((row,) * 5, row))
    start, seen = threading.Barrier(8), []

    def decode():
        start.wait()
        seen.extend(reader(outer).decode(text) for _ in range(5))

    threads = [threading.Thread(target=decode) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 40
"""


def test_a_type_is_prepared_by_one_thread_alone():
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-500:]}"
