"""An app is named by its file and its signer, as lists spell both, and its signature is checked once a file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agent.session.messages import Front, Identity
from agent.windows.app_identity import AppNames, identity_of
from rules.apps import normalise_app

PROGRAM = r"C:\Users\sam\AppData\Local\slack\Slack.exe"


@pytest.mark.parametrize(
    ("executable", "publisher", "identity"),
    [
        (PROGRAM, "Slack Technologies, LLC", "windows:slack technologies, llc:slack.exe"),
        (PROGRAM, None, "windows:exe:slack.exe"),
        (r"C:\Program Files\LM Studio\LM Studio.exe", None, "windows:exe:lm studio.exe"),
        (r"C:\x\odd;name.exe", "A: B/C", "windows:a_ b_c:odd_name.exe"),
        (r"C:\x\a.exe", "Průša Research a.s.", "windows:průša research a.s.:a.exe"),
        (r"C:\x\a.exe", "exe", "windows:exe:a.exe"),
        (r"C:\x\.hidden.exe", "", "windows:exe:_.hidden.exe"),
        ("C:/forward/slashes.EXE", None, "windows:exe:slashes.exe"),
        (f"C:\\{'n' * 200}.exe", "p" * 200, f"windows:{'p' * 64}:{'n' * 64}"),
        ("C:\\folder\\", None, None),
        ("", None, None),
    ],
)
def test_identities_are_spelled_as_lists_spell_them(executable: str, publisher: str | None, identity: str) -> None:
    assert identity_of(executable, publisher) == identity
    if identity is not None:
        assert normalise_app(identity) == identity
        assert msgspec.convert(identity, Identity) == identity


def test_a_signature_is_checked_once_and_again_when_the_file_changed(tmp_path: Path) -> None:
    checked: list[str] = []
    names = AppNames(lambda path: checked.append(path) or "Example Ltd")
    program = tmp_path / "app.exe"
    program.write_bytes(b"one")
    assert {names.identity(str(program)) for _ in range(3)} == {"windows:example ltd:app.exe"}
    assert len(checked) == 1
    program.write_bytes(b"another")
    names.identity(str(program))
    assert len(checked) == 2


def test_a_file_that_may_not_be_looked_at_counts_as_unsigned(tmp_path: Path) -> None:
    names = AppNames(lambda path: pytest.fail("it can't be checked"))
    assert names.identity(str(tmp_path / "gone.exe")) == "windows:exe:gone.exe"


def test_a_list_may_name_the_signed_app_or_its_file(tmp_path: Path) -> None:
    program = tmp_path / "app.exe"
    program.touch()
    assert AppNames(lambda path: "Example").identities(str(program)) == (
        "windows:example:app.exe",
        "windows:exe:app.exe",
    )
    assert AppNames(lambda path: None).identities(str(program)) == ("windows:exe:app.exe",)


@pytest.mark.parametrize("identity", ["windows:slack.exe", "windows:a:b:c.exe", "windows:exe:a\\b.exe", "windows:exe:"])
def test_a_session_that_says_anything_else_is_refused(identity: str) -> None:
    said = {"identity": identity, "started": "2026-11-27T09:00:00Z", "seconds": 1.0, "type": "Front"}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(said, Front)
