"""The build command reports to people and to programs, and shows how far it is only on a terminal."""

from __future__ import annotations

import gzip
import io
import json
import os
import pty
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from rules.__main__ import main


def _lists(folder: Path) -> Path:
    (folder / "bets.txt").write_text("casino.example\nreddit.com\narchive.org\n")
    return folder / "bets.txt"


def test_the_printed_report_says_what_became_of_each_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", f"domains:gambling:{_lists(tmp_path)}", "-o", str(tmp_path / "p.pack")]) == 0
    printed = capsys.readouterr()
    assert "2 entries kept of 3 read" in printed.out
    assert "1 refused: an allowed site" in printed.out
    assert "reddit.com: gambling by reddit.com in bets.txt; STILL IN THE PACK" in printed.out
    assert printed.err == ""


def test_the_report_is_written_beside_the_pack_in_the_words_that_the_signers_window_reads(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("one.example\ntwo.example\n10.0.0.1\n")
    assert main(["build", f"domains:gambling:{tmp_path / 'list.txt'}", "-o", str(tmp_path / "made.pack")]) == 0
    report = json.loads((tmp_path / "made.report.json").read_bytes())
    assert (report["read"], report["kept"], sum(report["refused"].values())) == (3, 2, 1)


def test_own_popular_sites_are_counted_where_they_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "popular").write_text("casino.example\nother.example\n")
    command = ["build", f"domains:gambling:{_lists(tmp_path)}", "-o", str(tmp_path / "p.pack")]
    assert main([*command, "--popular", str(tmp_path / "popular"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["popular_checked"] == 2
    assert [hit["site"] for hit in report["popular"]] == ["casino.example"]


def test_a_ut1_archive_becomes_a_pack_by_its_own_categories(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "blacklists.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in (
            ("blacklists/adult/domains", b"adult.example\n"),
            ("blacklists/adult/urls", b"more.example/\nx.example/path\n"),
            ("blacklists/gambling/domains", b"casino.example\n"),
            ("blacklists/cooking/domains", b"cook.example\n"),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    assert main(["build", f"ut1:*:{path}", "-o", str(tmp_path / "p.pack"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["kept_by_list"] == {"gambling": 1, "adult": 2}
    assert report["left_out"] == ["cooking"]
    assert report["refused"] == {"a path: not matchable by host name": 1}
    assert main(["check", str(tmp_path / "p.pack"), "www.more.example", "cook.example"]) == 0
    assert (
        capsys.readouterr().out
        == "www.more.example: pornography by more.example (1 list: adult)\ncook.example: nothing\n"
    )


@pytest.mark.parametrize(
    ("content", "list_format", "says"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "domains", "a picture, not a list"),
        (gzip.compress(b"\0" * 40_000_000), "domains", "more than 150 times its size"),
        (gzip.compress(b"a.example\n" * 9)[:-9], "domains", "cut short or damaged"),
        (b"a;b;c\n1;2;3\n", "csv", "no column of host names"),
        (b"x" * 300 + b".example\n", "domains", "longer than 253"),
        (b"x" * 64 + b".example\n", "domains", "label longer than 63"),
        (b"xn--a.example\n", "domains", "invalid punycode"),
        (b"a.example:80\n", "hosts", "does not begin with an address"),
        (b"a.example:80\n", "domains", "a port"),
        (b"two words.example\n", "domains", "a space"),
        (b"*.example.org\n", "domains", "a wildcard"),
        (b"nul\0.example\n", "domains", "a control character"),
        (b"||a.example/path^\n", "adblock", "a scheme or a path"),
        (b"http://a.example/x\n", "ut1", "a path: not matchable"),
        (b"192.0.2.7\n[2001:db8::1]\n0x7f.1\n", "domains", "an address"),
        (b"co.uk\ncom\nblogspot.com\n", "domains", "a public suffix"),
    ],
    ids=range(16),
)
def test_bad_input_gives_one_clear_line_and_the_pack_in_place_stays(
    content: bytes, list_format: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = tmp_path / "p.pack"
    pack.write_bytes(before := b"the pack in place")
    (tmp_path / "bad").write_bytes(content)
    assert main(["build", f"{list_format}:gambling:{tmp_path}/bad", "-o", str(pack)]) == 2
    printed = capsys.readouterr()
    assert says in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert pack.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "p.pack"]


def test_an_archive_that_leaves_its_folder_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "evil.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("../../evil")
        info.size = 2
        archive.addfile(info, io.BytesIO(b"x\n"))
    for source in (f"domains:drugs:{path}", f"ut1:*:{path}"):
        assert main(["build", source, "-o", str(tmp_path / "p.pack")]) == 2
        assert capsys.readouterr().err == (
            f"fairwatch-rules: {path}: the archive has an entry that leaves its folder: '../../evil'\n"
        )


def test_on_a_terminal_a_bar_shows_how_far_it_is_and_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "long").write_text("".join(f"n{number}.example\n" for number in range(200_000)))
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "rules", "build", f"domains:drugs:{tmp_path}/long", "-o", str(tmp_path / "p.pack")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=slave, stdin=subprocess.DEVNULL)
    os.close(slave)
    shown = b""
    try:
        while part := os.read(master, 4096):
            shown += part
    except OSError:  # the other end closed: how a terminal says that all was read
        pass
    finally:
        os.close(master)
    assert process.wait(timeout=60) == 0
    assert b"[" in shown
    assert b"%" in shown
    assert b" long" in shown
    assert shown.endswith(b"\r\x1b[K")
