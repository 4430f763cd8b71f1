"""On a clean system the agent's package installs, enrols, watches, survives an upgrade, and leaves nothing behind.

No systemd runs there: the service is started by hand as its unit says, with the unit's capabilities, no way to gain
others, and everything but its own folder read-only. The filter of system calls and the limits of CPU and memory are
systemd's and are not tried here. No screen is there either: the notice is printed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from installers.linux import build
from installers.linux.contents import AGENT
from tests.installers.linux import clean_system
from tests.installers.linux.proof import BY_EXTENSION, FLAGGED, NEWER, PERSON
from tests.installers.linux.test_contents import rows

pytestmark = [
    pytest.mark.more,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(clean_system.why_not()), reason=clean_system.why_not() or "it can be made"),
]
INSTALL_SECONDS = 30.0
PROOF_SECONDS = 700.0


@pytest.fixture(scope="module")
def seen(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the whole road showed; the clean system goes with the test's own folder."""
    (package,) = built.glob("fairwatch-agent_*.deb")
    folder = tmp_path_factory.mktemp("clean")
    command = [sys.executable, "-m", "tests.installers.linux.proof", package, folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PROOF_SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def without_a_token(seen: dict[str, Any]) -> None:
    """It installs, says what to do, and watches nothing; so with a token that is open to others, or expired."""
    assert "installed, and not enrolled yet: put IT's token into /etc/fairwatch/token" in seen["no_token"]
    assert "can be read or changed by other accounts" in seen["open_token"]
    assert "expired" in seen["expired_token"]
    assert "this device is not enrolled, and nothing is watched" in seen["expired_token"]
    assert seen["after_expired"] == "install ok installed"
    assert seen["not_enrolled"]
    assert "run fairwatch-agent enrol first" in seen["run_without"]


def enrolled_in_one_step(seen: dict[str, Any]) -> None:
    """Enrolled and the token gone, from disk and from everything that was written."""
    assert "fairwatch-agent: enrolled as device" in seen["install"]
    assert seen["install_seconds"] < INSTALL_SECONDS
    assert seen["token_is_gone"]
    assert seen["token_found_in"] == []


def a_visit_becomes_an_incident(seen: dict[str, Any]) -> None:
    """The lead's key opens that visit, of that person, and nothing else."""
    assert seen["evidence"] == [FLAGGED[0]]
    assert seen["person"] == PERSON
    assert seen["by_extension"] == [[BY_EXTENSION], "browser_extension"]
    assert seen["status"]["running"]
    assert "changed" not in json.dumps(seen["status"]["notices"]), "the files are those of the package"


def installed_again(seen: dict[str, Any]) -> None:
    """The device keeps its identity."""
    assert "already enrolled, nothing changed" in seen["again"]
    assert seen["same_after_again"]


def upgraded(seen: dict[str, Any]) -> None:
    """Identity and spool are kept; what waited arrives, all of it and once."""
    assert seen["alerts_waiting"] >= 3
    assert seen["waiting"] >= seen["alerts_waiting"]
    assert seen["spool_kept"]
    assert seen["identity_kept"]
    assert seen["version"] == NEWER
    assert seen["incidents"] == seen["incidents_expected"]
    assert seen["still_waiting"] == []


def downgraded(seen: dict[str, Any]) -> None:
    """It is refused in one sentence, and the newer stays installed and in order."""
    assert seen["downgrade"]["code"] != 0
    said = [line for line in seen["downgrade"]["said"].splitlines() if line.startswith("fairwatch-agent: ")]
    assert len(said) == 1
    assert said[0].startswith(f"fairwatch-agent: {build.version()} is older than the {NEWER} that is here")
    assert seen["after_downgrade"] == f"install ok installed {NEWER}"


def removed_and_purged(seen: dict[str, Any]) -> None:
    """What stays is what the page says; after a purge nothing, and nothing else is gone."""
    stays = tuple(path.rstrip("/") for path, (removed, _) in rows(AGENT).items() if removed == "stays")
    assert set(stays) <= set(seen["after_remove"])
    assert [path for path in seen["after_remove"] if not path.startswith(stays)] == []
    assert seen["kept_after_remove"]
    assert seen["after_purge"] == []
    assert seen["gone_after_purge"] == []


def test_the_whole_road(seen, subtests):
    stretches = (
        without_a_token, enrolled_in_one_step, a_visit_becomes_an_incident, installed_again, upgraded, downgraded,
        removed_and_purged,
    )  # fmt: skip
    for judge in stretches:
        with subtests.test(judge.__name__):
            judge(seen)
