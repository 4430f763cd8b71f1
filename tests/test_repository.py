"""The repository keeps its own rules: tests mirror the source, first lines tell, no addresses, no junk rooms."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.test_command_line import COMMANDS

TOP = Path(__file__).parents[1]
ACTORS = ("agent", "server", "rules", "protocol", "custody")
FORBIDDEN_ROOMS = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/setting-up.md", "docs/sign-in.md")

TESTED_ELSEWHERE = {
    **dict.fromkeys(
        ("agent/__main__.py", "server/__main__.py", "protocol/command_line.py"), "tests/test_command_line.py"
    ),
    "rules/__main__.py": "tests/rules/test_main.py",
    "agent/observation.py": "tests/agent/test_minimise.py",
    "agent/session/plain_window.py": "tests/agent/session/test_notice_window.py",
    "agent/tally_state.py": "tests/agent/test_tally.py",
    "agent/totals.py": "tests/agent/test_pipeline.py",
    "protocol/codes.py": "tests/protocol/test_messages.py",
    "protocol/limits.py": "tests/protocol/test_messages.py",
    "rules/policy_text.py": "tests/rules/test_policy.py",
    "rules/report.py": "tests/rules/test_compiler.py",
    "server/extension_stage.py": "tests/journey/test_extension.py",
    "server/phone_stage.py": "tests/journey/test_phone.py",
    "server/phone_steps.py": "tests/server/test_phone_files.py",
    "server/store/tables.py": "tests/server/test_erasing.py",
    "server/retention_command.py": "tests/server/test_retention.py",
    "server/list_presets.py": "tests/server/test_list_settings.py",
    **dict.fromkeys(
        ("server/apps.py", "server/sign_in_mail.py", "server/sign_in_record.py"), "tests/server/test_accounts.py"
    ),
    **dict.fromkeys(
        (f"server/web/{name}.py" for name in ("account_urls", "own_sessions", "template_filters")),
        "tests/journey/test_sign_in.py",
    ),
    "server/web/factor_forms.py": "tests/server/test_second_factor.py",
    "server/web/phone_link.py": "tests/server/web/test_phones.py",
    "server/web/single_sign_on.py": "tests/server/test_single_sign_on.py",
    **dict.fromkeys(
        (f"server/{name}.py" for name in ("doctor", "initialise", "settings", "start")),
        "tests/server/test_serving.py",
    ),
    **dict.fromkeys(
        (str(path.relative_to(TOP)) for path in (TOP / "server/store/models").glob("[!_]*.py")),
        "tests/server/conftest.py",
    ),
    "server/category_names.py": "tests/server/web/test_pages.py",
    "server/figures.py": "tests/server/test_summary.py",
    **dict.fromkeys(
        (f"server/summary_{name}.py" for name in ("words", "command", "scope")), "tests/server/test_summary_formats.py"
    ),
    "server/summary_calendar.py": "tests/server/test_summary.py",
    **dict.fromkeys(
        (f"server/{name}.py" for name in ("year_document", "year_headlines", "year_words", "review_command")),
        "tests/server/test_year_formats.py",
    ),
    "server/inspection_command.py": "tests/server/test_year_formats.py",
    "server/urls.py": "tests/server/web/test_access.py",
    **dict.fromkeys(
        (f"server/web/{name}.py" for name in ("context", "home", "sealed", "urls", "words")),
        "tests/server/web/test_pages.py",
    ),
    "server/web/closed.py": "tests/server/web/test_access.py",
}
"""Sources whose tests are in another file, because they are parts of one thing or are only seen working there."""


def tracked() -> list[Path]:
    """Return every file that git keeps here; outside a clone, every file that is not made."""
    listed = subprocess.run(["git", "ls-files"], cwd=TOP, capture_output=True, text=True, timeout=30)
    if listed.returncode == 0:
        found = [Path(line) for line in listed.stdout.splitlines()]
    else:
        made = re.compile(r"(^|/)(\.venv.*|\.git|build|dist|__pycache__|[^/]+\.egg-info|\.[a-z]+_cache)(/|$)")
        found = [path.relative_to(TOP) for path in TOP.rglob("*") if not made.search(str(path.relative_to(TOP)))]
    return [path for path in found if (TOP / path).is_file()]


FILES = tracked()
PYTHON = [path for path in FILES if path.suffix == ".py" and "migrations" not in path.parts]
SOURCES = [path for path in PYTHON if path.parts[0] in ACTORS and path.name != "__init__.py"]


def test_there_is_something_to_look_at():
    assert len(SOURCES) > 100
    assert {path.parts[0] for path in SOURCES} == set(ACTORS)


def test_every_source_has_a_test_at_the_same_place():
    missing = [
        str(path)
        for path in SOURCES
        if not (TOP / "tests" / path.parent / f"test_{path.name}").is_file()
        and path.name != "errors.py"  # trees of classes, tested where they are raised
        and str(path) not in TESTED_ELSEWHERE
    ]
    assert missing == []


def test_the_exceptions_are_needed_and_what_they_name_is_there():
    for source, test in TESTED_ELSEWHERE.items():
        path = Path(source)
        assert (TOP / path).is_file(), f"{source} is gone"
        assert (TOP / test).is_file(), f"{test} is gone"
        assert not (TOP / "tests" / path.parent / f"test_{path.name}").is_file(), f"{source} has its own test now"


@pytest.mark.parametrize("folder", [*ACTORS, "tests"])
def test_the_first_line_of_each_file_says_what_it_is_for(folder):
    silent = []
    for path in (one for one in PYTHON if one.parts[0] == folder):
        text = (TOP / path).read_text("utf-8")
        said = ast.get_docstring(ast.parse(text))
        if not re.match(r'r?"""\S', text) or said is None or len(said.splitlines()[0]) < 20:
            silent.append(str(path))
    assert silent == []


def test_no_room_is_for_whatever_fits_nowhere():
    named = {name for path in FILES for name in (*path.parts[:-1], path.stem.removeprefix("test_"))}
    assert named & FORBIDDEN_ROOMS == set()


def test_no_lock_file_holds_an_address_and_each_package_is_held_to_its_hash():
    locks = [path for path in FILES if path.suffix == ".lock" or path.name.startswith("requirements")]
    assert Path("requirements.lock") in locks
    for path in locks:
        text = (TOP / path).read_text("utf-8")
        assert "://" not in text, path
        assert not re.search(r"^\s*--(extra-)?(index|find|trusted)", text, re.MULTILINE), path
        pinned = re.findall(r"^([A-Za-z0-9][^\s;#]*)", text, re.MULTILINE)
        assert pinned
        assert [name for name in pinned if "==" not in name] == [], path
        assert text.count("==") <= text.count("--hash=sha256:"), path


def test_no_file_names_a_package_registry():
    registries = ("pypi.o" + "rg", "pythonhosted.o" + "rg", "registry.npm" + "js")
    found = []
    for path in FILES:
        data = (TOP / path).read_bytes()
        found += [str(path) for name in registries if name.encode() in data]
    assert found == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_commands_that_a_document_names_exist(document):
    text = (TOP / document).read_text("utf-8")
    for program, command in re.findall(r"\bfairwatch-([a-z]+) ([a-z]+(?:-[a-z]+)*)", text):
        assert program in COMMANDS, f"fairwatch-{program}"
        assert command in COMMANDS[program], f"fairwatch-{program} {command}"
    targets = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE)) <= targets


def test_the_readme_names_every_program_with_commands_that_it_has():
    rows = re.findall(r"^\| `fairwatch-([a-z]+)` \|[^|]*\| (.*) \|$", (TOP / "README.md").read_text(), re.MULTILINE)
    assert [program for program, _ in rows] == list(COMMANDS)
    for program, named in rows:
        assert set(re.findall(r"`([a-z-]+)`", named)) <= set(COMMANDS[program])


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_links_to_is_there(document):
    folder = (TOP / document).parent
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", (TOP / document).read_text("utf-8"))
    assert [link for link in links if "://" not in link and not (folder / link).exists()] == []
