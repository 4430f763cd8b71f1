"""What the package's scripts do to the service, the token and Firefox's policies, run as dpkg and rpm run them.

They run in folders apart; a small program notes what systemd would have been told, which doesn't run here.
"""

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
SYSTEMD = """
mkdir -p /run/systemd/system /run/stand-in
cat >/run/stand-in/systemctl <<'END'
#!/bin/sh
case "$*" in
    stop\\ fairwatch-agent.service) rm -f /run/agent ;;
    start*\\ fairwatch-agent.service | restart*\\ fairwatch-agent.service) echo "since the $1" >/run/agent ;;
esac
END
chmod +x /run/stand-in/systemctl
PATH=/run/stand-in:$PATH
"""
ENROLS = """
mkdir -m 700 /etc/fairwatch; mkdir /var/lib/fairwatch
sed s,/usr/bin/fairwatch-agent,/run/stand-in/agent, enrol.sh >/run/enrol.sh
token() { echo secret >/etc/fairwatch/token; chmod 600 /etc/fairwatch/token; }
answers() {
    printf '#!/bin/sh\\necho asked >>/run/asked\\n%s\\n' "$1" >/run/stand-in/agent
    chmod +x /run/stand-in/agent
}
enrols='sleep 0.3; >/var/lib/fairwatch/identity.json'
left() { ls /etc/fairwatch >&3; }
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
        ("sh ./preinst 2", "sh ./postinst 2; sh ./prerm 1; sh ./posttrans 2", "sh ./prerm 0"),
    ],
    ids=["dpkg", "rpm"],
)
def test_an_upgrade_puts_its_own_policies_in_the_former_ones_place_and_a_removal_takes_them_away(
    before, after, at_the_end
):
    upgraded = (unpack("old"), "sh ./postinst configure", before, unpack("new"), after)
    assert left_by(*upgraded) == "extension@fairwatch new"
    assert left_by(*upgraded, at_the_end) == ""


def told(*steps: str) -> list[str]:
    """What these lines of shell say by descriptor 3."""
    return left_by(SYSTEMD, unpack("any"), *steps, "rm -f " + PLACE).split()


@pytest.mark.parametrize(
    "steps",
    [
        ("sh ./prerm upgrade 2", "sh ./preinst upgrade 1 2", "sh ./postrm upgrade 2", "sh ./postinst configure 1"),
        ("sh ./preinst 2", "sh ./postinst 2", "sh ./prerm 1", "sh ./postrm 1", "sh ./posttrans 2"),
        ("sh ./preinst 1", "sh ./postinst 1", "sh ./posttrans 1"),
    ],
    ids=["dpkg's upgrade", "rpm's upgrade", "rpm's first"],
)
def test_the_service_runs_after_an_installation_and_an_upgrade(steps):
    assert told(*steps, "cat /run/agent >&3")[:2] == ["since", "the"]


def test_an_upgrade_by_rpm_starts_the_service_only_once_the_former_files_are_gone():
    steps = (
        "echo former >/run/agent",
        "sh ./preinst 2",
        "sh ./postinst 2",
        "sh ./prerm 1",
        "ls /run/agent >&3 || true",
    )
    assert told(*steps) == []


def test_after_a_removal_the_service_does_not_run():
    for word in ("remove", "0"):
        assert told("echo former >/run/agent", f"sh ./prerm {word}", "ls /run/agent >&3 || true") == []


def test_two_enrolments_at_once_ask_once():
    steps = (
        ENROLS,
        "token",
        'answers "$enrols"',
        "sh /run/enrol.sh &",
        "sh /run/enrol.sh",
        "wait",
        "cat /run/asked >&3",
    )
    assert told(*steps, "left") == ["asked"]


def test_a_refused_token_lies_aside_until_another_is_tried():
    refused = (ENROLS, "token", "answers 'exit 2'", "sh /run/enrol.sh || true")
    assert told(*refused, "left") == ["token.refused"]
    assert told(*refused, "token", "answers 'exit 1'", "sh /run/enrol.sh || true", "left") == ["token"]
    assert told(*refused, "token", 'answers "$enrols"', "sh /run/enrol.sh", "left") == []


def test_a_token_that_is_still_being_written_is_waited_for():
    """The program refuses what is half there, while the rest is written."""
    cut = "printf secr >/etc/fairwatch/token; chmod 600 /etc/fairwatch/token"
    reads = "grep -q secret /etc/fairwatch/token || { echo et >>/etc/fairwatch/token; exit 2; }"
    steps = (ENROLS, cut, f"answers '{reads}'", "sh /run/enrol.sh", "cat /run/asked >&3")
    assert told(*steps, "left") == ["asked", "asked"]
    never = "echo more >>/etc/fairwatch/token; exit 2"
    assert told(ENROLS, cut, f"answers '{never}'", "sh /run/enrol.sh || echo $? >&3", "left") == ["1", "token"]


@pytest.mark.parametrize("nothing", ["", " \\n\\n"])
def test_an_empty_file_is_no_token_yet_and_whoever_writes_it_goes_on_in_the_same_one(nothing):
    made = f"printf '{nothing}' >/etc/fairwatch/token; chmod 600 /etc/fairwatch/token"
    kept = "echo $? >&3; test ! -e /run/asked"
    written = ("exec 4>>/etc/fairwatch/token", "sh /run/enrol.sh 2>/run/said && exit 9 || " + kept, "echo secret >&4")
    reads = "grep -q secret /etc/fairwatch/token || exit 2"
    steps = (ENROLS, made, f"answers '{reads}; >/var/lib/fairwatch/identity.json'", *written)
    assert told(*steps, "grep -o 'still empty' /run/said >&3") == ["1", "still", "empty"]
    assert told(*steps, "sh /run/enrol.sh", "left") == ["1"]


def test_an_installation_with_an_empty_token_file_says_so_and_keeps_it():
    steps = (
        ENROLS,
        ">/etc/fairwatch/token; chmod 600 /etc/fairwatch/token",
        "mkdir -p /run/home; cp /run/enrol.sh /run/home/; chmod +x /run/home/enrol.sh",
        "sed 's,^home=.*,home=/run/home,' postinst >/run/postinst",
        "sh /run/postinst configure 2>&1 | grep -c 'still empty' >&3",
    )
    assert told(*steps, "left") == ["1", "token"]


def test_an_enrolled_device_without_a_token_is_not_said_to_be_unwatched():
    steps = (ENROLS, "answers 'exit 2'", ">/var/lib/fairwatch/identity.json", "sh /run/enrol.sh 2>&3", "echo done >&3")
    assert told(*steps) == ["done"]


def test_an_organisations_own_policies_are_left_alone():
    theirs = f"echo 'extension@fairwatch and more' >{PLACE}"
    steps = (unpack("old"), theirs, "sh ./postinst configure", "sh ./preinst upgrade 1 2", unpack("new"))
    assert left_by(*steps, "sh ./postinst configure 1", "sh ./prerm remove") == "extension@fairwatch and more"


def test_a_downgrade_that_is_refused_takes_nothing_away():
    steps = (unpack("new"), "sh ./postinst configure", "sh ./preinst upgrade 2 1 2>/dev/null || true")
    assert left_by(*steps) == "extension@fairwatch new"
