"""Keeps the service's memory small where the C library lets us: few arenas for many threads, and free pages given back.

glibc gives each thread an arena of its own, up to eight a core, and each keeps what was once used in it; the service
has a dozen threads that hardly work at once. Elsewhere nothing is done, and nothing is missed but memory.
Source: mallopt(3), malloc_trim(3).
"""

from __future__ import annotations

import ctypes
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_M_ARENA_MAX: Final = -8
ARENAS: Final = 1
"""Threads of Python take turns anyway."""


def few_arenas() -> bool:
    """Ask for few arenas; to be called before threads begin. Returns whether the C library does so."""
    library = _glibc()
    return library is not None and bool(library.mallopt(_M_ARENA_MAX, ARENAS))


def give_back() -> bool:
    """Give free pages back to the system, which takes a millisecond; returns whether there were any."""
    library = _glibc()
    return library is not None and bool(library.malloc_trim(0))


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Let what is imported within go without these packages, which are optional to it; nobody else is kept from them.

    What says so in a warning need not.
    """
    kept = {name: sys.modules.get(name) for name in packages}
    missing: dict[str, None] = dict.fromkeys(packages)  # how Python notes that a module can't be had
    sys.modules.update(missing)  # type: ignore[arg-type]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, module in kept.items():
            if module is not None:
                sys.modules[name] = module
            else:
                sys.modules.pop(name, None)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None
