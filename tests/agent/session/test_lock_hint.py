"""Whether a session says that it is locked, by the real libsystemd and D-Bus daemon, with a stand-in for logind."""

from __future__ import annotations

import ctypes
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.session.lock_hint import CALL_MAX_MICROSECONDS, TRY_AGAIN_SECONDS, LockHint
from tests.agent.session.login_bus import DAEMON, LoginBus

pytestmark = pytest.mark.skipif(DAEMON is None, reason="there is no D-Bus daemon (apt install dbus-daemon)")


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoginBus]:
    with LoginBus() as made:
        # libsystemd asks the process's own environment for the bus.
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", made.environment["DBUS_SYSTEM_BUS_ADDRESS"])
        yield made


def turned(lock: LockHint, locked: bool) -> None:
    """Wait as the session part does, by the connection alone, until that is said."""
    deadline = time.monotonic() + 5
    while lock.is_locked() is not locked:
        number = lock.fileno()
        assert number is not None
        assert select.select([number], [], [], deadline - time.monotonic())[0]


def test_locking_and_unlocking_wake_a_wait_and_nothing_is_asked_between(bus: LoginBus) -> None:
    lock = LockHint(bus.environment)
    assert lock.fileno() is None
    assert not lock.is_locked()
    asked = bus.say("?")
    for _ in range(20):
        assert not lock.is_locked()
    assert bus.say("1") == asked
    turned(lock, locked=True)
    assert bus.say("0") == asked + 1
    turned(lock, locked=False)
    assert bus.say("?") == asked + 2
    lock.close()
    assert lock.fileno() is None


def test_a_session_that_was_locked_before_is_locked_at_the_first_look(bus: LoginBus) -> None:
    bus.say("1")
    assert LockHint(bus.environment).is_locked()


def test_of_a_session_that_nobody_knows_nothing_is_said(bus: LoginBus) -> None:
    bus.say("1")
    lock = LockHint({"XDG_SESSION_ID": "c2"})
    assert not lock.is_locked()
    assert lock.fileno() is None


@pytest.mark.more
def test_a_login_manager_that_hangs_holds_nothing_up_for_longer_than_a_second(bus: LoginBus) -> None:
    bus.say("quiet")
    lock, began = LockHint(bus.environment), time.monotonic()
    assert not lock.is_locked()
    assert time.monotonic() - began < 3 * CALL_MAX_MICROSECONDS / 1e6
    began = time.monotonic()
    assert not lock.is_locked()
    assert time.monotonic() - began < 0.1


def test_what_a_bus_that_has_gone_said_counts_no_more_and_a_new_one_is_found(bus: LoginBus) -> None:
    at = 0.0
    lock = LockHint(bus.environment, monotonic=lambda: at)
    bus.say("1")
    assert lock.is_locked()
    bus.stop()
    turned_off = time.monotonic() + 5
    while lock.is_locked():
        assert time.monotonic() < turned_off
    assert lock.fileno() is None
    bus.start()
    bus.say("1")
    assert not lock.is_locked()
    at += TRY_AGAIN_SECONDS
    assert lock.is_locked()


def test_without_a_bus_or_a_library_no_session_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    assert not LockHint({"XDG_SESSION_ID": "c1"}).is_locked()
    assert not LockHint({"XDG_SESSION_ID": "c1"}, library="libnone.so.0").is_locked()


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another account")
def test_another_account_can_not_say_that_a_session_is_locked(
    bus: LoginBus, as_nobody: Callable[[Callable[[], None]], int]
) -> None:
    lock = LockHint(bus.environment)
    assert not lock.is_locked()
    asked = bus.say("?")

    def attack() -> None:
        systemd, connection = ctypes.CDLL("libsystemd.so.0"), ctypes.c_void_p()
        assert systemd.sd_bus_open_system(ctypes.byref(connection)) >= 0
        named = systemd.sd_bus_request_name(connection, b"org.freedesktop.login1", ctypes.c_uint64(2))
        assert named < 0, "another account took logind's name"
        for _ in range(200):
            systemd.sd_bus_emit_signal(
                connection, b"/org/freedesktop/login1/session/c1", b"org.freedesktop.DBus.Properties",
                b"PropertiesChanged", b"sa{sv}as", b"org.freedesktop.login1.Session", ctypes.c_int(1), b"LockedHint",
                b"b", ctypes.c_int(1), ctypes.c_int(0),
            )  # fmt: skip
        systemd.sd_bus_flush(connection)

    assert os.waitpid(as_nobody(attack), 0)[1] == 0
    assert not lock.is_locked()
    # It was not even asked about: of what others send nothing comes here.
    assert bus.say("?") == asked


FLOOD = """
import ctypes, sys
sd, bus = ctypes.CDLL("libsystemd.so.0"), ctypes.c_void_p()
assert sd.sd_bus_open_system(ctypes.byref(bus)) >= 0
print("here", flush=True)
while True:
    message = ctypes.c_void_p()
    made = sd.sd_bus_message_new_signal(bus, ctypes.byref(message), b"/a", b"a.b", b"C")
    assert made >= 0 and sd.sd_bus_message_set_destination(message, sys.argv[1].encode()) >= 0
    if sd.sd_bus_send(bus, message, None) < 0 or sd.sd_bus_flush(bus) < 0:
        break
    sd.sd_bus_message_unref(message)
"""


@pytest.mark.more
def test_another_program_that_sends_signals_without_end_holds_nothing_up(bus: LoginBus) -> None:
    lock = LockHint(bus.environment)
    assert not lock.is_locked()
    name = ctypes.c_char_p()
    assert lock._systemd.sd_bus_get_unique_name(lock._bus, ctypes.byref(name)) >= 0
    assert name.value is not None
    words = [sys.executable, "-I", "-c", FLOOD, name.value.decode()]
    flood = subprocess.Popen(words, stdout=subprocess.PIPE, env=dict(bus.environment))
    try:
        assert flood.stdout is not None
        assert flood.stdout.readline() == b"here\n"
        times = []
        until = time.monotonic() + 2
        while time.monotonic() < until:
            began = time.monotonic()
            lock.is_locked()
            times.append(time.monotonic() - began)
    finally:
        flood.kill()
        flood.communicate()
    assert max(times) < 3 * CALL_MAX_MICROSECONDS / 1e6
    lock.close()
