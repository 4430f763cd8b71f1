"""Windows' Python comes into the package only as the file that IT meant, and looks for modules in our folders alone."""

from __future__ import annotations

import hashlib
from pathlib import Path
from zipfile import ZipFile

import pytest

from installers.windows.python_zip import PythonZipError, python_of, take_in


def zipped(place: Path, *names: str) -> tuple[Path, str]:
    with ZipFile(place, "w") as made:
        for name in names:
            made.writestr(name, name)
    return place, hashlib.sha256(place.read_bytes()).hexdigest()


def test_which_python_it_is_is_told_by_its_library(tmp_path):
    archive, digest = zipped(tmp_path / "p.zip", "python.exe", "python3.dll", "python312.dll", "python312._pth")
    assert python_of(archive, digest) == "3.12"
    assert python_of(archive, digest.upper()) == "3.12"


def test_another_file_than_was_meant_is_refused_with_its_hash(tmp_path):
    archive, digest = zipped(tmp_path / "p.zip", "python312.dll")
    with pytest.raises(PythonZipError, match=digest):
        python_of(archive, "0" * 64)


@pytest.mark.parametrize(
    "names", [("python3.dll",), ("python310.dll",), ("python312.dll", "python313.dll"), ("a/python312.dll",)]
)
def test_a_python_that_the_package_can_not_carry_is_refused(tmp_path, names):
    with pytest.raises(PythonZipError, match="no embeddable Python"):
        python_of(*zipped(tmp_path / "p.zip", *names))


def test_what_is_no_zip_is_refused(tmp_path):
    archive = tmp_path / "p.zip"
    archive.write_bytes(b"not a zip")
    with pytest.raises(PythonZipError, match="is no zip"):
        python_of(archive, hashlib.sha256(b"not a zip").hexdigest())


@pytest.mark.parametrize("name", ["../outside.txt", "/outside.txt", "a/../../outside.txt", "C:\\outside.txt"])
def test_a_path_out_of_the_zip_is_refused_and_nothing_is_unpacked(tmp_path, name):
    archive, _ = zipped(tmp_path / "p.zip", "python312.dll", name)
    with pytest.raises(PythonZipError, match="leads out"):
        take_in(archive, "3.12", tmp_path / "python")
    assert list((tmp_path / "python").iterdir()) == []


def test_it_looks_for_modules_in_its_own_files_and_in_ours_and_nowhere_else(tmp_path):
    archive, _ = zipped(tmp_path / "p.zip", "python312.dll", "python312._pth", "python312.zip")
    take_in(archive, "3.12", tmp_path / "python")
    said = (tmp_path / "python/python312._pth").read_bytes().decode().split("\r\n")
    assert said == ["python312.zip", ".", "..", r"..\shared", r"..\cp312", ""]
