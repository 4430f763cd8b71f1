"""Keys are guarded by the system where it offers that; what a protector keeps stands in the file, and only that."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import keys
from agent.errors import IdentityDamagedError, SealedTextError
from agent.macos.keychain import Keychain
from agent.protection import of_this_system


class Turned:
    """A protector that anybody could undo, to see where one is asked."""

    def protect(self, key: bytes, name: str) -> bytes:
        return name.encode() + key[::-1]

    def unprotect(self, kept: bytes, name: str) -> bytes:
        if not kept.startswith(name.encode()):
            raise SealedTextError("not this file's")
        return kept.removeprefix(name.encode())[::-1]


def test_each_system_has_its_own() -> None:
    assert of_this_system("linux") is None
    assert isinstance(of_this_system("darwin"), Keychain)


def test_the_file_holds_what_the_protector_keeps(tmp_path: Path) -> None:
    own = keys.make_keys(tmp_path, Turned())
    kept = (tmp_path / "keys/spool.aes256").read_bytes()
    assert kept == b"spool.aes256" + own.spool_key[::-1]
    assert keys.make_keys(tmp_path, Turned()).public_key == own.public_key


@pytest.mark.parametrize("name", ["device.ed25519", "spool.aes256"])
def test_what_is_another_files_is_no_key(tmp_path: Path, name: str) -> None:
    keys.make_keys(tmp_path, Turned())
    (tmp_path / "keys" / name).write_bytes(b"other" + bytes(32))
    with pytest.raises(IdentityDamagedError, match="altered"):
        keys.make_keys(tmp_path, Turned())


def test_keys_without_a_protector_are_not_taken_with_one(tmp_path: Path) -> None:
    keys.make_keys(tmp_path)
    with pytest.raises(IdentityDamagedError):
        keys.make_keys(tmp_path, Turned())
