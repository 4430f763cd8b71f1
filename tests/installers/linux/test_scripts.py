"""What the package's scripts do to Firefox's one file of policies, as dpkg and rpm run them, in folders apart."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[3] / "installers/linux/agent"
OURS = "/usr/share/fairwatch/extension/firefox-policies.json"
PLACE = "/etc/firefox/policies/policies.json"
ALONE = """
for folder in etc run usr/share var/lib; do mount -t tmpfs none "/$folder" || exit 3; done
mkdir -p /usr/share/fairwatch/extension /etc/firefox/policies
"""


def can_be_alone() -> bool:
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0


pytestmark = [
    pytest.mark.more,
    pytest.mark.skipif(not can_be_alone(), reason="folders of their own take a mount namespace, which takes root"),
]


def left_by(*steps: str) -> str:
    """What lies in the place of Firefox's policies after these lines of shell; empty where nothing does."""
    lines = [ALONE, "exec 3>&1 >/dev/null", *steps, f"cat {PLACE} >&3 2>/dev/null || true"]
    words = ["unshare", "-m", "sh", "-ec", "\n".join(lines)]
    done = subprocess.run(words, cwd=SCRIPTS, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def unpack(words: str) -> str:
    return f"echo 'extension@fairwatch {words}' >{OURS}"


@pytest.mark.parametrize(
    ("before", "after", "at_the_end"),
    [
        ("sh ./prerm upgrade 2; sh ./preinst upgrade 1 2", "sh ./postinst configure 1", "sh ./prerm remove"),
        ("sh ./preinst 2", "sh ./postinst 2; sh ./prerm 1", "sh ./prerm 0"),
    ],
    ids=["dpkg", "rpm"],
)
def test_an_upgrade_puts_its_own_policies_in_the_former_ones_place_and_a_removal_takes_them_away(
    before, after, at_the_end
):
    upgraded = (unpack("old"), "sh ./postinst configure", before, unpack("new"), after)
    assert left_by(*upgraded) == "extension@fairwatch new"
    assert left_by(*upgraded, at_the_end) == ""


def test_an_organisations_own_policies_are_left_alone():
    theirs = f"echo 'extension@fairwatch and more' >{PLACE}"
    steps = (unpack("old"), theirs, "sh ./postinst configure", "sh ./preinst upgrade 1 2", unpack("new"))
    assert left_by(*steps, "sh ./postinst configure 1", "sh ./prerm remove") == "extension@fairwatch and more"


def test_a_downgrade_that_is_refused_takes_nothing_away():
    steps = (unpack("new"), "sh ./postinst configure", "sh ./preinst upgrade 2 1 2>/dev/null || true")
    assert left_by(*steps) == "extension@fairwatch new"
