"""Keys are made on the device, kept from others, and never replaced by chance."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from uuid import UUID

import pytest

from agent import keys
from agent.errors import IdentityDamagedError, KeysExposedError, NotEnrolledError, SealedTextError
from protocol.signing import verify_request

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def make_identity(folder) -> keys.Identity:
    own = keys.make_keys(folder)
    identity = keys.Identity(
        device=UUID(int=7),
        group="staff",
        collector="https://collector.example",
        certificate="ab" * 32,
        root="cd" * 32,
        root_version=1,
        minimum={"recipients": 3},
        enrolled_at=NOW,
        key=own.key,
        spool_key=own.spool_key,
    )
    keys.save(identity, folder)
    return identity


def test_an_identity_comes_back_as_it_was_saved(tmp_path):
    saved, loaded = make_identity(tmp_path), keys.load(tmp_path)
    names = [name for name in saved.__dataclass_fields__ if name != "key"]
    assert [getattr(saved, name) for name in names] == [getattr(loaded, name) for name in names]
    assert saved.key.private_bytes_raw() == loaded.key.private_bytes_raw()


def test_keys_are_made_once(tmp_path):
    first, second = keys.make_keys(tmp_path), keys.make_keys(tmp_path)
    assert (first.public_key, first.spool_key) == (second.public_key, second.spool_key)
    assert len({first.spool_key, first.key.private_bytes_raw(), first.public_key}) == 3


def test_key_files_are_their_owners_alone_whatever_the_umask(tmp_path, monkeypatch):
    import os

    before = os.umask(0)
    try:
        make_identity(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    files = [tmp_path / "identity.json", *(tmp_path / "keys").iterdir()]
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


@pytest.mark.parametrize("name", ["identity.json", "keys", "keys/device.ed25519", "keys/spool.aes256"])
@pytest.mark.parametrize("mode", [0o040, 0o004, 0o020, 0o002, 0o010])
def test_nothing_starts_with_a_key_that_others_could_read_or_change(tmp_path, name, mode):
    make_identity(tmp_path)
    path = tmp_path / name
    path.chmod(stat.S_IMODE(path.stat().st_mode) | mode)
    with pytest.raises(KeysExposedError, match=r"chmod [67]00"):
        keys.load(tmp_path)


def test_a_key_that_is_a_link_to_elsewhere_is_refused(tmp_path):
    make_identity(tmp_path)
    (tmp_path / "elsewhere").write_bytes(bytes(32))
    (tmp_path / "elsewhere").chmod(0o600)
    (tmp_path / "keys/device.ed25519").unlink()
    (tmp_path / "keys/device.ed25519").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeysExposedError):
        keys.load(tmp_path)


def test_without_an_identity_enrolling_is_named(tmp_path):
    with pytest.raises(NotEnrolledError, match="fairwatch-agent enrol"):
        keys.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("identity.json", b""),
        ("identity.json", b"{}"),
        ("identity.json", b'{"version":2}'),
        ("identity.json", b"\xff"),
        ("keys/device.ed25519", b"short"),
        ("keys/spool.aes256", b""),
        ("keys/spool.aes256", None),
    ],
)
def test_a_damaged_identity_is_said_and_never_quietly_replaced(tmp_path, name, content):
    make_identity(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(IdentityDamagedError, match="enrol this device again"):
        keys.load(tmp_path)


def test_an_identity_shows_no_key(tmp_path):
    identity = make_identity(tmp_path)
    assert "key" not in repr(identity).replace("spool_key", "key").replace("_key", "")
    assert identity.spool_key.hex() not in repr(identity)


def test_a_request_signed_by_the_identity_verifies(tmp_path):
    identity = make_identity(tmp_path)
    url = "https://collector.example/v1/records"
    headers = identity.signer(lambda: NOW)("POST", url, b"body")
    verify_request("POST", url, headers, b"body", key=identity.key.public_key(), key_id=str(identity.device), now=NOW)


def test_a_sealed_text_opens_only_unaltered_in_its_place_and_under_its_key():
    cipher, other = keys.Cipher(bytes(32)), keys.Cipher(b"\x01" * 32)
    sealed = cipher.seal(b"text", b"here")
    assert cipher.open(sealed, b"here") == b"text"
    assert cipher.seal(b"text", b"here") != sealed
    flipped = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for wrong in (
        lambda: cipher.open(sealed, b"there"),
        lambda: other.open(sealed, b"here"),
        lambda: cipher.open(flipped, b"here"),
        lambda: cipher.open(b"", b"here"),
    ):
        with pytest.raises(SealedTextError):
            wrong()
    assert cipher.label("a") != other.label("a") != cipher.label("b")
    with pytest.raises(ValueError, match="32 bytes"):
        keys.Cipher(b"short")
