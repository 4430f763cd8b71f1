"""Installed, upgraded and removed silently by wine's Windows Installer: what is there, what stays, what no log says."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from installers.windows.recipe import EVENT_WORDS, EVENTS_KEY, RUN_KEY
from installers.windows.stage import browser_keys
from tests.installers.windows.wine import FAILED

pytestmark = [pytest.mark.more, pytest.mark.timeout(600)]

SERVICE = r"SYSTEM\CurrentControlSet\Services\Fairwatch"
HOST = next(iter(browser_keys()))
GIVEN = ("TOKEN=fw1.c2VjcmV0.c2lnbmF0dXJl", "COLLECTOR=https://collector.example", "ROOT=5eed5eed")
SECRETS = [word.partition("=")[2] for word in GIVEN]


def test_installed_twice_upgraded_downgraded_and_removed_it_keeps_what_the_agent_knows_and_nothing_else(clean, package):
    code, log = clean.install(package("0.1.0"), *GIVEN)
    assert code == 0
    assert sorted(path.name for path in clean.home.iterdir()) == [
        "agent",
        "fairwatch-0.1.0.dist-info",
        "fairwatch-agent.exe",
        "fairwatch-session.exe",
    ]
    assert clean.value(SERVICE, "ImagePath").strip('"').endswith(r"Fairwatch\fairwatch-agent.exe service")
    assert clean.value(RUN_KEY, "Fairwatch") == r'"C:\Program Files\Fairwatch\fairwatch-session.exe" session'
    assert clean.value(HOST) == browser_keys()[HOST]
    assert clean.value(EVENTS_KEY, "EventMessageFile") == EVENT_WORDS
    assert (clean.data / "token").read_text("ascii") == "|".join(SECRETS)
    assert clean.data.stat().st_mode & 0o007 == 0
    assert "InstallFinalize" in log
    assert [secret for secret in SECRETS if secret in log] == []

    (clean.data / "spool").mkdir()
    (clean.data / "spool/records").write_text("waiting")
    assert clean.install(package("0.1.0"))[0] == 0
    assert "0.1.0" in (clean.home / "agent/__init__.py").read_text()

    compiled = clean.home / "agent/__pycache__"
    compiled.mkdir()
    (compiled / "former.cpython-313.pyc").write_bytes(b"")
    assert clean.install(package("0.2.0"))[0] == 0
    assert "0.2.0" in (clean.home / "agent/__init__.py").read_text()
    assert "0.2.0".encode("utf-16-le") in (clean.home / "fairwatch-agent.exe").read_bytes()
    assert not compiled.exists()
    assert len(clean.installed()) == 1

    assert clean.install(package("0.1.0"))[0] == FAILED
    assert "0.2.0" in (clean.home / "agent/__init__.py").read_text()

    assert clean.remove(package("0.2.0"))[0] == 0
    assert not clean.home.exists()
    assert (clean.data / "spool/records").read_text() == "waiting"
    assert [path.name for path in clean.data.iterdir()] == ["spool"]
    assert clean.value(SERVICE, "ImagePath") is None
    assert clean.value(RUN_KEY, "Fairwatch") is None
    assert clean.value(EVENTS_KEY, "EventMessageFile") is None
    assert clean.value(HOST) is None
    assert clean.installed() == []


def test_without_token_and_python_it_installs_and_says_what_lacks_and_a_purge_leaves_nothing(clean, package):
    assert clean.install(package("0.1.0"))[0] == 0
    assert list(clean.data.iterdir()) == []
    done = clean.run(clean.home / "fairwatch-agent.exe", "status")
    assert done.returncode == 2
    assert done.stderr.strip() == (
        r"fairwatch-agent: there is no Python in C:\Program Files\Fairwatch\python: this package was built without one"
    )
    (clean.data / "spool/deep").mkdir(parents=True)
    (clean.data / "spool/deep/records").write_text("waiting")
    assert clean.remove(package("0.1.0"), "PURGE=1")[0] == 0
    assert not clean.data.exists()
    assert not clean.home.exists()


def test_a_data_folder_that_somebody_else_made_is_refused_and_gets_no_token(clean, package):
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder another account's")
    clean.data.mkdir()
    (clean.data / "theirs").touch()
    os.chown(clean.data, 65534, 65534)
    assert clean.install(package("0.1.0"), *GIVEN)[0] == FAILED
    assert [path.name for path in clean.data.iterdir()] == ["theirs"]
    assert not clean.home.exists()


def test_the_start_up_script_of_the_page_installs_a_version_once_and_gives_the_token_to_a_new_device_alone(
    clean, package, tmp_path
):
    page = (Path(__file__).parents[3] / "docs/deploying.md").read_text("utf-8")
    (script,) = re.findall(r"```bat\n(.*?)```", page, re.DOTALL)
    here = f"Z:{tmp_path}".replace("/", "\\")
    text = "".join(f"{line.strip()}\r\n" for line in script.splitlines()).replace(r"\\server\fairwatch$", here)
    start, token = tmp_path / "install.cmd", clean.data / "token"
    start.write_text(text, newline="")
    long_token = f"fw1.{'A' * 3000}.B"
    (tmp_path / "token.txt").write_text(f"{long_token}\r\n", newline="")
    shutil.copy(package("0.1.0"), tmp_path / "fairwatch-agent.msi")
    assert clean.run("cmd", "/c", f"{here}\\install.cmd").returncode == 0
    assert (clean.home / "fairwatch-agent.exe").exists()
    assert token.read_text() == f"{long_token}||"

    token.unlink()
    assert clean.run("cmd", "/c", f"{here}\\install.cmd").returncode == 0
    assert not token.exists()

    (clean.data / "identity.json").write_text("{}")
    start.write_text(text.replace("version=0.1.0", "version=0.2.0"), newline="")
    shutil.copy(package("0.2.0"), tmp_path / "fairwatch-agent.msi")
    assert clean.run("cmd", "/c", f"{here}\\install.cmd").returncode == 0
    assert (clean.home / "fairwatch-0.2.0.dist-info").exists()
    assert sorted(path.name for path in clean.data.iterdir()) == ["identity.json"]
