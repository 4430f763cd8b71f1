"""Whose a process, a pipe's other end or a home folder is: Windows' word, by security identifiers (SIDs).

A person is named by the account's name alone, as elsewhere. Source: Microsoft Learn, GetTokenInformation,
LookupAccountSidW, ImpersonateNamedPipeClient.
"""

from __future__ import annotations

import ctypes
import re
from typing import Any, Final

from agent.windows.libraries import BOOL, DWORD, HANDLE, LONG, declare, library

_TOKEN_QUERY: Final = 0x0008
_TOKEN_USER: Final = 1
_TOKEN_OWNER: Final = 4
_KERNEL_OBJECT: Final = 6
_OWNER: Final = 1
_LONGEST_NAME: Final = 256
# SidTypeUser: groups, machines and what was deleted are nobody.
_IS_USER: Final = 1
# Room for TOKEN_USER with the longest SID (68 bytes).
_TOKEN_USER_BYTES: Final = 128
# An account of this machine or of a domain, or of Entra ID; the system's own and its services' have others.
_PERSON: Final = re.compile(r"S-1-(5-21|12-1)-[\d-]+")


def is_person(sid: str) -> bool:
    """Whether an account with that SID can be a person's."""
    return _PERSON.fullmatch(sid) is not None


class Accounts:
    """Asks Windows whose something is."""

    def __init__(self, advapi32: Any = None, kernel32: Any = None) -> None:
        """Raises OSError where there is no Windows."""
        advapi = library("advapi32") if advapi32 is None else advapi32
        kernel = library("kernel32") if kernel32 is None else kernel32
        pointer = ctypes.c_void_p
        self._impersonate = declare(advapi, "ImpersonateNamedPipeClient", BOOL, HANDLE)
        self._revert = declare(advapi, "RevertToSelf", BOOL)
        self._thread_token = declare(advapi, "OpenThreadToken", BOOL, HANDLE, DWORD, BOOL, pointer)
        self._process_token = declare(advapi, "OpenProcessToken", BOOL, HANDLE, DWORD, pointer)
        self._told = declare(advapi, "GetTokenInformation", BOOL, HANDLE, LONG, pointer, DWORD, pointer)
        self._as_text = declare(advapi, "ConvertSidToStringSidW", BOOL, pointer, pointer)
        self._as_sid = declare(advapi, "ConvertStringSidToSidW", BOOL, ctypes.c_wchar_p, pointer)
        self._account = declare(
            advapi, "LookupAccountSidW", BOOL, pointer, pointer, pointer, pointer, pointer, pointer, pointer
        )
        self._security = declare(
            advapi, "GetSecurityInfo", DWORD, HANDLE, LONG, DWORD, pointer, pointer, pointer, pointer, pointer
        )
        self._this_thread = declare(kernel, "GetCurrentThread", HANDLE)
        self._this_process = declare(kernel, "GetCurrentProcess", HANDLE)
        self._close = declare(kernel, "CloseHandle", BOOL, HANDLE)
        self._free = declare(kernel, "LocalFree", pointer, pointer)

    def of_pipe_client(self, pipe: int) -> str | None:
        """The SID of who is at the client's end of a pipe, or None where Windows does not tell.

        By the token that the client came with, which it can't choose, and not by the number of its process, which may
        be another's by the time that one asks. The rights of the client are given back before anything else is done.
        """
        if not self._impersonate(pipe):
            return None
        token = HANDLE()
        try:
            # As this process itself and not as the client, who may have no right to their own token.
            opened = self._thread_token(self._this_thread(), _TOKEN_QUERY, 1, ctypes.byref(token))
        finally:
            if not self._revert():
                # Going on with another's rights is the one thing that must not happen.
                raise SystemError("Windows does not give this thread its own rights back")
        return self._sid_in(token, _TOKEN_USER) if opened else None

    def maker(self) -> str | None:
        """The SID to which belongs what this process makes: its account's, or of all administrators (TokenOwner)."""
        token = HANDLE()
        opened = self._process_token(self._this_process(), _TOKEN_QUERY, ctypes.byref(token))
        return self._sid_in(token, _TOKEN_OWNER) if opened else None

    def of_process(self, process: int) -> str | None:
        """The SID with whose rights an open process runs, or None where Windows does not tell."""
        token = HANDLE()
        opened = self._process_token(process, _TOKEN_QUERY, ctypes.byref(token))
        return self._sid_in(token, _TOKEN_USER) if opened else None

    def owner_of_pipe(self, pipe: int) -> str | None:
        """The SID of who made a pipe, or None where Windows does not tell. Only administrators can name another."""
        owner, descriptor = ctypes.c_void_p(), ctypes.c_void_p()
        if self._security(
            pipe, _KERNEL_OBJECT, _OWNER, ctypes.byref(owner), None, None, None, ctypes.byref(descriptor)
        ):
            return None
        try:
            return self._text_of(owner.value)
        finally:
            self._free(descriptor)

    def name_of(self, sid: str) -> str | None:
        """The account's name, in lower case as Windows compares it; None where no person has that SID."""
        binary = ctypes.c_void_p()
        if not self._as_sid(sid, ctypes.byref(binary)):
            return None
        try:
            name, domain = (ctypes.create_unicode_buffer(_LONGEST_NAME) for _ in range(2))
            sizes, kind = (DWORD(_LONGEST_NAME), DWORD(_LONGEST_NAME)), LONG()
            places = (name, ctypes.byref(sizes[0]), domain, ctypes.byref(sizes[1]), ctypes.byref(kind))
            found = self._account(None, binary, *places) and kind.value == _IS_USER
            return name.value.lower() or None if found else None
        finally:
            self._free(binary)

    def _sid_in(self, token: HANDLE, kind: int) -> str | None:
        """The SID in TOKEN_USER or TOKEN_OWNER, both of which begin with where it lies; closes the token."""
        told, size = ctypes.create_string_buffer(_TOKEN_USER_BYTES), DWORD()
        try:
            if not self._told(token, kind, told, _TOKEN_USER_BYTES, ctypes.byref(size)):
                return None
        finally:
            self._close(token)
        return self._text_of(ctypes.c_void_p.from_buffer(told).value)

    def _text_of(self, sid: int | None) -> str | None:
        text = ctypes.c_void_p()
        if not sid or not self._as_text(sid, ctypes.byref(text)) or not text.value:
            return None
        try:
            return ctypes.wstring_at(text.value)
        finally:
            self._free(text)
