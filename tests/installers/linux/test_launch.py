"""The program of the Linux package starts the version beside it, with that version's packages and no others."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

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
