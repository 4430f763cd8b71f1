"""The container is built on a clean system and runs without powers, with a root that can't be written to.

Not tried here: a base from a registry, published ports, and the timers of systemd that ask for a container's health.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from server.children import free_port
from tests.installers.server import container
from tests.installers.server.container import IMAGE, NAME, Containers

pytestmark = [
    pytest.mark.more,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(bool(container.why_not()), reason=container.why_not() or "it can be made"),
]


@pytest.fixture
def containers(tmp_path) -> Iterator[Containers]:
    made = Containers(tmp_path / "containers")
    made.folder.mkdir()
    try:
        yield made
    finally:
        made.close()


def test_it_is_built_set_up_and_runs_without_powers_and_ends_when_told(built, containers):
    containers.make_base()
    containers.build(built)
    port = free_port()
    given = (
        "--yes",
        "--name",
        "An Organisation",
        "--url",
        f"https://localhost:{port}",
        "--listen",
        f"127.0.0.1:{port}",
    )
    told = containers.run("setup", *given).stdout
    assert "secrets: only for this account" in told
    assert "database: sqlite, tables up to date" in told

    containers.run(detached=True)
    within(lambda: inside(containers, "fairwatch-server", "doctor", "--alive").returncode == 0)
    status = inside(containers, "cat", "/proc/1/status").stdout
    assert "Uid:\t8460\t8460\t8460\t8460" in status
    assert [line for line in status.splitlines() if line.startswith("CapEff")] == ["CapEff:\t0000000000000000"]
    assert [line for line in status.splitlines() if line.startswith("CapBnd")] == ["CapBnd:\t0000000000000000"]
    assert "NoNewPrivs:\t1" in status
    for folder in ("/", "/usr/lib/fairwatch-collector", "/etc", "/var/lib"):
        written = inside(containers, "sh", "-c", f"echo x > {folder}/written")
        assert written.returncode != 0, folder
    assert inside(containers, "sh", "-c", "echo x > /tmp/written").returncode == 0

    containers.podman("stop", "--time", "30", NAME)
    ended = containers.podman("inspect", "--format", "{{.State.ExitCode}}", NAME).stdout.strip()
    assert ended == "0"
    assert containers.run("doctor", "--alive", check=False).returncode == 1
    (image,) = json.loads(containers.podman("inspect", "--type", "image", IMAGE).stdout)
    assert image["Healthcheck"]["Test"] == ["CMD", "fairwatch-server", "doctor", "--alive"]


def inside(containers, *words):
    return containers.podman("exec", NAME, *words, check=False)


def within(true, seconds=60.0):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.5)
