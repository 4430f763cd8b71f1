"""Check tells an allowed site apart, knows apps on every platform, and refuses a damaged pack in one line."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from rules.__main__ import main
from rules.layout import HEADER_BYTES
from rules.writer import PackWriter


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A pack as somebody else's program might write it: with sites that no build here would let in."""
    path = tmp_path / "foreign.pack"
    with PackWriter([("malware", "one"), ("malware", "two"), ("games", "apps")], tmp_path) as writer:
        for name in ("archive.org", "www.samaritans.org", "bad.example"):
            writer.add(name, 0)
        writer.add("bad.example", 1)
        writer.add("windows:exe:play.exe", 2)
        writer.write(path)
    return path


def test_protected_and_allowed_sites_stand_above_a_foreign_pack(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(pack), "www.archive.org", "www.samaritans.org", "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"name": "www.archive.org", "categories": [], "matched": "archive.org", "sources": ["allowed"]},
        {"name": "www.samaritans.org", "categories": ["help_seeking"], "matched": "samaritans.org",
         "sources": ["protected"]},
    ]  # fmt: skip
    assert main(["check", str(pack), "archive.org"]) == 0
    assert capsys.readouterr().out == "archive.org: nothing by archive.org (allowed, above every list)\n"


def test_check_says_for_each_category_how_many_lists_agree(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(pack), "x.bad.example"]) == 0
    assert capsys.readouterr().out == "x.bad.example: malware by bad.example (2 lists agree: one, two)\n"


def test_what_is_no_name_is_told_apart_from_what_no_list_holds(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["none.example", "https://casino.example/x", "casino.example:443", "casino example", "linux:", ""]
    assert main(["check", str(pack), *names]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[2].partition(":")[0] for line in out] == [
        "nothing", *["not a name to look up"] * 4, "nothing",
    ]  # fmt: skip
    assert "a scheme or a path, not only a host name" in out[1]
    assert "a port, not only a host name" in out[2]


def test_apps_are_checked_by_their_identity(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["windows:Maker Ltd:Play.exe", "windows:exe:other.exe", "windows:", "linux:exe:play.exe"]
    assert main(["check", str(pack), *names, "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["categories"] for line in found] == [["games"], [], [], []]
    assert found[0]["matched"] == "windows:exe:play.exe"


def test_a_flipped_bit_anywhere_in_a_pack_is_told_in_one_line(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = pack.read_bytes()
    chance = random.Random(11)
    for at in [*range(HEADER_BYTES), *(chance.randrange(HEADER_BYTES, len(whole)) for _ in range(60))]:
        damaged = bytearray(whole)
        damaged[at] ^= 1 << chance.randrange(8)
        pack.write_bytes(damaged)
        assert main(["check", str(pack), "bad.example"]) == 2
        printed = capsys.readouterr()
        assert printed.err.startswith("fairwatch-rules: foreign.pack: ")
        assert (printed.err.count("\n"), printed.out) == (1, "")
