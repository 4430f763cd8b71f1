"""Keys are sealed for the machine, under their names, and what was altered is told from what Windows refuses."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from agent.errors import KeyStoreError, SealedTextError
from agent.windows import dpapi
from agent.windows.dpapi import Dpapi
from tests.agent.windows.answers import Library
from tests.agent.windows.wine_python import as_windows

KEY = bytes(range(32))


class Answers:
    """A machine that seals by turning the text round and putting the entropy behind it."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.freed: list[int] = []
        self.flags: list[int] = []
        self.refuses = False

    def dpapi(self) -> Dpapi:
        return Dpapi(
            Library(CryptProtectData=self._seal, CryptUnprotectData=self._open),
            Library(LocalFree=lambda place: self.freed.append(place)),
        )

    def _seal(self, text, told, entropy, reserved, prompt, flags, into) -> int:
        assert told is None
        self.flags.append(flags)
        return 0 if self.refuses else self._give(_of(text)[::-1] + _of(entropy), into)

    def _open(self, text, told, entropy, reserved, prompt, flags, into) -> int:
        raw, by = _of(text), _of(entropy)
        return self._give(raw.removesuffix(by)[::-1], into) if raw.endswith(by) else 0

    def _give(self, text: bytes, into: Any) -> int:
        self.kept.append(ctypes.create_string_buffer(text, len(text)))
        into._obj.size, into._obj.data = len(text), ctypes.addressof(self.kept[-1])
        return 1


def _of(blob: Any) -> bytes:
    return ctypes.string_at(blob._obj.data, blob._obj.size)


def test_a_key_comes_back_by_its_name_and_nothing_is_left_in_memory_of_windows() -> None:
    answers = Answers()
    kept = answers.dpapi().protect(KEY, "device.ed25519")
    assert KEY not in kept
    assert answers.dpapi().unprotect(kept, "device.ed25519") == KEY
    assert answers.flags == [5], "for the machine, and without a window"
    assert len(answers.freed) == 2
    assert [bytes(one) for one in answers.kept] == [bytes(len(one)) for one in answers.kept]


@pytest.mark.parametrize(("error", "raised"), [(13, SealedTextError), (-2146893819, SealedTextError),
                                               (5, KeyStoreError), (0, KeyStoreError)])  # fmt: skip
def test_what_was_altered_is_told_from_what_windows_refuses(
    error: int, raised: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Answers()
    kept = answers.dpapi().protect(KEY, "device.ed25519")
    monkeypatch.setattr(dpapi, "last_error", lambda: error)
    with pytest.raises(raised):
        answers.dpapi().unprotect(kept, "spool.aes256")


def test_a_machine_that_seals_nothing_is_an_error_that_may_pass() -> None:
    answers = Answers()
    answers.refuses = True
    with pytest.raises(KeyStoreError) as fault:
        answers.dpapi().protect(KEY, "device.ed25519")
    assert fault.value.retry


KEYS = """
import sys
from pathlib import Path
from agent import keys
from agent.errors import IdentityDamagedError
folder = Path(sys.argv[1])
made, again = keys.make_keys(folder), keys.make_keys(folder)
print((made.public_key, made.spool_key) == (again.public_key, again.spool_key))
device, spool = folder / "keys" / keys.DEVICE_KEY_FILE, folder / "keys" / keys.SPOOL_KEY_FILE
print(made.key.private_bytes_raw() in device.read_bytes(), made.spool_key in spool.read_bytes())
kept = spool.read_bytes()
for wrong in (device.read_bytes(), kept[:-20] + bytes(20), b"", bytes(32)):
    spool.write_bytes(wrong)
    try:
        keys.make_keys(folder)
    except IdentityDamagedError as fault:
        print("damaged")
spool.write_bytes(kept)
print(keys.make_keys(folder).spool_key == made.spool_key)
"""


@pytest.mark.more
def test_on_windows_the_devices_keys_are_sealed_and_open_for_nobody_elses_name(wine, tmp_path) -> None:
    said = wine.run(KEYS, as_windows(tmp_path))
    assert said.split() == ["True", "False", "False", *["damaged"] * 4, "True"]
