"""The program that has Full Disk Access runs the agent and nothing else, whatever it is given: built and run, on Linux.

Its source is what a Mac builds; there its Python lies beside it, here it is the one that runs the tests.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "installers/macos/launcher.c"
INCLUDE, LIBRARIES = sysconfig.get_path("include"), sysconfig.get_config_var("LIBDIR")
START = """import json, os, sys
from agent.program import is_installed, own_command
print(json.dumps([sys.argv, sys.path, own_command(), is_installed(), sys.flags.isolated, sys.flags.no_site,
    "evil" in sys.modules]))
sys.exit(7)
"""
pytestmark = [
    pytest.mark.more,
    pytest.mark.skipif(
        shutil.which("cc") is None
        or not Path(INCLUDE, "Python.h").is_file()
        or not sysconfig.get_config_var("Py_ENABLE_SHARED"),
        reason="there is no C compiler here, or Python came without its headers and library",
    ),
]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    home = tmp_path / "Fairwatch"
    home.mkdir()
    own = Path(__file__).parents[3]
    (home / "start.py").write_text(f"import sys\nsys.path.insert(0, {str(own)!r})\n{START}")
    program = home / "fairwatch-agent"
    version = "{}.{}".format(*sys.version_info)
    subprocess.run(
        ["cc", "-Wall", "-Wextra", "-Werror", f'-DFAIRWATCH_HOME=L"{home}"', f'-DFAIRWATCH_PYTHON=L"{sys.base_prefix}"',
         f"-I{INCLUDE}", str(SOURCE), f"-L{LIBRARIES}", f"-Wl,-rpath,{LIBRARIES}", f"-lpython{version}", "-o", program],
        check=True, timeout=60,
    )  # fmt: skip
    return program


def test_it_runs_the_agent_whatever_the_environment_and_the_options_say(program: Path, tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    evil.mkdir()
    for name in ("evil", "sitecustomize", "json", "agent"):
        (evil / f"{name}.py").write_text("import sys; sys.modules['evil'] = sys; print('evil')")
    environment = {
        "PYTHONPATH": str(evil), "PYTHONSTARTUP": str(evil / "evil.py"), "PYTHONHOME": str(evil), "PYTHONINSPECT": "1",
        "PYTHONWARNINGS": "error",
    }  # fmt: skip
    words = ["-c", "print('evil')", "-i", "session", "--data-dir", "/some/where"]
    done = subprocess.run(
        [program, *words], cwd=evil, env=environment, input="print('evil')", capture_output=True, text=True, timeout=30,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (7, "")
    argv, path, command, installed, isolated, no_site, is_evil = json.loads(done.stdout)
    assert argv[1:] == words
    assert not any(str(evil) in one for one in path)
    assert (command, installed, isolated, no_site, is_evil) == ([str(program)], True, 1, 1, False)
