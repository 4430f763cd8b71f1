"""The files for launchd and the scripts say what they are meant to: read back and run here as far as Linux goes."""

from __future__ import annotations

import os
import plistlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.macos import keychain
from agent.places import data_dir
from installers.browsers.build import MACOS_COMMAND, MACOS_PROGRAM
from installers.browsers.policies import AGENT, MACOS_HOSTS
from installers.macos.tree import FILES, HOME, LINK

FOLDER = Path(__file__).parents[3] / "installers/macos"
PLISTS = sorted((FOLDER / "files").glob("*.plist"))
SCRIPTS = [FOLDER / "build-pkg.sh", *sorted((FOLDER / "files").glob("*.sh")), *sorted((FOLDER / "scripts").iterdir())]
STATE = str(data_dir("darwin"))


@pytest.mark.parametrize("path", PLISTS, ids=lambda path: path.stem)
def test_launchd_starts_what_the_package_places_under_the_files_own_name(path: Path) -> None:
    said = plistlib.loads(path.read_bytes())
    assert said["Label"] == path.stem
    placed = {f"/{place}" for place in FILES.values()} | {MACOS_COMMAND}
    assert said["ProgramArguments"][0] in placed
    kind = "LaunchAgents" if "LimitLoadToSessionType" in said else "LaunchDaemons"
    assert FILES[path.name] == f"Library/{kind}/{path.name}"


def test_the_notice_is_started_in_each_session_with_windows_and_the_service_once_enrolled() -> None:
    agent, enrol, session = (plistlib.loads(path.read_bytes()) for path in PLISTS)
    assert (session["LimitLoadToSessionType"], session["RunAtLoad"]) == ("Aqua", True)
    assert session["ProgramArguments"][1:] == ["session"]
    assert agent["ProgramArguments"][1:] == ["run"]
    assert agent["KeepAlive"] == {"PathState": {f"{STATE}/identity.json": True}}
    assert enrol["WatchPaths"] == [f"{STATE}/token"]
    # 022: what they write is for nobody else to change.
    assert agent["Umask"] == enrol["Umask"] == 0o022


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_one(path: Path) -> None:
    assert path.read_text().startswith("#!/bin/sh\n")
    assert os.access(path, os.X_OK)
    subprocess.run(["sh", "-n", path], check=True)
    if shutil.which("shellcheck") is not None:
        subprocess.run(["shellcheck", "--shell=sh", path], check=True)


def test_the_removal_takes_away_all_that_is_placed_or_made_and_the_page_says_so() -> None:
    script = (FOLDER / "files/uninstall.sh").read_text()
    placed = [f"/{place}" for place in (*FILES.values(), LINK[0])]
    placed += [f"/{folder}/{AGENT}.json" for folder in MACOS_HOSTS.values()]
    outside = [place for place in [*placed, MACOS_PROGRAM] if not place.startswith(f"/{HOME}/")]
    assert all(place in script for place in outside)
    assert f"rm -rf /{HOME}\n" in script
    assert f'"{STATE}"' in script
    assert f"-a {keychain.ACCOUNT} -s {keychain.SERVICE} {keychain.KEYCHAIN}" in script
    page = (FOLDER / "README.md").read_text("utf-8")
    on_page = set(re.findall(r"^\| `(/[^`]+)` \|", page, re.MULTILINE))
    assert on_page == {*outside, f"/{HOME}/", f"{STATE}/", "/Library/Logs/Fairwatch/"}
    assert keychain.SERVICE in page


# --- scripts, run ---------------------------------------------------------------------------------------------------

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="the token's file must be root's, and so must this test")


def enrol(state: Path, code: int) -> subprocess.CompletedProcess[str]:
    program = state.parent / "program"
    program.write_text(f'#!/bin/sh\necho "$@" >"{state}/asked"\necho told\nexit {code}\n')
    program.chmod(0o755)
    command = [FOLDER / "files/enrol.sh", state, program]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def token(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    file = tmp_path / "state/token"
    file.write_text("secret")
    file.chmod(0o600)
    return file


@as_root
@pytest.mark.parametrize(("code", "left"), [(0, set()), (1, {"token"}), (2, {"token.refused"})])
def test_a_token_is_used_kept_for_later_or_put_aside(token: Path, code: int, left: set[str]) -> None:
    done = enrol(token.parent, code)
    assert done.returncode == code
    assert "secret" not in done.stdout + done.stderr
    assert (token.parent / "asked").read_text().strip() == f"enrol --token-file {token}"
    assert {path.name for path in token.parent.iterdir()} - {"asked"} == left


@as_root
def test_a_token_that_is_still_being_written_is_waited_for(token: Path) -> None:
    token.write_text("secr")
    program = token.parent.parent / "program"
    program.write_text(f'#!/bin/sh\ngrep -q secret "{token}" || {{ echo et >>"{token}"; exit 2; }}\n')
    program.chmod(0o755)
    done = subprocess.run(
        [FOLDER / "files/enrol.sh", token.parent, program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert list(token.parent.iterdir()) == []


@as_root
@pytest.mark.parametrize("nothing", ["", " \n\n"])
def test_an_empty_file_is_no_token_yet_and_is_not_put_aside(token: Path, nothing: str) -> None:
    token.write_text(nothing)
    done = enrol(token.parent, 2)
    assert done.returncode == 1
    assert f"{token} is still empty" in done.stderr
    assert [path.name for path in token.parent.iterdir()] == ["token"]


@as_root
def test_a_token_that_others_can_read_is_not_used(token: Path) -> None:
    token.chmod(0o644)
    done = enrol(token.parent, 0)
    assert done.returncode == 2
    assert "can be read" in done.stderr
    assert token.exists()
    assert not (token.parent / "asked").exists()


def test_a_token_that_is_a_link_is_not_followed(token: Path) -> None:
    token.rename(token.with_name("elsewhere"))
    token.symlink_to("elsewhere")
    assert enrol(token.parent, 0).returncode == 2
    assert token.is_symlink()


def test_without_a_token_there_is_nothing_to_do(token: Path) -> None:
    token.unlink()
    done = enrol(token.parent, 0)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def before(tmp_path: Path, old: str | None, new: str, *, allowed: bool = False) -> subprocess.CompletedProcess[str]:
    scripts, home = tmp_path / "scripts", tmp_path / "disk" / HOME
    scripts.mkdir(exist_ok=True)
    shutil.copy(FOLDER / "scripts/preinstall", scripts / "preinstall")
    (scripts / "version").write_text(f"{new}\n")
    if old is not None:
        home.mkdir(parents=True, exist_ok=True)
        (home / "version").write_text(f"{old}\n")
    if allowed:
        state = tmp_path / f"disk{STATE}"
        state.mkdir(parents=True)
        (state / "allow-downgrade").touch()
    command = [scripts / "preinstall", "package", "/", tmp_path / "disk"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("old", "new"), [(None, "0.1.0"), ("0.1.0", "0.1.0"), ("0.9.9", "0.10.0"), ("1.2.3", "2.0.0")])
def test_a_version_goes_over_the_same_or_an_older_one(tmp_path: Path, old: str | None, new: str) -> None:
    assert before(tmp_path, old, new).returncode == 0
    assert not (tmp_path / "disk" / HOME).exists()


@pytest.mark.parametrize(("old", "new"), [("0.1.1", "0.1.0"), ("0.10.0", "0.9.0"), ("2.0.0", "1.9.9")])
def test_an_older_version_over_a_newer_is_refused_unless_it_is_allowed(tmp_path: Path, old: str, new: str) -> None:
    done = before(tmp_path, old, new)
    assert done.returncode == 1
    assert f"{new} is older than the {old} that is here" in done.stderr
    assert (tmp_path / "disk" / HOME / "version").exists()
    assert before(tmp_path, old, new, allowed=True).returncode == 0


@as_root
def test_the_installation_makes_folders_for_whom_they_are(tmp_path: Path) -> None:
    command = [FOLDER / "scripts/postinstall", "package", "/", tmp_path]
    subprocess.run(command, capture_output=True, check=True)
    assert (tmp_path / STATE.lstrip("/")).stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "Library/Logs/Fairwatch").stat().st_mode & 0o777 == 0o750


LAUNCHCTL = """#!/bin/sh
echo "$*" >>"{folder}/asked"
[ "$1" != print ] || exit {print}
[ "$1" = bootstrap ] || exit 0
[ "$(grep -cxF "$*" "{folder}/asked")" -gt {refused} ] || exit 5
"""
"""Refuses each job so many times, as launchd does while the former one is ending."""


def started(tmp_path: Path, refused: int, *, there: bool) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the installation with a launchd that refuses so many times; gives what it was asked for."""
    stand_ins = tmp_path / "stand-ins"
    stand_ins.mkdir()
    programs = {
        "launchctl": LAUNCHCTL.format(folder=tmp_path, print=0 if there else 113, refused=refused),
        "ps": "#!/bin/sh\necho '  0 /sbin/launchd'\necho '501 /System/loginwindow'\n",
        "sleep": f'#!/bin/sh\necho "sleep $*" >>"{tmp_path}/asked"\n',
    }
    for name, text in programs.items():
        (stand_ins / name).write_text(text)
        (stand_ins / name).chmod(0o755)
    # Its folders are made elsewhere; the volume stays that of the Mac which runs.
    script = (FOLDER / "scripts/postinstall").read_text().replace('"$volume/', f'"{tmp_path}/')
    done = subprocess.run(
        ["sh", "-c", script, "postinstall", "package", "/", "/"],
        env={**os.environ, "PATH": f"{stand_ins}:{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done, (tmp_path / "asked").read_text().splitlines()


BOOTSTRAPS = {
    "org.fairwatch.enrol": "bootstrap system /Library/LaunchDaemons/org.fairwatch.enrol.plist",
    "org.fairwatch.agent": "bootstrap system /Library/LaunchDaemons/org.fairwatch.agent.plist",
    "the notice of the account 501": "bootstrap gui/501 /Library/LaunchAgents/org.fairwatch.session.plist",
}


@pytest.mark.parametrize("refused", [0, 1, 9])
def test_a_job_whose_former_one_is_still_ending_is_started_once_that_is_gone(tmp_path: Path, refused: int) -> None:
    done, asked = started(tmp_path, refused, there=False)
    assert done.returncode == 0
    assert "starts w" not in done.stderr
    assert [asked.count(one) for one in BOOTSTRAPS.values()] == [refused + 1] * 3
    assert asked.count("sleep 1") == 3 * refused
    assert asked.index("bootout gui/501/org.fairwatch.session") < asked.index(
        BOOTSTRAPS["the notice of the account 501"]
    )


def test_a_job_that_never_starts_is_said_and_the_installation_goes_on(tmp_path: Path) -> None:
    done, asked = started(tmp_path, 99, there=False)
    assert done.returncode == 0
    assert [asked.count(one) for one in BOOTSTRAPS.values()] == [10] * 3
    assert all(f"{who} starts w" in done.stderr for who in BOOTSTRAPS)
    assert "not enrolled yet" in done.stdout


def test_a_job_that_is_there_after_all_is_not_said_to_be_missing(tmp_path: Path) -> None:
    done, _ = started(tmp_path, 99, there=True)
    assert "starts w" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--python and --python-sha256 are needed"),
        (["--python", "x", "--python-sha256", "y"], "--sign-app and --sign-pkg are needed"),
        (["--speed", "9"], "--speed is not known"),
        (["--python"], "--python needs a value"),
        (
            ["--python", "x", "--python-sha256", "y", "--sign-app", "a", "--sign-pkg", "b", "--arch", "m68k"],
            "--arch is",
        ),
        (["--python", "x", "--python-sha256", "y", "--sign-app", "a", "--sign-pkg", "b"], "only a Mac"),
    ],
)
def test_the_build_says_in_a_sentence_what_it_can_not_use(words: list[str], said: str) -> None:
    done = subprocess.run([FOLDER / "build-pkg.sh", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
