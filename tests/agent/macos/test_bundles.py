"""An app on macOS is named by its bundle alone; what is no identifier, or no bundle, names nothing."""

from __future__ import annotations

import plistlib
from pathlib import Path

import pytest

from agent.macos.bundles import MAX_INFO_BYTES, bundle_identity, identities_of
from agent.session.messages import Front, decode_from_session, encode
from rules.apps import normalise_app


def app(folder: Path, bundle_id: object, name: str = "Example") -> Path:
    contents = folder / f"{name}.app" / "Contents"
    (contents / "MacOS").mkdir(parents=True)
    (contents / "Info.plist").write_bytes(plistlib.dumps({"CFBundleIdentifier": bundle_id, "CFBundleName": "No name"}))
    return contents / "MacOS" / name


@pytest.mark.parametrize("bundle_id", ["com.apple.Safari", "org.mozilla.firefox", "com.google.Chrome.app.abc-1"])
def test_an_identity_is_what_rules_and_messages_take(bundle_id: str) -> None:
    identity = bundle_identity(bundle_id)
    assert identity is not None
    assert identity == normalise_app(f"macos:{bundle_id}")
    from datetime import UTC, datetime

    front = Front(identity=identity, started=datetime(2026, 3, 2, tzinfo=UTC), seconds=1.0, idle=False)
    assert decode_from_session(encode(front).rstrip(b"\n")) == front


@pytest.mark.parametrize(
    "bundle_id",
    [None, "", "noname", "https://example.test/page", "com.example.a page", "com..example", "a." * 80 + "b"],
)
def test_what_is_no_identifier_names_nothing(bundle_id: str | None) -> None:
    assert bundle_identity(bundle_id) is None


def test_a_program_is_the_app_that_it_lies_in_and_those_around_it(tmp_path: Path) -> None:
    outer = app(tmp_path, "com.Example.Outer")
    inner = app(outer.parent.parent / "Frameworks", "com.example.helper", "Helper")
    assert identities_of(str(outer)) == ("macos:com.example.outer",)
    assert identities_of(str(inner)) == ("macos:com.example.helper", "macos:com.example.outer")
    assert identities_of("/usr/bin/true") == ()


def test_a_binary_property_list_is_read_too(tmp_path: Path) -> None:
    program = app(tmp_path, "unused.id")
    info = program.parents[1] / "Info.plist"
    info.write_bytes(plistlib.dumps({"CFBundleIdentifier": "com.example.Binary"}, fmt=plistlib.FMT_BINARY))
    assert identities_of(str(program)) == ("macos:com.example.binary",)


@pytest.mark.parametrize(
    "text", [b"", b"<plist", b"bplist00" + b"\xff" * 40, b"<plist><array/></plist>", b"x" * (MAX_INFO_BYTES + 1)]
)
def test_a_property_list_that_is_none_names_nothing(tmp_path: Path, text: bytes) -> None:
    program = app(tmp_path, "com.example.app")
    (program.parents[1] / "Info.plist").write_bytes(text)
    assert identities_of(str(program)) == ()


def test_an_identifier_that_is_no_text_names_nothing(tmp_path: Path) -> None:
    assert identities_of(str(app(tmp_path, 7))) == ()
