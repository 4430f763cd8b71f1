"""Windows' own libraries, asked for only when something is called: every module here can be read on any system.

Types have Windows' fixed sizes: `ctypes.wintypes` takes the sizes of the system that it runs on, so that what was
recorded on Windows could not be played back elsewhere.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any, Final

# A handle that stands for nothing, where zero is not used for that.
INVALID_HANDLE: Final = 2**64 - 1

DWORD = ctypes.c_uint32
BOOL = ctypes.c_int32
LONG = ctypes.c_int32
WORD = ctypes.c_uint16
HANDLE = ctypes.c_void_p
QWORD = ctypes.c_uint64


def library(name: str) -> Any:
    """Load one of the system's libraries by its name, from the system's folder alone; raises OSError elsewhere.

    From that folder alone (LOAD_LIBRARY_SEARCH_SYSTEM32): a file of that name beside the program would else be loaded
    in its place.
    """
    if sys.platform == "win32":
        return ctypes.WinDLL(f"{name}.dll", use_last_error=True, winmode=0x800)
    raise OSError(f"{name} is a library of Windows")


def last_error() -> int:
    """The error number that the system left after the last call; 0 on other systems, where nothing was called."""
    if sys.platform == "win32":
        return ctypes.get_last_error()
    return 0


def callback(result: Any, *arguments: Any) -> Callable[[Callable[..., Any]], Any]:
    """The type of a function that Windows calls. On 64 bits there is one way to call, so elsewhere it is C's own."""
    if sys.platform == "win32":
        return ctypes.WINFUNCTYPE(result, *arguments)
    return ctypes.CFUNCTYPE(result, *arguments)


def declare(of: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Give a library's function its types, without which handles are cut to 32 bits; gives the function."""
    function = getattr(of, name)
    function.restype, function.argtypes = result, arguments
    return function
