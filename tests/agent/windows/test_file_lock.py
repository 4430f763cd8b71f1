"""Of two programs that want the same lock one waits for the other, however that one ends."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agent.windows.file_lock import held
from tests.agent.windows.wine_python import as_windows


@pytest.mark.skipif(sys.platform == "win32", reason="Windows is where it is")
def test_on_another_system_it_is_an_error(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("wb") as file, pytest.raises(OSError, match="Windows"), held(file.fileno()):
        pass


HOLDING = """
import subprocess, sys, time
from agent.windows.file_lock import held
if len(sys.argv) > 2:
    with open(sys.argv[1], "wb") as file, held(file.fileno()):
        print("has it", flush=True)
        time.sleep(1.5)
        print("gives it back", flush=True)
        sys.exit(7)
code = open(sys.argv[1] + ".py").read()
other = subprocess.Popen([sys.executable, "-c", code, sys.argv[1], "other"], stdout=subprocess.PIPE, text=True)
print(other.stdout.readline().strip())
began = time.monotonic()
with open(sys.argv[1], "wb") as file:
    try:
        with held(file.fileno(), 0.0):
            print("both have it")
    except OSError:
        print("refused")
with open(sys.argv[1], "wb") as file, held(file.fileno()):
    print(time.monotonic() - began > 0.7, other.stdout.read().strip(), other.wait())
with open(sys.argv[1], "wb") as file, held(file.fileno()):
    print("again")
"""


@pytest.mark.more
def test_on_windows_a_second_program_waits_for_the_first(wine, tmp_path: Path) -> None:
    (tmp_path / "lock.py").write_text(HOLDING, "utf-8")
    said = wine.run(HOLDING, as_windows(tmp_path / "lock"))
    assert said.splitlines() == ["has it", "refused", "True gives it back 7", "again"]
