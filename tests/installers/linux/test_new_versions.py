"""A device takes signed versions by itself, goes back by itself from one that breaks, and refuses one that is not well.

The starting program, the archives, the signatures and the processes are the real ones; the waits of minutes are
shortened, and a small keeper stands for systemd.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from installers.linux import build
from tests.installers.linux.new_versions import AGAIN, BREAKS, GOOD, SECOND, UNWELL

pytestmark = [pytest.mark.more, pytest.mark.timeout(900)]
ROAD_SECONDS = 840.0


@pytest.fixture(scope="module")
def seen(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the whole road showed."""
    (package,), (release,) = built.glob("fairwatch-agent_*.deb"), built.glob("fairwatch-agent_*.tar.gz")
    folder = tmp_path_factory.mktemp("versions")
    command = [sys.executable, "-m", "tests.installers.linux.new_versions", package, release, folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=ROAD_SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_whole_road(seen, subtests):
    with subtests.test("from the package to a signed version"):
        assert seen["installed"] == build.version()
        assert seen["good"]["state"] == {"version": GOOD, "before": "", "starts": 0, "well": True, "bad": {}}
        assert seen["good"]["told"]["update"] == ["working", ""]
    with subtests.test("back from one that breaks once it runs, and told"):
        state = seen["breaks"]["state"]
        assert (state["version"], state["well"]) == (GOOD, True)
        assert state["bad"] == {BREAKS: "it ended badly 3 times in a row"}
        why = f"Version {BREAKS} was left: it ended badly 3 times in a row. Version {GOOD} runs on."
        assert seen["breaks"]["told"]["update"] == ["failing", why]
    with subtests.test("one that is not well never runs"):
        assert seen["unwell"]["version"] == GOOD
        assert seen["unwell"]["state"]["bad"][UNWELL] == "its self-test failed"
    with subtests.test("a later one is taken all the same, and IT sees it"):
        assert seen["second"]["state"]["version"] == SECOND
        assert seen["second"]["told"]["update"] == ["working", ""]
        assert seen["second"]["at_it"] == SECOND
    with subtests.test("as few starts as that takes"):
        # Into the good one; into the one that breaks, which ends three times; into the last; and the end.
        assert seen["codes"] == [AGAIN, AGAIN, AGAIN, AGAIN, AGAIN, AGAIN, 0][: len(seen["codes"])]
        assert len(seen["codes"]) <= 7
    with subtests.test("what is no longer needed is gone"):
        assert SECOND in seen["laid_out"]
        assert len(seen["laid_out"]) <= 2
