"""A real D-Bus daemon on a socket of its own, and on it a stand-in for logind that says of one session what it is told.

logind itself needs a running systemd, which a test has not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

DAEMON = shutil.which("dbus-daemon")
SESSION = "c1"

# As on a real system bus: one account may be logind, anybody may ask and send signals.
CONFIGURATION = """
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/> <deny own="*"/> <allow send_type="method_call"/> <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/> <allow receive_type="method_return"/>
    <allow receive_type="error"/> <allow receive_type="signal"/>
  </policy>
  <policy user="{user}"> <allow own="org.freedesktop.login1"/> </policy>
</busconfig>
"""

# On libsystemd's own server side. A line on standard input is the hint from then on; "quiet" answers nothing any more,
# "?" changes nothing.
STAND_IN = """
import ctypes, os, select, sys
sd = ctypes.CDLL("libsystemd.so.0")
bus, message = ctypes.c_void_p(), ctypes.c_void_p()
path, interface = sys.argv[1].encode(), b"org.freedesktop.login1.Session"
text = lambda get: ctypes.cast(get(message), ctypes.c_char_p).value
for get in (sd.sd_bus_message_get_member, sd.sd_bus_message_get_path):
    get.restype, get.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
assert sd.sd_bus_open_system(ctypes.byref(bus)) >= 0
assert sd.sd_bus_request_name(bus, b"org.freedesktop.login1", ctypes.c_uint64(0)) >= 0
hint, asked, quiet = 0, 0, False
print("here", flush=True)
while True:
    while sd.sd_bus_process(bus, ctypes.byref(message)) > 0:
        if message.value:
            if text(sd.sd_bus_message_get_member) == b"Get" and not quiet:
                asked += 1
                if text(sd.sd_bus_message_get_path) == path:
                    sd.sd_bus_reply_method_return(message, b"v", b"b", ctypes.c_int(hint))
                else:
                    unknown = b"org.freedesktop.DBus.Error.UnknownObject"
                    sd.sd_bus_reply_method_errorf(message, unknown, b"Unknown object")
            sd.sd_bus_message_unref(message)
    number = sd.sd_bus_get_fd(bus)
    if number < 0:
        break
    if sys.stdin in select.select([sys.stdin, number], [], [])[0]:
        said = sys.stdin.readline().strip()
        if not said:
            break
        if said == "quiet":
            quiet = True
        elif said != "?":
            hint = int(said)
            sd.sd_bus_emit_signal(bus, path, b"org.freedesktop.DBus.Properties", b"PropertiesChanged", b"sa{sv}as",
                interface, ctypes.c_int(1), b"LockedHint", b"b", ctypes.c_int(hint), ctypes.c_int(0))
            sd.sd_bus_flush(bus)
        print(asked, flush=True)
"""


class LoginBus:
    """The daemon and the stand-in. `environment` is what a session on it has."""

    def __init__(self) -> None:
        # Not pytest's own, which other accounts can't enter.
        self._made = tempfile.TemporaryDirectory()
        self._folder = folder = Path(self._made.name)
        folder.chmod(0o755)
        self._socket = folder / "bus"
        self.environment: Mapping[str, str] = {
            **os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self._socket}", "XDG_SESSION_ID": SESSION,
        }  # fmt: skip
        self._processes: list[subprocess.Popen[str]] = []
        self.start()

    def start(self) -> None:
        """Start both, as after a restart of the machine's bus."""
        configuration = self._folder / "bus.conf"
        configuration.write_text(CONFIGURATION.format(socket=self._socket, user=os.getuid()))
        assert DAEMON is not None
        self._socket.unlink(missing_ok=True)
        self._processes.append(subprocess.Popen([DAEMON, "--nofork", f"--config-file={configuration}"], text=True))
        deadline = time.monotonic() + 10
        while not self._socket.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        self._logind = subprocess.Popen(
            [sys.executable, "-I", "-c", STAND_IN, "/org/freedesktop/login1/session/c1"],
            env=dict(self.environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._processes.append(self._logind)
        assert self._logind.stdout is not None
        assert self._logind.stdout.readline() == "here\n"

    def say(self, what: str) -> int:
        """Have the session say so; gives how often its hint was asked for before."""
        assert self._logind.stdin is not None
        assert self._logind.stdout is not None
        self._logind.stdin.write(f"{what}\n")
        self._logind.stdin.flush()
        return int(self._logind.stdout.readline())

    def stop(self) -> None:
        """End both."""
        for process in self._processes:
            process.kill()
            process.communicate()
        self._processes.clear()

    def __enter__(self) -> LoginBus:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._made.cleanup()
