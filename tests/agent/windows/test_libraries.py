"""Windows' libraries are asked for late: every module can be read here, and nothing of Windows is loaded by that."""

from __future__ import annotations

import ctypes
import importlib
import pkgutil

import pytest

import agent.windows
from agent.windows import libraries


def test_every_module_for_windows_can_be_read_on_any_system() -> None:
    names = [module.name for module in pkgutil.iter_modules(agent.windows.__path__)]
    assert "foreground" in names
    for name in names:
        importlib.import_module(f"agent.windows.{name}")


def test_elsewhere_there_is_no_such_library() -> None:
    with pytest.raises(OSError, match="user32"):
        libraries.library("user32")
    assert libraries.last_error() == 0


def test_types_have_the_sizes_that_windows_gives_them() -> None:
    sizes = {"DWORD": 4, "BOOL": 4, "LONG": 4, "WORD": 2, "HANDLE": 8, "QWORD": 8}
    assert {name: ctypes.sizeof(getattr(libraries, name)) for name in sizes} == sizes


def test_a_function_that_is_not_there_is_an_error_and_no_guess() -> None:
    with pytest.raises(AttributeError):
        libraries.declare(object(), "NoSuchFunction", None)


@pytest.mark.more
def test_on_windows_only_the_systems_own_folder_is_searched(wine) -> None:
    said = wine.run(
        "import os, shutil, tempfile; from agent.windows.libraries import last_error, library\n"
        "folder = tempfile.mkdtemp(); os.chdir(folder)\n"
        "shutil.copy(r'C:\\windows\\system32\\version.dll', 'fairwatch-fake.dll')\n"
        "print(bool(library('user32').GetForegroundWindow))\n"
        "try:\n    library('fairwatch-fake')\nexcept OSError as fault:\n    print('refused')\n"
        "library('kernel32').CloseHandle(0xFFFFFFF); print(last_error())\n"
    )
    assert said.split() == ["True", "refused", "6"]
