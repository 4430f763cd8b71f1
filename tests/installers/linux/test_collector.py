"""On a clean system the collector's package installs without a question, serves as its own account, and purges clean.

No systemd runs there: it is started by hand as its unit says, with the unit's account and capabilities and everything
but its own folder read-only.
"""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator

import pytest

from installers.linux.closure import TOP
from installers.linux.contents import COLLECTOR
from server.children import free_port
from tests.installers.linux import clean_system
from tests.installers.linux.clean_system import CleanSystem
from tests.installers.linux.test_contents import rows

pytestmark = [
    pytest.mark.more,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(clean_system.why_not()), reason=clean_system.why_not() or "it can be made"),
]
DATA = "/var/lib/fairwatch-collector"
UNIT = TOP / "installers/linux/collector/fairwatch-collector.service"
DRAW = """
import sys
sys.path[:0] = [f"/usr/lib/fairwatch-collector/cp3{sys.version_info[1]}", "/usr/lib/fairwatch-collector/shared"]
import weasyprint
print(weasyprint.HTML(string="<p>A month").write_pdf()[:5])
"""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> CleanSystem:
    made = CleanSystem(tmp_path_factory.mktemp("collector") / "root")
    # What the package needs of the system, so that what is compared is the package alone.
    made.make([need for need in COLLECTOR.depends if not need.startswith("python3")])
    return made


def running(system: CleanSystem, port: int) -> Iterator[None]:
    said = dict(line.partition("=")[::2] for line in UNIT.read_text().splitlines() if "=" in line)
    powers = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in said["CapabilityBoundingSet"].split())
    account = [f"--reuid={said['User']}", f"--regid={said['Group']}", "--init-groups"]
    words = ["setpriv", *account, f"--bounding-set=-all,{powers}", "--no-new-privs", *shlex.split(said["ExecStart"])]
    child = subprocess.Popen(system.command([*words, "--http"], writable=DATA), start_new_session=True)
    try:
        until = time.monotonic() + 60
        while not answers(port):
            assert child.poll() is None
            assert time.monotonic() < until
            time.sleep(0.3)
        yield
    finally:
        child.send_signal(signal.SIGTERM)
        ended = child.wait(60)
    assert ended == 0


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://localhost:{port}/v1/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


OF_ACCOUNTS = {"/etc/shadow-", "/etc/gshadow-", "/etc/passwd-", "/etc/group-"}
"""The system keeps the last state of these by itself whenever an account comes or goes."""


def test_from_installation_to_purge(built, system):
    (deb,) = built.glob("fairwatch-collector_*.deb")
    shutil.copy(deb, system.root / "tmp" / deb.name)
    before = system.paths()
    told = system.apt("install", "-y", f"/tmp/{deb.name}").stdout
    assert "fairwatch-collector: installed, and not set up yet" in told

    port = free_port()
    as_account = ("runuser", "-u", "fairwatch", "--", "fairwatch-server")
    given = ("--yes", "--name", "An Organisation", "--url", f"http://localhost:{port}")
    assert "secrets: only for this account" in system.run(*as_account, "setup", *given, check=True).stdout
    for _ in running(system, port):
        told = system.run(*as_account, "doctor").stdout
        assert "secrets: only for this account" in told
        assert "database: sqlite, tables up to date" in told
    assert "b'%PDF-'" in system.run("/usr/bin/python3", "-IS", "-c", DRAW).stdout

    system.apt("remove", "-y", "fairwatch-collector")
    stays = tuple(path.rstrip("/") for path, (removed, _) in rows(COLLECTOR).items() if removed == "stays")
    left = system.paths() - before - OF_ACCOUNTS
    assert (system.root / DATA.lstrip("/") / "collector.sqlite3").is_file()
    assert [path for path in left if not path.startswith(stays)] == []

    system.apt("purge", "-y", "fairwatch-collector")
    assert system.paths() - before - OF_ACCOUNTS == set()
    assert before - system.paths() == set()
    assert system.run("getent", "passwd", "fairwatch").returncode != 0
