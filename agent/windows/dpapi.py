"""Guards the device's keys on Windows: sealed by the machine's own secret (DPAPI), which leaves no copy of the files.

For the machine and not for an account, since the service and IT's enrolment are two accounts. So any program on this
device that reads the file could open it: the folder's access list keeps others out, and the file's name goes in as
entropy so that no two can be swapped. Source: Microsoft Learn, CryptProtectData, CryptUnprotectData.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

from agent.errors import KeyStoreError, SealedTextError
from agent.windows.libraries import BOOL, DWORD, declare, last_error, library

# No window may come up, and what is sealed is the machine's.
_NO_WINDOW: Final = 0x1
_MACHINE: Final = 0x4
_ENTROPY: Final = b"fairwatch device key: "
# ERROR_INVALID_DATA, ERROR_INVALID_PARAMETER, NTE_BAD_DATA: it was altered, or another machine sealed it.
_ALTERED: Final = frozenset((13, 87, 0x80090005))


class _Blob(ctypes.Structure):
    """DATA_BLOB."""

    _fields_ = (("size", DWORD), ("data", ctypes.c_void_p))


class Dpapi:
    """Seals keys for this machine."""

    def __init__(self, crypt32: Any = None, kernel32: Any = None) -> None:
        """Raises OSError where there is no Windows."""
        crypt = library("crypt32") if crypt32 is None else crypt32
        kernel = library("kernel32") if kernel32 is None else kernel32
        pointer = ctypes.c_void_p
        types = (pointer, pointer, pointer, pointer, pointer, DWORD, pointer)
        self._seal = declare(crypt, "CryptProtectData", BOOL, *types)
        self._open = declare(crypt, "CryptUnprotectData", BOOL, *types)
        self._free = declare(kernel, "LocalFree", pointer, pointer)

    def protect(self, key: bytes, name: str) -> bytes:
        """Return the key sealed for this machine under that name; raises KeyStoreError."""
        sealed = self._asked(self._seal, key, name, _NO_WINDOW | _MACHINE)
        if isinstance(sealed, int):
            raise KeyStoreError(f"Windows does not seal this device's key (error {sealed})")
        return sealed

    def unprotect(self, kept: bytes, name: str) -> bytes:
        """Return the key; raises SealedTextError for what was altered or is another machine's, else KeyStoreError."""
        key = self._asked(self._open, kept, name, _NO_WINDOW)
        if not isinstance(key, int):
            return key
        if key & 0xFFFFFFFF in _ALTERED:
            raise SealedTextError("a key does not open on this machine")
        raise KeyStoreError(f"Windows does not open this device's key (error {key})")

    def _asked(self, function: Any, text: bytes, name: str, flags: int) -> bytes | int:
        """The text that comes back, or the error's number."""
        given, entropy = _kept(text), _kept(_ENTROPY + name.encode())
        taken = _Blob()
        if not function(
            ctypes.byref(_blob(given)), None, ctypes.byref(_blob(entropy)), None, None, flags, ctypes.byref(taken)
        ):
            return last_error()
        try:
            return ctypes.string_at(taken.data, taken.size)
        finally:
            ctypes.memset(taken.data, 0, taken.size)
            self._free(taken.data)


def _kept(text: bytes) -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(text, len(text))


def _blob(kept: ctypes.Array[ctypes.c_char]) -> _Blob:
    return _Blob(len(kept), ctypes.addressof(kept))
