"""A sealed file opens with its key alone, and not when a byte, a piece or its end is not what was written."""

from __future__ import annotations

import io

import pytest

from protocol import backup_sealing
from protocol.backup_sealing import MAGIC, PIECE_BYTES, Opener, Sealer
from protocol.errors import OpenError, UnlockError
from protocol.rolekeys import new_key as new_signing_key
from protocol.rolekeys import to_pem

WORDS = "six words that nobody guesses at all"
BEGINNING = len(MAGIC) + 80
PIECE = PIECE_BYTES + 16


@pytest.fixture(scope="module")
def key():
    """A backup key: its private half, and its public half as text."""
    pem, public = backup_sealing.new_key(WORDS)
    return backup_sealing.unlock(pem, WORDS), public


def sealed(data, public, at_once=10_000):
    target = io.BytesIO()
    sealer = Sealer(target, backup_sealing.from_text(public))
    for start in range(0, len(data), at_once):
        sealer.write(data[start : start + at_once])
    sealer.close()
    return target.getvalue()


def opened(data, private, at_once=7_000):
    opener = Opener(io.BytesIO(data), private)
    return b"".join(iter(lambda: opener.read(at_once), b""))


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
def test_what_was_written_is_read_whatever_its_length(key, size):
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    file = sealed(data, key[1])
    assert backup_sealing.is_sealed(file)
    assert opened(file, key[0]) == data


def test_nothing_of_what_was_written_is_readable_in_the_file(key):
    assert b"canary" not in sealed(b"canary" * 1000, key[1])


@pytest.mark.parametrize("at", [BEGINNING - 1, BEGINNING, BEGINNING + PIECE, -1])
def test_a_changed_byte_is_found(key, at):
    file = bytearray(sealed(bytes(2 * PIECE_BYTES + 5), key[1]))
    file[at] ^= 1
    with pytest.raises(OpenError):
        opened(bytes(file), key[0])


@pytest.mark.parametrize(
    "changed",
    [
        lambda file: file[:-1],
        lambda file: file[: BEGINNING + 2 * PIECE],
        lambda file: file[:BEGINNING],
        lambda file: file[:BEGINNING] + file[BEGINNING + PIECE :],
        lambda file: (
            file[:BEGINNING]
            + file[BEGINNING + PIECE : BEGINNING + 2 * PIECE]
            + file[BEGINNING : BEGINNING + PIECE]
            + file[BEGINNING + 2 * PIECE :]
        ),
        lambda file: file + b"more",
        lambda file: file[: len(MAGIC) + 10],
        lambda file: file[:0],
    ],
    ids=["last byte", "last piece", "every piece", "first piece", "moved", "more", "beginning", "all"],
)
def test_what_is_left_out_moved_or_cut_off_is_found(key, changed):
    with pytest.raises(OpenError):
        opened(changed(sealed(bytes(2 * PIECE_BYTES + 5), key[1])), key[0])


def test_a_file_that_was_never_finished_does_not_open(key):
    target = io.BytesIO()
    Sealer(target, backup_sealing.from_text(key[1])).write(bytes(2 * PIECE_BYTES))
    with pytest.raises(OpenError):
        opened(target.getvalue(), key[0])


def test_another_key_opens_nothing_and_is_named(key):
    pem, _ = backup_sealing.new_key(WORDS)
    with pytest.raises(OpenError, match="another key"):
        opened(sealed(b"text", key[1]), backup_sealing.unlock(pem, WORDS))


def test_a_slip_in_a_written_key_is_found(key):
    public = key[1]
    assert backup_sealing.to_text(backup_sealing.from_text(public)) == public
    for slip in (public[:-1], public[1:] + public[0], ("0" if public[0] != "0" else "1") + public[1:], "words", ""):
        with pytest.raises(UnlockError, match="no backup key"):
            backup_sealing.from_text(slip)


def test_a_wrong_passphrase_or_another_kind_of_key_is_named(key):
    pem, _ = backup_sealing.new_key(WORDS)
    with pytest.raises(UnlockError, match="passphrase"):
        backup_sealing.unlock(pem, "other words")
    with pytest.raises(UnlockError, match="passphrase"):
        backup_sealing.unlock(b"no pem", WORDS)
    with pytest.raises(UnlockError, match="signing key"):
        backup_sealing.unlock(to_pem(new_signing_key(), WORDS), WORDS)
