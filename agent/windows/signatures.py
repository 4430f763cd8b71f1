"""Who signed a program: the name in its Authenticode signature, if that holds, without asking the network.

Programs that are signed by a catalogue of the system's carry no signature of their own and count as unsigned here.
Source: Microsoft Learn, WinVerifyTrust, WINTRUST_DATA, WTHelperGetProvSignerFromChain, CertGetNameStringW.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

from agent.windows.libraries import BOOL, DWORD, HANDLE, INVALID_HANDLE, LONG, declare, library

# Stands for no window: nothing may be shown to the person.
INVALID_WINDOW: Final = INVALID_HANDLE
_NO_WINDOW: Final = 2
_NO_REVOCATION: Final = 0
_FILE: Final = 1
_VERIFY, _CLOSE = 1, 2
# Only what is on the device: neither lists of revoked certificates nor missing ones are fetched.
_CACHE_ONLY: Final = 0x1000
_DISPLAY_NAME: Final = 4
_LONGEST_NAME: Final = 256


class _Guid(ctypes.Structure):
    _fields_ = (("a", DWORD), ("b", ctypes.c_uint16), ("c", ctypes.c_uint16), ("d", ctypes.c_uint8 * 8))


# WINTRUST_ACTION_GENERIC_VERIFY_V2
_ACTION: Final = (0x00AAC56B, 0xCD44, 0x11D0, (0x8C, 0xC2, 0x00, 0xC0, 0x4F, 0xC2, 0x95, 0xEE))


class _File(ctypes.Structure):
    """WINTRUST_FILE_INFO."""

    _fields_ = (("size", DWORD), ("path", ctypes.c_void_p), ("file", HANDLE), ("subject", ctypes.c_void_p))


class _Trust(ctypes.Structure):
    """WINTRUST_DATA."""

    _fields_ = (
        ("size", DWORD), ("policy", ctypes.c_void_p), ("client", ctypes.c_void_p), ("ui", DWORD),
        ("revocation", DWORD), ("choice", DWORD), ("file", ctypes.c_void_p), ("action", DWORD),
        ("state", HANDLE), ("url", ctypes.c_void_p), ("flags", DWORD), ("context", DWORD),
        ("signatures", ctypes.c_void_p),
    )  # fmt: skip


class _ProviderCertificate(ctypes.Structure):
    """The first fields of CRYPT_PROVIDER_CERT."""

    _fields_ = (("size", DWORD), ("certificate", ctypes.c_void_p))


class Signatures:
    """Checks signatures; each check reads the whole program, so whoever asks remembers the answer."""

    def __init__(self, wintrust: Any = None, crypt32: Any = None) -> None:
        """Raises OSError where there is no Windows."""
        trust = library("wintrust") if wintrust is None else wintrust
        crypt = library("crypt32") if crypt32 is None else crypt32
        pointer = ctypes.c_void_p
        self._verify = declare(trust, "WinVerifyTrust", LONG, HANDLE, pointer, pointer)
        self._provider = declare(trust, "WTHelperProvDataFromStateData", pointer, HANDLE)
        self._signer = declare(trust, "WTHelperGetProvSignerFromChain", pointer, pointer, DWORD, BOOL, DWORD)
        self._certificate = declare(trust, "WTHelperGetProvCertFromChain", pointer, pointer, DWORD)
        self._name = declare(crypt, "CertGetNameStringW", DWORD, pointer, DWORD, DWORD, pointer, pointer, DWORD)
        a, b, c, d = _ACTION
        self._action = _Guid(a, b, c, (ctypes.c_uint8 * 8)(*d))

    def publisher_of(self, executable: str) -> str | None:
        """The signer's name of a program whose signature holds and leads to a root that this device trusts, or None."""
        path = ctypes.create_unicode_buffer(executable)
        file = _File(ctypes.sizeof(_File), ctypes.addressof(path), None, None)
        trust = _Trust(
            size=ctypes.sizeof(_Trust),
            ui=_NO_WINDOW,
            revocation=_NO_REVOCATION,
            choice=_FILE,
            file=ctypes.addressof(file),
            action=_VERIFY,
            flags=_CACHE_ONLY,
        )
        try:
            holds = self._verify(INVALID_WINDOW, ctypes.byref(self._action), ctypes.byref(trust)) == 0
            return self._signer_of(trust.state) if holds and trust.state else None
        finally:
            trust.action = _CLOSE
            self._verify(INVALID_WINDOW, ctypes.byref(self._action), ctypes.byref(trust))

    def _signer_of(self, state: int) -> str | None:
        provider = self._provider(state)
        signer = self._signer(provider, 0, 0, 0) if provider else None
        found = self._certificate(signer, 0) if signer else None
        if not found:
            return None
        certificate = _ProviderCertificate.from_address(found).certificate
        name = ctypes.create_unicode_buffer(_LONGEST_NAME)
        size = self._name(certificate, _DISPLAY_NAME, 0, None, name, _LONGEST_NAME) if certificate else 0
        return name.value if size > 1 else None
