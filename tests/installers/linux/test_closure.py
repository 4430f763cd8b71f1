"""A package carries what its part needs on each Python, as locked, and nothing of another part."""

from __future__ import annotations

import pytest

from installers.linux.closure import PYTHONS, TOP, closure, missing, read_lock

LOCK = read_lock((TOP / "requirements.lock").read_text("utf-8"))


def test_every_line_of_the_lock_is_read_with_its_hashes():
    text = (TOP / "requirements.lock").read_text("utf-8")
    assert len(LOCK) == sum("==" in line.partition(" ;")[0] for line in text.splitlines() if line[:1].isalnum())
    assert sum(len(one.hashes) for one in LOCK) == text.count("--hash=sha256:")
    assert all(one.hashes for one in LOCK)


@pytest.mark.parametrize("python", PYTHONS)
def test_the_agent_carries_what_it_needs_and_nothing_of_the_collectors(python):
    names = {one.name for one in closure("agent", LOCK, python)}
    assert {"apscheduler", "cryptography", "msgspec", "psutil", "requests", "tuf", "watchdog", "cffi"} <= names
    assert names & {"django", "granian", "numpy", "weasyprint", "psycopg", "pytest", "shamir-mnemonic"} == set()


def test_a_package_that_depends_on_the_python_is_taken_as_locked_for_it():
    numpy = {
        python: [one.version for one in closure("server", LOCK, python) if one.name == "numpy"] for python in PYTHONS
    }
    locked = [one.version for one in LOCK if one.name == "numpy"]
    assert all(len(found) == 1 and found[0] in locked for found in numpy.values())


def test_extras_of_a_package_bring_what_they_need():
    names = {one.name for one in closure("server", LOCK, "3.13")}
    assert {"psycopg-binary", "psycopg-pool", "fido2", "pyjwt"} <= names


def test_a_line_for_pip_holds_it_to_the_locked_hashes():
    one = next(one for one in LOCK if one.name == "requests")
    words = one.line().split()
    assert words[0] == f"requests=={one.version}"
    assert words[1:] == [f"--hash=sha256:{held}" for held in one.hashes]


def test_a_requirement_that_nothing_meets_is_named(tmp_path):
    for name, needs in (("a", "b>=2"), ("b", "c; sys_platform == 'linux'"), ("d", "e; sys_platform == 'win32'")):
        held = tmp_path / f"{name}-1.0.dist-info"
        held.mkdir()
        (held / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: {needs}\n")
    assert missing([tmp_path], "3.12", "Windows") == ["b>=2", "e"]
    assert missing([tmp_path], "3.12", "Darwin") == ["b>=2"]
