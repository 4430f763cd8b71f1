"""The collector starts its own commands again from where it runs."""

from __future__ import annotations

import sys

from server.program import own_command


def test_from_a_clone_it_is_the_module_and_from_a_package_the_starter_beside_the_code(tmp_path):
    assert own_command() == (sys.executable, "-m", "server")
    starter = tmp_path / "start.py"
    starter.touch()
    assert own_command(starter) == (sys.executable, "-IS", str(starter))
