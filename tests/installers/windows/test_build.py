"""The whole package, as `make installers` builds it: it holds what its page says, and nothing of the collector."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from agent.installed_files import MANIFEST, read_manifest
from installers.browsers import packing
from installers.linux.build import version
from installers.linux.closure import PYTHONS, closure, read_lock
from installers.windows import build
from installers.windows.stage import stage

TOP = Path(__file__).parents[3]
PAGE = (TOP / "installers/windows/README.md").read_text("utf-8")
LOCK = read_lock((TOP / "requirements.lock").read_text("utf-8"))


@pytest.mark.parametrize("python", PYTHONS)
def test_the_agent_carries_what_it_needs_on_windows_and_nothing_of_linux(python):
    names = {one.name for one in closure("agent", LOCK, python, "Windows")}
    assert {"cryptography", "msgspec", "psutil", "requests", "tuf", "tzdata", "watchdog"} <= names
    assert names & {"python-xlib", "six", "django", "granian", "numpy"} == set()


def test_python_and_its_hash_belong_together(capsys):
    with pytest.raises(SystemExit) as ended:
        build.main(["--python", "some.zip"])
    assert ended.value.code == 2
    assert "--python and --sha256 belong together" in capsys.readouterr().err


def test_where_a_program_lacks_it_says_which_package_to_install(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nowhere")
    assert build.main([]) == 2
    assert build.main(["--if-possible"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said == ["installers: no Windows package was built: it needs gcc-mingw-w64-x86-64-win32 msitools wixl"] * 2


@pytest.mark.more
@pytest.mark.timeout(600)
def test_the_package_holds_what_its_page_says_and_nothing_of_the_collector(builders, tmp_path):
    if shutil.which(build.COMPILER) is None:
        pytest.skip("not installed: the compiler for Windows")
    archive = tmp_path / "python.zip"
    with ZipFile(archive, "w") as made:
        made.writestr("python313.dll", b"stands for Python")
    assert build.python_of(archive, hashlib.sha256(archive.read_bytes()).hexdigest()) == "3.13"
    home = tmp_path / "Fairwatch"
    stage(home, version(), 1_700_000_000, (archive, "3.13"))

    rows = re.findall(r"^\| (`C:\\Program Files\\Fairwatch\\[^|]+) \|", PAGE, re.MULTILINE)
    named = {name.rpartition("Fairwatch\\")[2].rstrip("\\") for row in rows for name in re.findall(r"`([^`]+)`", row)}
    there = {path.name.replace(version(), "VERSION") for path in home.iterdir()}
    assert there == named

    paths = [path.relative_to(home).as_posix() for path in home.rglob("*")]
    assert not [path for path in paths if re.search(r"(^|/)(django|server|custody|numpy|Xlib)(/|$)", path)]
    assert not [path for path in paths if path.endswith((".pyc", ".so", ".rc", ".o", "start.py"))]
    assert [path for path in paths if path.endswith(".pyd")]
    listed = {path.relative_to(home).as_posix() for path in read_manifest(home)}
    assert listed == {path for path in paths if (home / path).is_file()} - {MANIFEST, "bom.cdx.json"}
    bill = json.loads((home / "bom.cdx.json").read_text("utf-8"))
    assert {"Python", "cryptography", "tzdata"} <= {one["name"] for one in bill["components"]}

    host = json.loads((home / "browsers/host-chromium.json").read_text("utf-8"))
    assert host["path"] == r"C:\Program Files\Fairwatch\browser.cmd"
    (allowed,) = host["allowed_origins"]
    started = (home / "browser.cmd").read_text("utf-8")
    assert f"--extension {allowed.removeprefix('chrome-extension://').rstrip('/')}" in started
    assert f"--extension {packing.firefox_id()}" in started
    assert '"%~dp0fairwatch-agent.exe" browser' in started
