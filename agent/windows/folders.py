"""Where Windows has its own folders: its word, and no variable of the environment, which whoever signs in may set.

Source: Microsoft Learn, SHGetFolderPathW, CSIDL_COMMON_APPDATA.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any, Final

from agent.windows.libraries import DWORD, HANDLE, LONG, declare, library

USUAL: Final = Path("C:/ProgramData")
_COMMON_APPDATA: Final = 0x23
_LONGEST: Final = 260


def program_data(shell32: Any = None) -> Path:
    """The folder for what programs keep for the whole machine; the usual one where Windows does not say."""
    try:
        shell = library("shell32") if shell32 is None else shell32
    except OSError:
        return USUAL
    folder = declare(shell, "SHGetFolderPathW", LONG, HANDLE, LONG, HANDLE, DWORD, ctypes.c_wchar_p)
    found = ctypes.create_unicode_buffer(_LONGEST)
    return USUAL if folder(None, _COMMON_APPDATA, None, 0, found) else Path(found.value)
