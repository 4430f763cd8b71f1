"""The command keeps its contract: exit codes, one line on stderr, one JSON object a line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from rules.__main__ import main


@pytest.fixture
def pack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    (tmp_path / "bets.txt").write_text("casino.example\nsamaritans.org\npolice.uk\nwww.casino.example\n")
    (tmp_path / "more.hosts").write_text("0.0.0.0 casino.example\n0.0.0.0 other.example\n")
    pack = tmp_path / "made.pack"
    sources = [f"domains:gambling:{tmp_path}/bets.txt", f"hosts:drugs:{tmp_path}/more.hosts"]
    assert main(["build", *sources, "--allow-suffix", "police.uk", "-o", str(pack), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["read"], report["kept"], report["covered"]) == (6, 3, 1)
    return pack


def test_check_prints_one_object_for_each_name_in_order(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["WWW.Casino.Example.", "1.2.3.4", "other.example", "nothing.example", "a..b", "samaritans.org"]
    assert main(["check", str(pack), *names, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    nothing: dict[str, object] = {"categories": [], "matched": None, "sources": []}
    assert lines == [
        {
            "name": "WWW.Casino.Example.",
            "categories": ["drugs", "gambling"],
            "matched": "casino.example",
            "sources": ["bets.txt", "more.hosts"],
        },
        {"name": "1.2.3.4", **nothing},
        {"name": "other.example", "categories": ["drugs"], "matched": "other.example", "sources": ["more.hosts"]},
        {"name": "nothing.example", **nothing},
        {"name": "a..b", **nothing},
        {"name": "samaritans.org", **nothing},
    ]


def test_check_says_protected_where_a_pack_covers_a_place_of_help(
    pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(pack), "www.ceop.police.uk", "www.met.police.uk", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["categories"] for line in lines] == [["help_seeking"], ["gambling"]]


def test_check_reads_names_from_stdin_one_answer_a_line_whatever_they_hold(
    pack: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"casino.example\r\n\n\xff\xfe\nxn--.example\n" + b"x" * 300 + b"\nother.example"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert main(["check", str(pack), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["name"] for line in lines][:2] == ["casino.example", ""]
    assert [bool(line["categories"]) for line in lines] == [True, False, False, False, False, True]


def test_check_without_json_says_how_many_lists_agree(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(pack), "casino.example", "none.example"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "casino.example: drugs by casino.example (1 list: more.hosts); gambling by casino.example (1 list: bets.txt)",
        "none.example: nothing",
    ]


def test_a_ut1_folder_gives_its_domains_and_its_urls_as_one_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "gambling"
    folder.mkdir()
    (folder / "domains").write_text("casino.example\n")
    (folder / "urls").write_text("other.example/\nthird.example/path\n")
    assert main(["build", f"ut1:gambling:{folder}", "-o", str(tmp_path / "p.pack"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["kept_by_list"] == {"gambling": 2}
    assert report["refused"] == {"a path: not matchable by host name": 1}
    assert main(["build", f"ut1:gambling:{folder}", "-o", str(tmp_path / "p.pack")]) == 0
    assert (
        "1 refused: a path: not matchable by host name (as in gambling/urls line 2: 'third.example/path')"
        in capsys.readouterr().out
    )


def test_lists_of_one_name_in_two_folders_stay_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "list.txt").write_text("casino.example\n")
    sources = [f"domains:gambling:{tmp_path / name}/list.txt" for name in ("a", "b")]
    assert main(["build", *sources, "-o", str(tmp_path / "p.pack"), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["kept_by_list"]) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "required"),
        (["bulid"], "invalid choice"),
        (["build"], "required"),
        (["build", "domains:drugs:{here}/none", "-o", "{here}/p"], "can't be read"),
        (["build", "domains:drugs", "-o", "{here}/p"], "FORMAT:CATEGORY:PATH"),
        (["build", "domain:drugs:x", "-o", "{here}/p"], "did you mean 'domains'"),
        (["build", "domains:drgs:x", "-o", "{here}/p"], "did you mean 'drugs'"),
        (["build", "domains:drugs:{here}", "-o", "{here}/p"], "a folder"),
        (["build", "domains:drugs:{here}/good", "-o", "{here}/none/p"], "no such folder"),
        (["build", "domains:drugs:{here}/good", "-o", "{here}"], "Is a directory"),
        (["build", "domains:drugs:{here}/good", "--allow-suffix", "a b", "-o", "{here}/p"], "a space"),
        (["build", "csv:drugs:{here}/bad.csv", "-o", "{here}/p"], "line 1: no column of host names"),
        (["check", "{here}/none", "a.example"], "can't be read"),
        (["check", "{here}/good", "a.example"], "not a compiled pack"),
        (["explain", "a b"], "a space"),
        (["explain", "a.example", "--at", "noon"], "expected a time"),
        (["explain", "a.example", "--group", "stuff"], "known: staff, learners, partners"),
        (["explain", "a.example", "--policy", "{here}/good"], "line 1"),
        (["explain", "a.example", "--rules", "{here}"], "categories.toml"),
    ],
)
def test_bad_usage_and_bad_input_exit_2_with_one_line_on_stderr(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good").write_text("a.example\n")
    (tmp_path / "bad.csv").write_text("count,note\n1,2\n")
    filled = [argument.replace("{here}", str(tmp_path)) for argument in arguments]
    try:
        code = main(filled)
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    printed = capsys.readouterr()
    assert code == 2
    assert says in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


@pytest.mark.parametrize("command", [[], ["build"], ["check"], ["explain"], ["lint"]])
def test_every_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    assert stopped.value.code == 0
    assert "usage: fairwatch-rules" in capsys.readouterr().out


def test_explain_says_what_would_happen_and_by_which_line(capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--group", "learners", "--at", "2026-11-23 21:30"]
    assert main(["explain", "www.bet365.com", *at, "--json"]) == 0
    explained = json.loads(capsys.readouterr().out)
    assert (explained["categories"], explained["matched"]) == (["gambling"], "bet365.com")
    assert explained["groups"]["learners"]["private_time"] == "urgent_only"
    decision = explained["groups"]["learners"]["decisions"]["gambling"]
    assert decision["response"] == "flag"
    assert decision["line"].startswith("policy.toml line ")
    assert main(["explain", "samaritans.org", *at]) == 0
    assert "protected: never flagged" in capsys.readouterr().out


def test_explain_tries_a_further_pack(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "other.example", "--pack", str(pack), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["matches"] == [
        {"category": "drugs", "entry": "other.example", "lists": ["more.hosts"], "agree": 1}
    ]


def test_explain_names_the_rules_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "none"
    assert main(["explain", "casino.example", "--rules", str(missing)]) == 2
    assert capsys.readouterr() == (
        "",
        f"fairwatch-rules: {missing / 'categories.toml'}: can't be read: No such file or directory\n",
    )


def test_explain_refuses_a_damaged_pack_in_one_line(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = bytearray(pack.read_bytes())
    damaged[-9] ^= 1
    pack.write_bytes(damaged)
    assert main(["explain", "casino.example", "--pack", str(pack)]) == 2
    assert capsys.readouterr() == (
        "",
        f"fairwatch-rules: {pack.name}: the pack is damaged (its checksum is wrong)\n",
    )


def test_lint_passes_what_is_shipped_and_names_what_is_wrong(
    pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lint", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    damaged = bytearray(pack.read_bytes())
    damaged[-20] ^= 1
    pack.write_bytes(damaged)
    (tmp_path / "policy.toml").write_text("nothing = 1\n")
    assert main(["lint", str(pack), str(tmp_path / "policy.toml"), "--json"]) == 2
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)["problems"]) == 2
    assert printed.err.count("\n") == 1


def test_a_reader_that_stops_early_ends_check_quietly(pack: Path) -> None:
    command = [sys.executable, "-m", "rules", "check", str(pack), "--json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        try:
            process.stdin.write(b"casino.example\n" * 20_000)
            process.stdin.close()
        except BrokenPipeError:
            pass
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 0


def test_the_shipped_rules_are_written_as_a_folder_that_opens_and_an_own_policy_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "rules"
    assert main(["shipped", str(folder)]) == 0
    assert main(["lint", str(folder / "policy.toml"), str(folder / "protected.pack")]) == 0
    assert main(["explain", "--rules", str(folder), "--policy", str(folder / "policy.toml"), "bet365.com"]) == 0
    assert "gambling" in capsys.readouterr().out
    (folder / "policy.toml").write_text("mine")
    assert main(["shipped", str(folder)]) == 0
    assert (folder / "policy.toml").read_text() == "mine"
