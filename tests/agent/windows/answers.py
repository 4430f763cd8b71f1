"""Plays Windows' libraries with answers as Microsoft documents them; none of them was recorded on a real Windows."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any


class Library:
    """A library with these functions and no others: a function that a module should not call is not there."""

    def __init__(self, **functions: Callable[..., Any]) -> None:
        for name, function in functions.items():
            # A function of its own each, as ctypes has it: a lambda that serves two names would share their types.
            setattr(self, name, _function(function))


def _function(act: Callable[..., Any]) -> Callable[..., Any]:
    def called(*arguments: Any) -> Any:
        return act(*arguments)

    return called


def fill(place: Any, value: Any) -> int:
    """Write through a pointer as a function of Windows does, and give TRUE."""
    into = getattr(place, "_obj", place)
    if isinstance(into, ctypes.Structure):
        ctypes.memmove(ctypes.addressof(into), bytes(value), ctypes.sizeof(into))
    else:
        into.value = value
    return 1
