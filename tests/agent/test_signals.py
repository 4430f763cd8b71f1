"""A signal that ends a program is never missed, whichever thread the system gives it to."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import select, signal, sys, threading, time
from agent.signals import wake_on
called = []
with wake_on((signal.SIGTERM,), lambda: called.append(1)) as wake:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    if sys.argv[1] == "other":
        # The main thread is passed over, so that the other one gets the signal and this one sleeps on.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    print("ready", flush=True)
    select.select([wake], [], [])
    time.sleep(0)
print(len(called), flush=True)
"""


@pytest.mark.parametrize("thread", ["main", "other"])
def test_the_one_who_waits_is_woken(thread):
    child = subprocess.Popen([sys.executable, "-c", PROGRAM, thread], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGTERM)
        said, _ = child.communicate(timeout=20)
    finally:
        child.kill()
        child.wait()
    assert (child.returncode, said) == (0, "1\n")
