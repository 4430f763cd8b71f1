"""Whether the session says that its screen is locked: lockers that draw over a session tell logind so (LockedHint).

GNOME's and KDE's do, and others by `xss-lock`. By the D-Bus client in libsystemd, which `presence.py` has loaded, too:
asked once, and again whenever logind says that something about the session changed. A locker that tells nobody is not
seen here; nor is any where no logind or system bus runs.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from agent.session.presence import LIBRARY, session_of

LOGIN: Final = b"org.freedesktop.login1"
SESSIONS: Final = b"/org/freedesktop/login1/session"
SESSION: Final = b"org.freedesktop.login1.Session"
HINT: Final = b"LockedHint"
PROPERTIES: Final = b"org.freedesktop.DBus.Properties"

CALL_MAX_MICROSECONDS: Final = 1_000_000
"""A login manager that hangs must not hold up the session part."""

TRY_AGAIN_SECONDS: Final = 30.0
MESSAGES_A_TURN: Final = 64
"""Somebody may send us signals that nobody asked for: they are passed over, and never for ever."""

ASKED_A_TURN: Final = 8
"""So often what came is taken and the hint asked for; whoever sends more, without end, is left with the bus."""


class LockHint:
    """The connection to the system bus. Wait for `fileno`, and ask `is_locked` at each turn, which takes what came."""

    def __init__(
        self, environment: Mapping[str, str], library: str = LIBRARY, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """It connects when it is first asked, and again some time after the bus has gone."""
        self._environment = environment
        self._monotonic = monotonic
        self._bus = ctypes.c_void_p()
        self._path: bytes = b""
        self._is_locked = False
        self._next_try = 0.0
        self._systemd: Any
        try:
            self._systemd = _declared(ctypes.CDLL(library))
        except (OSError, AttributeError):
            self._systemd = None

    def fileno(self) -> int | None:
        """The connection, to wait for; None while there is none."""
        if not self._bus:
            return None
        number = int(self._systemd.sd_bus_get_fd(self._bus))
        return number if number >= 0 else None

    def is_locked(self) -> bool:
        """Whether the session last said that it is locked; no, where nobody says."""
        if self._systemd is None:
            return False
        if not self._bus and self._monotonic() >= self._next_try:
            self._next_try = self._monotonic() + TRY_AGAIN_SECONDS
            if not self._connect():
                self.close()
        if self._bus and not self._take():
            self.close()
        return self._is_locked

    def close(self) -> None:
        """Leave the bus; what it said last counts no more."""
        if self._bus:
            self._systemd.sd_bus_flush_close_unref(self._bus)
        self._bus, self._is_locked = ctypes.c_void_p(), False

    def _connect(self) -> bool:
        session = session_of(self._environment, self._systemd)
        if session is None or self._systemd.sd_bus_open_system(ctypes.byref(self._bus)) < 0:
            return False
        encoded = ctypes.c_void_p()
        self._systemd.sd_bus_set_method_call_timeout(self._bus, CALL_MAX_MICROSECONDS)
        if self._systemd.sd_bus_path_encode(SESSIONS, session, ctypes.byref(encoded)) < 0:
            return False
        self._path = ctypes.string_at(encoded.value or 0)
        ctypes.CDLL(None).free(encoded)
        # The bus lets nobody but logind's owner speak in this name.
        watched = self._systemd.sd_bus_match_signal(
            self._bus, None, LOGIN, self._path, PROPERTIES, b"PropertiesChanged", None, None
        )
        return watched >= 0 and self._ask()

    def _take(self) -> bool:
        """Take what has come and ask again if that was anything; False once the bus has gone, or gives no rest."""
        for _ in range(ASKED_A_TURN):
            came = self._drain()
            if came <= 0:
                return came == 0 and self._systemd.sd_bus_is_open(self._bus) > 0
            if not self._ask():
                return False
        return False

    def _drain(self) -> int:
        """How many messages came, negative where the bus has gone."""
        for count in range(MESSAGES_A_TURN):
            came = int(self._systemd.sd_bus_process(self._bus, None))
            if came <= 0:
                return came if came < 0 else count
        return MESSAGES_A_TURN

    def _ask(self) -> bool:
        said = ctypes.c_int()
        result = self._systemd.sd_bus_get_property_trivial(
            self._bus, LOGIN, self._path, SESSION, HINT, None, b"b", ctypes.byref(said)
        )
        self._is_locked = result >= 0 and bool(said.value)
        return bool(result >= 0)


def _declared(systemd: Any) -> Any:
    """The library with the types of what is called (sd-bus(3)); raises AttributeError where one is missing."""
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    for name, types in {
        "sd_bus_open_system": (pointer,),
        "sd_bus_set_method_call_timeout": (pointer, ctypes.c_uint64),
        "sd_bus_path_encode": (text, text, pointer),
        "sd_bus_match_signal": (pointer, pointer, text, text, text, text, pointer, pointer),
        "sd_bus_get_property_trivial": (pointer, text, text, text, text, pointer, ctypes.c_char, pointer),
        "sd_bus_process": (pointer, pointer),
        "sd_bus_is_open": (pointer,),
        "sd_bus_get_fd": (pointer,),
        "sd_bus_flush_close_unref": (pointer,),
    }.items():
        getattr(systemd, name).argtypes = types
    systemd.sd_bus_flush_close_unref.restype = pointer
    return systemd
