"""Whether a session is in front of its seat, by the real libsystemd over session files as logind writes them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.session.presence import is_active_session

# Each session's file, in a view of /run/systemd of this process's own; logind itself does not run here.
LOOK = """
mount -t tmpfs none /run/systemd && mkdir /run/systemd/sessions /run/systemd/users /run/systemd/seats
for one in front:1 behind:0; do
    printf 'UID=0\\nUSER=root\\nACTIVE=%s\\nSTATE=online\\nREMOTE=0\\nTYPE=x11\\nCLASS=user\\n' "${one#*:}" \\
        >"/run/systemd/sessions/${one%:*}"
done
printf 'NAME=root\\nSTATE=active\\nDISPLAY=%s\\n' "$2" >/run/systemd/users/0
exec "$1" -c 'import sys; from agent.session.presence import is_active_session
print([is_active_session({"XDG_SESSION_ID": one})() for one in ("front", "behind", "gone")], is_active_session({})())'
"""


@pytest.mark.skipif(
    os.getuid() != 0 or not Path("/run/systemd").is_dir() or shutil.which("unshare") is None,
    reason="only root may have a view of /run/systemd of its own",
)
@pytest.mark.parametrize(("display", "active"), [("front", True), ("behind", False)])
def test_logind_says_which_session_is_in_front(display: str, active: bool) -> None:
    command = ["unshare", "--mount", "sh", "-c", LOOK, "sh", sys.executable, display]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # A session that logind does not know is left to what the display says.
    assert said == f"[True, False, True] {active}\n"


def test_without_the_library_only_the_display_tells() -> None:
    assert is_active_session({"XDG_SESSION_ID": "1"}, library="libnone.so.0")()
