"""The whole package with a Python in it, installed under wine: what it places is the agent, and it enrols and runs."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.keys import IDENTITY_FILE
from installers.linux.build import version
from installers.windows import build
from installers.windows.python_zip import python_of
from tests.agent.enrolling import collecting
from tests.agent.windows import wine_python
from tests.installers.windows import embeddable

LONGEST_SECONDS = 90.0
pytestmark = [pytest.mark.more, pytest.mark.timeout(900)]


def wait_until(done: Callable[[], bool]) -> None:
    """Wait for what the service does in its own time."""
    until = time.monotonic() + LONGEST_SECONDS
    while not done():
        assert time.monotonic() < until
        time.sleep(0.3)


@pytest.fixture(scope="module")
def whole(builders, tmp_path_factory) -> Path:
    """The package, as IT builds it."""
    if reason := wine_python.why_not():
        pytest.skip(reason)
    base = tmp_path_factory.getbasetemp()
    python = wine_python.build((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "wine").program.parent
    folder = tmp_path_factory.mktemp("whole")
    archive = folder / "python.zip"
    digest = embeddable.zipped(python, archive)
    return build.build(folder, version(), 1_700_000_000, (archive, python_of(archive, digest)))


def test_the_service_enrols_with_what_was_given_and_a_removal_leaves_its_identity_until_a_purge(
    clean, whole, pilot, tmp_path
):
    with collecting(pilot, tmp_path) as setting:
        root = hashlib.sha256(setting.collector.publication.read("metadata/1.root.json")).hexdigest()
        given = (f"TOKEN={setting.token()}", f"COLLECTOR={setting.collector.url}", f"ROOT={root}")
        code, log = clean.install(whole, *given)
        assert code == 0
        assert not [word for word in given if word.partition("=")[2] in log]
        identity = clean.data / IDENTITY_FILE
        wait_until(identity.exists)
        wait_until(lambda: not (clean.data / "token").exists())
        assert len(setting.collector.devices) == 1
        program = clean.home / "fairwatch-agent.exe"
        wait_until(lambda: clean.run(program, "status", "--json").returncode == 0)

        before = identity.read_bytes()
        assert clean.remove(whole)[0] == 0
        assert not clean.home.exists()
        assert identity.read_bytes() == before

        assert clean.install(whole)[0] == 0
        wait_until(lambda: clean.run(program, "status", "--json").returncode == 0)
        assert identity.read_bytes() == before
        assert len(setting.collector.devices) == 1
        assert clean.remove(whole, "PURGE=1")[0] == 0
        assert not clean.home.exists()
        assert not clean.data.exists()


def test_nothing_but_the_python_of_the_package_is_run_and_a_token_that_is_none_is_put_aside(clean, whole, tmp_path):
    assert clean.install(whole, "TOKEN=fw1.none.none")[0] == 0
    wait_until((clean.data / "token.refused").exists)
    assert not (clean.data / "token").exists()
    for name in ("agent", "json", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("print('evil')\nraise SystemExit(9)\n")
    evil = {"PYTHONPATH": f"Z:{tmp_path}", "PYTHONHOME": f"Z:{tmp_path}"}
    done = clean.run(clean.home / "fairwatch-agent.exe", "--help", environment=evil, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "scan-history" in done.stdout
    assert "evil" not in done.stdout
    assert clean.run(clean.home / "fairwatch-session.exe", "--help").stdout == done.stdout
    assert list(clean.home.rglob("*.pyc"))
    assert clean.remove(whole, "PURGE=1")[0] == 0
    assert not clean.home.exists()
