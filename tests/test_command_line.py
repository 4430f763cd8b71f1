"""Every command of the four programs says what it does, and refuses wrong words and bad input in one line, exit 2."""

from __future__ import annotations

import importlib
import io
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
COMMANDS = {
    "agent": (
        *("enrol", "run", "service", "session", "browser", "gateway", "status", "show-data", "acknowledge"),
        *("scan-history", "update", "self-test"),
    ),
    "server": (
        "setup", "init", "certificate", "run", "user", "people", "training", "partners", "devices", "phones",
        "documents", "token", "publish", "lists", "audit", "summary", "review", "inspection", "papers",
        "subject-access", "retention", "backup", "restore", "rehearse", "notify", "doctor", "demo", "simulate",
    ),
    "custody": (
        "ceremony", "key", "backup-key", "sign", "custodian", "withdraw", "status", "verify", "token", "open", "audit",
        "recover", "passphrase",
    ),
    "rules": ("build", "shipped", "check", "explain", "lint"),
}  # fmt: skip
EVERY = [(program, command) for program, commands in COMMANDS.items() for command in commands]
BAD_INPUT = [
    ("server init --data-dir {new} --url ftp://collector", "url must be an address"),
    ("server init --data-dir {new} --timezone Mars", "name like Europe/London"),
    ("server init --data-dir {file}/inside", "{file}: File exists"),
    *(
        (f"server {command} --data-dir {{new}}", "make one with: fairwatch-server init")
        for command in ("certificate", "run", "doctor", "lists")
    ),
    ("server publish {new} --data-dir {new}", "not a collector's data folder"),
    ("server token {new} --data-dir {new}", "not a collector's data folder"),
    ("server user somebody --data-dir {new}", "not a collector's data folder"),
    ("server lists refresh --data-dir {new}", "say which list"),
    ("server lists export some_list --data-dir {new}", "-o FOLDER goes with export"),
    ("server audit verify --data-dir {new}", "not a collector's data folder"),
    ("server summary --month 2026-10 --data-dir {new}", "not a collector's data folder"),
    ("server summary --month 2026-10 --format docx --data-dir {new}", "invalid choice: 'docx'"),
    ("server review --data-dir {new}", "not a collector's data folder"),
    ("server inspection -o {new} --data-dir {new}", "not a collector's data folder"),
    ("server backup --data-dir {new}", "not a collector's data folder"),
    ("server restore {file}/none --data-dir {new}", "there is no such file"),
    ("server restore {file} --key {file}/none --data-dir {new}", "{file}/none: there is no such file"),
    ("server retention --data-dir {new}", "not a collector's data folder"),
    ("server subject-access dee -o {new} --data-dir {new}", "not a collector's data folder"),
    ("server papers -o {new} --data-dir {new}", "not a collector's data folder"),
    ("server papers -o {file} --defaults --data-dir {new}", "{file}"),
    ("server audit verify -o {new} --data-dir {new}", "go with export"),
    ("server notify test --data-dir {new}", "notify test --to ADDRESS"),
    ("server notify test --to a@b.example --data-dir {new}", "not a collector's data folder"),
    ("server demo --keep {new}", "--keep goes with --check"),
    ("agent enrol --data-dir {new} --token rubbish", "not an enrolment token"),
    ("agent enrol --data-dir {new} --token-file {new}", "No such file"),
    ("agent run --data-dir {new}", "run fairwatch-agent enrol first"),
    ("agent update --data-dir {new}", "run fairwatch-agent enrol first"),
    ("agent scan-history {new}", "no history there"),
    ("agent scan-history {file}", "not a sound database"),
    ("custody ceremony --dir {new} --online-keys {new}", "can't be read"),
    ("custody ceremony --dir {new} --online-keys {file}", "{file}"),
    ("custody key --out {file}/me.pem --name me", "nobody typed the passphrase again"),
    ("custody key --out {file}/me.pem --name me --yes", "{file}"),
    ("custody sign --dir {new} --key {file}", "no publication here"),
    ("custody token --publication {new} --key {file} --group g --collector x --expires soon", "such as 30d or 12h"),
    ("custody open {file}", "two recovery shares"),
    ("custody open {file} --key {file}", "not a lead's key file"),
    ("custody audit {new}", "No such file"),
    ("custody audit {file}", "not an exported audit log"),
    ("custody audit {file} --head 12", "a kept head looks like"),
    ("rules build rubbish -o {new}", "FORMAT:CATEGORY:PATH"),
    ("rules shipped {file}", "{file}"),
    ("rules check {new}", "can't be read"),
    ("rules lint {new}.toml", "No such file"),
]


def call(capsys, program, *words):
    """Return the exit code and what was printed; argparse's own exits count too."""
    try:
        code = importlib.import_module(f"{program}.__main__").main(list(words))
    except SystemExit as left:
        code = left.code
    return code, *capsys.readouterr()


def one_line(text: str) -> bool:
    return text.endswith("\n") and len(text.splitlines()) == 1


@pytest.mark.parametrize("program", COMMANDS)
def test_each_program_is_installed_and_lists_its_commands(program):
    done = subprocess.run([BIN / f"fairwatch-{program}", "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    listed = re.findall(r"^    ([a-z]+(?:-[a-z]+)*)(?: |$)", done.stdout, re.MULTILINE)
    assert tuple(listed) == COMMANDS[program]


def test_the_programs_tested_here_are_those_of_the_project():
    scripts = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {f"fairwatch-{program}": f"{program}.__main__:main" for program in COMMANDS}


@pytest.mark.parametrize(("program", "command"), EVERY)
def test_help_says_what_the_command_does_and_what_each_option_is_for(program, command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = call(capsys, program, command, "--help")
    assert (code, err) == (0, "")
    usage, description, *_ = out.split("\n\n")
    assert usage.startswith(f"usage: fairwatch-{program} {command}")
    assert re.fullmatch(r"[A-Z][^\n]{15,}\.", description)
    options = re.findall(r"^  (-\S+.*)$", re.sub(r"\n {20,}", "  ", out), re.MULTILINE)
    assert [line for line in options if not re.search(r"\S  +\S", line)] == []  # an option without a word of help


@pytest.mark.parametrize(("program", "command"), EVERY)
def test_an_unknown_option_is_refused_in_one_line(program, command, capsys):
    code, out, err = call(capsys, program, command, "--no-such-option")
    assert (code, out) == (2, "")
    assert one_line(err)
    assert err.startswith(f"fairwatch-{program}")


@pytest.mark.parametrize("program", COMMANDS)
@pytest.mark.parametrize("words", [(), ("nonsense",), ("--nonsense",)])
def test_no_command_and_an_unknown_one_are_refused_in_one_line(program, words, capsys):
    code, out, err = call(capsys, program, *words)
    assert (code, out) == (2, "")
    assert one_line(err)


@pytest.mark.parametrize(
    ("command", "package", "extra"), [("gateway", "granian", "gateway"), ("run", "requests", "agent")]
)
def test_a_command_whose_packages_are_not_installed_says_which_extra_has_them(command, package, extra):
    script = f"import sys; sys.modules[{package!r}] = None; from agent.__main__ import main; main([{command!r}])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert one_line(done.stderr)
    assert f"fairwatch-agent {command}: the package {package} is not installed" in done.stderr
    assert done.stderr.endswith(f"pip install 'fairwatch[{extra}]'\n")


def test_a_module_of_our_own_that_is_missing_is_a_fault_and_no_advice():
    script = "import sys; sys.modules['agent.core'] = None; from agent.__main__ import main; main(['gateway'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "pip install" in done.stderr) == (1, False)


@pytest.mark.parametrize(("words", "sentence"), BAD_INPUT)
def test_bad_input_is_refused_in_one_line_that_names_it(words, sentence, capsys, tmp_path, monkeypatch):
    places = {"new": tmp_path / "new", "file": tmp_path / "file"}
    places["file"].write_text("nothing that any command reads\n")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    program, *rest = words.format(**places).split()
    code, _, err = call(capsys, program, *rest)
    assert code == 2
    assert one_line(err)
    assert sentence.format(**places) in err
    assert err.startswith(f"fairwatch-{program}")
