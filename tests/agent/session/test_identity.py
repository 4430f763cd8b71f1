"""An app is named by its installed desktop file or its executable, in the characters that such names use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.session import identity
from agent.session.identity import DesktopIndex, application_folders, executable_identity, executable_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "applications"
    folder.mkdir()
    return folder


def put(folder: Path, name: str, **keys: str) -> None:
    """Install a desktop file."""
    path = folder / f"{name}.desktop"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{key}={value}" for key, value in ({"Type": "Application"} | keys).items()]
    path.write_text("\n".join(["# a comment", "[Desktop Entry]", *lines, "[Desktop Action new]", "Exec=/bin/other"]))


def test_the_window_class_chooses_the_desktop_file_that_claims_it(folder: Path) -> None:
    put(folder, "debian-xterm", Exec="xterm", StartupWMClass="XTerm")
    put(folder, "debian-uxterm", Exec="uxterm", StartupWMClass="UXTerm")
    index = DesktopIndex([folder])
    assert index.identity("/usr/bin/xterm", ["UXTerm", "xterm"]) == "linux:debian-uxterm"
    assert index.identity("/usr/bin/xterm", ["XTerm", "xterm"]) == "linux:debian-xterm"


def test_the_window_class_may_be_the_desktop_id_itself(folder: Path) -> None:
    put(folder, "org.gnome.Nautilus", Exec="nautilus --new-window %U")
    assert DesktopIndex([folder]).identity(None, ["Org.gnome.Nautilus"]) == "linux:org.gnome.Nautilus"


def test_the_executable_is_matched_through_the_path_links_and_wrappers(folder: Path, tmp_path: Path) -> None:
    real = tmp_path / "lib" / "viewer-1.2"
    real.parent.mkdir()
    real.touch(mode=0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "viewer").symlink_to(real)
    put(folder, "org.example.Viewer", Exec="viewer %f")
    put(folder, "chromium", Exec="/usr/bin/chromium %U")
    put(folder, "wrapped", Exec='env LANG=C "/opt/wrapped/start" %U')
    index = DesktopIndex([folder], str(tmp_path / "bin"))
    assert index.identity(str(real)) == "linux:org.example.Viewer"
    assert index.identity("/usr/lib/chromium/chromium") == "linux:chromium"
    assert index.identity("/opt/wrapped/start") == "linux:wrapped"


def test_of_two_desktop_files_for_one_program_the_plain_one_names_it(folder: Path) -> None:
    put(folder, "a-web-app", Exec="/opt/browser --app-id=abc")
    put(folder, "browser", Exec="/opt/browser %U")
    assert DesktopIndex([folder]).identity("/opt/browser") == "linux:browser"


def test_a_runner_of_other_programs_is_no_app_of_its_own(folder: Path) -> None:
    put(folder, "editor", Exec="/usr/bin/python3 /usr/share/editor/main.py")
    put(folder, "python3.11", Exec="/usr/bin/python3.11", NoDisplay="true")
    assert DesktopIndex([folder]).identity("/usr/bin/python3.11") == "linux:exe:python3.11"


def test_without_a_desktop_file_the_executable_names_the_app_and_without_both_it_is_unknown(folder: Path) -> None:
    index = DesktopIndex([folder])
    assert index.identity("/home/someone/Games/The Game!") == "linux:exe:The_Game_"
    assert index.identity(None, ["Private page of a person"]) is None
    assert index.identities("/opt/tool") == ("linux:exe:tool",)


def test_what_a_window_says_of_itself_is_never_given_out(folder: Path) -> None:
    assert DesktopIndex([folder]).identity("/opt/tool", ["CANARY", "canary.example__path"]) == "linux:exe:tool"


def test_the_persons_own_desktop_file_takes_precedence_and_hidden_or_other_kinds_are_none(
    folder: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    put(own, "sub/tool", Exec="/opt/mine")
    put(folder, "sub-tool", Exec="/opt/theirs")
    put(folder, "gone", Exec="/opt/gone", Hidden="true")
    put(folder, "link", Type="Link", Exec="/opt/link")
    index = DesktopIndex([own, folder])
    assert index.identity("/opt/mine") == "linux:sub-tool"
    assert [index.identity(f"/opt/{name}") for name in ("theirs", "gone", "link")] == [
        "linux:exe:theirs",
        "linux:exe:gone",
        "linux:exe:link",
    ]


def test_a_newly_installed_app_is_known_after_a_refresh(folder: Path) -> None:
    index = DesktopIndex([folder])
    put(folder, "fresh", Exec="/opt/fresh-program")
    os.utime(folder, ns=(1, 1))
    index.refresh()
    assert index.identity("/opt/fresh-program") == "linux:fresh"


def test_huge_broken_and_endless_desktop_files_do_no_harm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "huge.desktop").write_bytes(b"[Desktop Entry]\nExec=/opt/huge\n" + b"#" * 300_000)
    (folder / "binary.desktop").write_bytes(bytes(range(256)))
    (folder / "empty.desktop").touch()
    (folder / "loop.desktop").symlink_to("loop.desktop")
    os.mkfifo(folder / "pipe.desktop")
    put(folder, "a-good", Exec="/opt/good")
    index = DesktopIndex([folder])
    assert index.identity("/opt/good") == "linux:a-good"
    assert index.identity("/opt/huge") == "linux:exe:huge"
    monkeypatch.setattr(identity, "MAX_DESKTOP_FILES", 1)
    put(folder, "b-second", Exec="/opt/second")
    assert DesktopIndex([folder]).identity("/opt/second") == "linux:exe:second"


def test_folders_follow_the_base_directories(tmp_path: Path) -> None:
    folders = application_folders({"HOME": "/home/a", "XDG_DATA_DIRS": "/x:/y:relative"})
    assert folders[:3] == tuple(
        Path(name) for name in ("/home/a/.local/share/applications", "/x/applications", "/y/applications")
    )


def test_an_executable_is_read_from_the_kernel_even_when_its_file_is_gone(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "exe").symlink_to("/opt/updated (deleted)")
    assert executable_of(7, str(tmp_path)) == "/opt/updated"
    assert executable_of(8, str(tmp_path)) is None
    assert executable_identity("/opt/updated") == "linux:exe:updated"
