"""Freed memory goes back to the system, and what the agent never asks for is not loaded."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from agent import memory


def said_by(code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60,
        cwd=Path(__file__).parents[2], check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_guesses_encodings_is_not_loaded_and_can_be_by_others():
    code = (
        "import sys, agent.http; print([name for name in sys.modules if 'charset_normalizer' in name])\n"
        "import charset_normalizer; print(charset_normalizer.__name__)"
    )
    assert said_by(code).splitlines() == ["[]", "charset_normalizer"]


def test_a_package_that_was_there_before_is_there_afterwards():
    with memory.without("msgspec"), pytest.raises(ImportError):
        importlib.import_module("msgspec")
    assert importlib.import_module("msgspec") is msgspec


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc is asked")
def test_free_pages_are_given_back():
    code = (
        "import ctypes, psutil; from agent import memory; me = psutil.Process(); assert memory.few_arenas()\n"
        "libc = ctypes.CDLL(None); libc.malloc.restype = ctypes.c_void_p; libc.free.argtypes = [ctypes.c_void_p]\n"
        "held = [libc.malloc(1000) for _ in range(20_000)]; [ctypes.memset(at, 1, 1000) for at in held]\n"
        "last = libc.malloc(1000); [libc.free(at) for at in held]; before = me.memory_info().rss\n"
        "print(memory.give_back(), before - me.memory_info().rss > 10_000_000)"
    )
    assert said_by(code) == "True True"
