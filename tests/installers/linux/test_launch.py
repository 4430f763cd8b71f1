"""The program of the Linux package starts the version beside it, with that version's packages and no others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest

from agent.release.state import State, read, write

TOP = Path(__file__).parents[3]
LINUX = TOP / "installers" / "linux"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A version's folder as the package lays it out, with this clone's code and this environment's packages."""
    folder = tmp_path / "lib" / "fairwatch"
    folder.mkdir(parents=True)
    shutil.copyfile(LINUX / "agent" / "launch.py", folder / "launch.py")
    shutil.copyfile(LINUX / "start.py", folder / "start.py")
    for name in ("agent", "protocol", "rules"):
        (folder / name).symlink_to(TOP / name)
    (folder / "cp{}{}".format(*sys.version_info)).symlink_to(sysconfig.get_path("platlib"))
    program = tmp_path / "fairwatch-agent"
    program.symlink_to(folder / "launch.py")
    return program


def launch(program: Path, *words: str | Path, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-IS", program, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **more)


def test_it_runs_the_commands_of_the_version_beside_it(home, tmp_path):
    done = launch(home, "run", "--data-dir", tmp_path / "nothing")
    assert done.returncode == 2
    assert (
        done.stderr
        == f"fairwatch-agent run: {tmp_path / 'nothing'} holds no identity: run fairwatch-agent enrol first\n"
    )
    assert "usage: fairwatch-agent" in launch(home, "--help").stdout


def test_neither_the_environment_nor_the_folder_can_put_a_module_before_ours(home, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("agent", "msgspec", "argparse", "sitecustomize"):
        (elsewhere / f"{name}.py").write_text("raise SystemExit(7)")
    done = launch(home, "--help", cwd=elsewhere, env={"PYTHONPATH": str(elsewhere), "PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr


def test_a_python_that_nothing_was_built_for_is_named_in_one_line(home):
    folder = home.resolve().parent
    (folder / "cp{}{}".format(*sys.version_info)).rename(folder / "cp399")
    done = launch(home, "status")
    assert done.returncode == 2
    assert done.stderr == f"{folder}: built for Python 3.99, and this is {sys.version.split()[0]}\n"


def test_what_the_program_starts_itself_is_the_same_version(home):
    folder = home.resolve().parent
    code = f"import sys; sys.path[:0] = [{str(folder)!r}]; from agent.program import own_command as own; print(own())"
    (folder / "agent").unlink()
    shutil.copytree(TOP / "agent", folder / "agent", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run([sys.executable, "-IS", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == str((sys.executable, "-IS", str(folder / "start.py"))), done.stderr


# --- which version is started ------------------------------------------------------------------------------------

LAUNCHER = SimpleNamespace(**run_path(str(LINUX / "agent" / "launch.py")))
ON_PROBATION = {"version": "1.2.0", "before": "1.1.0", "starts": 0, "well": False, "bad": {}}
BOTH = frozenset({"1.1.0", "1.2.0"})


def decide(state, usable=BOTH, installed="1.0.0", *, counts=True):
    return LAUNCHER.decide(state, installed, usable, counts=counts)


def test_without_a_fetched_version_it_is_the_installed_one():
    assert decide(LAUNCHER.NOTHING) == ("", LAUNCHER.NOTHING)


def test_the_service_s_starts_on_probation_are_counted_and_no_others():
    assert decide(ON_PROBATION) == ("1.2.0", {**ON_PROBATION, "starts": 1})
    assert decide(ON_PROBATION, counts=False) == ("1.2.0", ON_PROBATION)
    well = {**ON_PROBATION, "well": True}
    assert decide(well) == ("1.2.0", well)


def test_after_three_starts_it_goes_back_and_never_tries_that_one_again():
    state = ON_PROBATION
    for _ in range(LAUNCHER.STARTS_MAX):
        version, state = decide(state)
        assert version == "1.2.0"
    version, state = decide(state)
    assert version == "1.1.0"
    assert state["bad"] == {"1.2.0": "it ended badly 3 times in a row"}
    for _ in range(5):
        assert decide(state) == ("1.1.0", state)


def test_where_the_one_before_is_gone_it_is_the_installed_one():
    ended = {**ON_PROBATION, "starts": LAUNCHER.STARTS_MAX}
    assert decide(ended, frozenset({"1.2.0"}))[0] == ""
    assert decide({**ended, "before": ""})[0] == ""


def test_a_package_that_is_as_new_or_newer_wins():
    for installed in ("1.2", "1.2.0", "1.3.0", "2.0"):
        assert decide({**ON_PROBATION, "well": True}, installed=installed)[0] == ""
    ended = {**ON_PROBATION, "starts": LAUNCHER.STARTS_MAX}
    assert decide(ended, installed="1.1.5")[0] == "", "and one that is newer than the one before"


def test_a_version_whose_files_are_not_there_is_not_started():
    assert decide(ON_PROBATION, frozenset({"1.1.0"}))[0] == "1.1.0"
    well = {**ON_PROBATION, "well": True}
    assert decide(well, frozenset({"1.1.0"})) == ("1.1.0", well), "it may be there again, for another Python"


def test_the_state_is_the_one_that_the_agent_writes(tmp_path):
    folder = tmp_path / "release"
    folder.mkdir()
    write(tmp_path, State(version="1.2.0", before="1.1.0", starts=2, well=False, bad={"1.0": "x"}))
    state = LAUNCHER.read(folder)
    assert state == {"version": "1.2.0", "before": "1.1.0", "starts": 2, "well": False, "bad": {"1.0": "x"}}
    assert LAUNCHER.write(folder, {**state, "starts": 3})
    assert read(tmp_path) == State(version="1.2.0", before="1.1.0", starts=3, well=False, bad={"1.0": "x"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        '{"version": "1.2.0"}',
        '{"version": 1, "before": "", "starts": 0, "well": true, "bad": {}}',
    ],
)
def test_a_damaged_state_is_none(tmp_path, text):
    (tmp_path / "state.json").write_text(text)
    assert LAUNCHER.read(tmp_path) == LAUNCHER.NOTHING


@pytest.mark.parametrize("what", ["state.json", "."])
def test_a_state_that_others_can_write_is_none(tmp_path, what):
    folder = tmp_path / "release"
    folder.mkdir()
    write(tmp_path, State(version="1.2.0"))
    (folder / what).chmod(0o777)
    assert LAUNCHER.read(folder) == LAUNCHER.NOTHING


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_state_of_somebody_else_is_none(tmp_path):
    folder = tmp_path / "release"
    folder.mkdir()
    write(tmp_path, State(version="1.2.0"))
    os.chown(folder / "state.json", 12345, 12345)
    assert LAUNCHER.read(folder) == LAUNCHER.NOTHING


def fetched(data, version, starter):
    folder = data / "release" / version
    (folder / "cp{}{}".format(*sys.version_info)).mkdir(parents=True)
    (folder / "start.py").write_text(starter)
    return folder


@pytest.fixture
def dated(home):
    """The program, whose package is version 1.0.0."""
    (home.resolve().parent / "fairwatch-1.0.0.dist-info").mkdir()
    return home


def test_a_fetched_version_that_ends_badly_is_begun_again_three_times_and_then_left(dated, tmp_path):
    data = tmp_path / "data"
    fetched(data, "1.1.0", "print('the one before')")
    fetched(data, "1.2.0", "raise SystemExit(2)")
    write(data, State(version="1.2.0", before="1.1.0", well=False))
    codes = [launch(dated, "run", "--data-dir", data).returncode for _ in range(LAUNCHER.STARTS_MAX)]
    assert codes == [LAUNCHER.BEGIN_ANEW_STATUS] * LAUNCHER.STARTS_MAX, "an exit of 2 would not be begun again"
    assert launch(dated, "run", "--data-dir", data).stdout == "the one before\n"
    assert read(data).bad == {"1.2.0": "it ended badly 3 times in a row"}


def test_a_fetched_version_that_can_not_even_be_read_is_left_too(dated, tmp_path):
    data = tmp_path / "data"
    fetched(data, "1.2.0", "this is no Python")
    write(data, State(version="1.2.0", well=False))
    for _ in range(LAUNCHER.STARTS_MAX):
        assert launch(dated, "run", "--data-dir", data).returncode != 0
    assert "holds no identity" in launch(dated, "run", "--data-dir", data).stderr, "the installed one"


def test_a_disk_that_can_not_count_starts_nothing_on_probation(dated, tmp_path, monkeypatch):
    data = tmp_path / "data"
    fetched(data, "1.2.0", "print('new')")
    write(data, State(version="1.2.0", well=False))
    monkeypatch.setitem(LAUNCHER.chosen.__globals__, "INSTALLED", dated.resolve().parent)
    monkeypatch.setitem(LAUNCHER.chosen.__globals__, "write", lambda *_: False)
    words = ["run", "--data-dir", str(data)]
    assert LAUNCHER.chosen(words) == (dated.resolve().parent, False)
    write(data, State(version="1.2.0", well=True))
    assert LAUNCHER.chosen(words) == (data / "release/1.2.0", False), "one that is well needs no count"


def test_a_disk_that_can_not_count_goes_back_to_the_version_before_and_never_behind_the_package(
    dated, tmp_path, monkeypatch
):
    data = tmp_path / "data"
    for version in ("0.9.0", "1.1.0", "1.2.0"):
        fetched(data, version, "")
    monkeypatch.setitem(LAUNCHER.chosen.__globals__, "INSTALLED", dated.resolve().parent)
    monkeypatch.setitem(LAUNCHER.chosen.__globals__, "write", lambda *_: False)
    for before, started in (("1.1.0", data / "release/1.1.0"), ("0.9.0", dated.resolve().parent)):
        write(data, State(version="1.2.0", before=before, well=False))
        assert LAUNCHER.chosen(["run", "--data-dir", str(data)]) == (started, False)


def test_in_the_midst_of_an_upgrade_the_newer_of_two_packages_is_the_installed_one(dated, monkeypatch):
    (dated.resolve().parent / "fairwatch-1.10.0.dist-info").mkdir()
    monkeypatch.setitem(LAUNCHER.installed_version.__globals__, "INSTALLED", dated.resolve().parent)
    assert LAUNCHER.installed_version() == "1.10.0"


def test_every_command_is_that_of_the_version_the_service_runs(dated, tmp_path):
    data = tmp_path / "data"
    fetched(data, "1.2.0", "import sys; print(*sys.argv[1:])")
    write(data, State(version="1.2.0", well=False))
    told = launch(dated, "status", f"--data-dir={data}").stdout
    assert told == f"status --data-dir={data}\n"
    assert read(data).starts == 0
