"""A program that starts itself again starts the version that runs, and takes nothing from where it was started."""

from __future__ import annotations

import subprocess
import sys

from agent.program import is_installed, own_command


def test_from_a_clone_it_is_the_interpreter_with_the_module(tmp_path):
    assert not is_installed()
    assert own_command() == (sys.executable, "-P", "-m", "agent")
    (tmp_path / "agent.py").write_text("raise SystemExit(7)")
    done = subprocess.run([*own_command(), "--help"], cwd=tmp_path, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0


def test_where_a_starter_lies_beside_the_code_it_is_that(tmp_path):
    starter = tmp_path / "start.py"
    assert not is_installed(starter)
    starter.touch()
    assert is_installed(starter)
    assert own_command(starter) == (sys.executable, "-IS", str(starter))


def test_a_frozen_program_is_its_own(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert own_command() == (sys.executable,)
    assert is_installed()
