"""An installed file that was edited or removed is noticed, by the builder's list or by the installer's own."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent import installed_files
from agent.installed_files import changed, read_manifest, write_manifest


def never() -> bool:
    return False


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "agent" / "__pycache__").mkdir(parents=True)
    (tmp_path / "agent" / "core.py").write_text("core")
    (tmp_path / "agent" / "two words.py").write_bytes(b"x" * 200_000)
    (tmp_path / "agent" / "__pycache__" / "core.pyc").write_text("made")
    write_manifest(tmp_path)
    return tmp_path


def test_what_was_installed_is_found_unchanged_and_what_python_compiled_does_not_count(folder):
    (folder / "agent" / "__pycache__" / "core.pyc").write_text("made again")
    files = read_manifest(folder)
    assert {file.name for file in files} == {"core.py", "two words.py"}
    assert changed(files, never) is False


def test_the_list_is_what_sha256sum_checks(folder):
    done = subprocess.run(
        [shutil.which("sha256sum") or "sha256sum", "--check", "--strict", "--quiet", installed_files.MANIFEST],
        cwd=folder, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("harm", [lambda f: f.write_text("evil"), lambda f: f.unlink(), lambda f: f.chmod(0o644)])
def test_an_edited_or_removed_file_is_noticed(folder, harm, request):
    harm(folder / "agent" / "core.py")
    assert changed(read_manifest(folder), never) is (request.node.callspec.indices["harm"] != 2)


def test_it_pauses_between_files_and_ends_when_it_is_told(folder):
    asked = []
    assert changed(read_manifest(folder), lambda: bool(asked.append(1)) or len(asked) == 1) is None
    assert len(asked) == 1


def test_the_installers_own_record_is_read_where_there_is_no_list(tmp_path):
    """A wheel as pip lays it out: its packages, and RECORD beside them."""
    root = Path(installed_files.__file__).parent
    (tmp_path / "agent").mkdir()
    for name in ("__init__.py", "installed_files.py"):
        shutil.copy(root / name, tmp_path / "agent" / name)
    info = tmp_path / "fairwatch-9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fairwatch\nVersion: 9\n")
    lines = ["fairwatch-9.dist-info/RECORD,,\n"]
    for file in sorted((tmp_path / "agent").glob("*.py")):
        digest = base64.urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest()).rstrip(b"=").decode()
        lines.append(f"agent/{file.name},sha256={digest},{file.stat().st_size}\n")
    (info / "RECORD").write_text("".join(lines))
    asked = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from agent.installed_files import changed, installed\n"
        "files = installed(); print(len(files), changed(files, lambda: False))"
    )

    def said() -> str:
        done = subprocess.run(
            [sys.executable, "-I", "-B", "-S", "-c", asked], capture_output=True, text=True, timeout=30, check=True
        )
        return done.stdout.strip()

    assert said() == "2 False"
    with (tmp_path / "agent" / "__init__.py").open("a") as file:
        file.write("# edited\n")
    assert said() == "2 True"
