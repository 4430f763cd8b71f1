"""Signs in the real window on a real X11 display: what it says, the words typed, no, and a wrong passphrase."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("tkinter")

from custody.draft import Draft

ROOT = Path(__file__).parents[2]
PASSPHRASE = "quiet lamp river seven ocean bread"
SECONDS = 20.0


@dataclass
class Display:
    """One Xvfb, and what a person does on it."""

    name: str

    def start(self, *words: object) -> subprocess.Popen[str]:
        """Run fairwatch-custody on this display."""
        environment = {**os.environ, "DISPLAY": self.name, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "custody", *map(str, words)]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, cwd=ROOT
        )

    def do(self, *words: str) -> str:
        """Run xdotool."""
        environment = {**os.environ, "DISPLAY": self.name}
        done = subprocess.run(["xdotool", *words], env=environment, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def window(self, title: str) -> str:
        """Wait for a window that can be seen, and return its id."""
        return self.until(lambda: self.do("search", "--onlyvisible", "--name", title).splitlines()[:1] or None)[0]

    @staticmethod
    def until(look: Callable[[], object]) -> object:
        """Look until it is true; fails after the deadline."""
        end = time.monotonic() + SECONDS
        while not (found := look()):
            assert time.monotonic() < end, "it did not come about in time"
            time.sleep(0.02)
        return found


@pytest.fixture
def display() -> Iterator[Display]:
    if shutil.which("Xvfb") is None or shutil.which("xdotool") is None:
        pytest.skip("not installed: Xvfb, xdotool")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1366x900x24", "-nolisten", "tcp", "-noreset", "-ac"],
        pass_fds=(write,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as said:
        assert select.select([said], [], [], SECONDS)[0], "Xvfb did not start"
        number = int(said.readline())
    yield Display(f":{number}")
    server.terminate()
    server.wait()


def signing(custodians, key="custodian"):
    place = (
        custodians.ceremony / "private" / "custodian.pem" if key == "custodian" else custodians.folder / f"{key}.pem"
    )
    return ("--dir", custodians.ceremony, "--key", place)


def ended(child):
    out, err = child.communicate(timeout=SECONDS)
    return child.returncode, out, err


def test_words_typed_in_the_window_sign_and_the_window_says_what_comes_next(custodians, display):
    child = display.start("sign", "recipients", "--groups", "Alex=staff", *signing(custodians))
    display.window("Fairwatch: sign")
    display.do("mousemove", "500", "400")
    display.until(lambda: Draft(custodians.ceremony).pending("recipients") is not None or _typed(display, PASSPHRASE))
    assert child.poll() is None, "it waits until the person closes it"
    display.do("key", "Return")
    code, out, err = ended(child)
    assert (code, err) == (0, "")
    assert "recipients: still needed: 1 of second" in out
    assert "NEW" not in out, "the words were in the window, not on the terminal"


def _typed(display, words):
    display.do("key", "ctrl+a")
    display.do("type", "--delay", "1", words)
    display.do("key", "Return")
    time.sleep(0.3)


@pytest.mark.parametrize("keys", [("Escape",), ("Tab", "Tab", "space")])
def test_not_signing_signs_nothing(custodians, display, keys):
    child = display.start("sign", "recipients", "--groups", "Alex=staff", *signing(custodians))
    display.window("Fairwatch: sign")
    time.sleep(0.2)
    display.do("key", *keys)
    code, _, err = ended(child)
    assert (code, err) == (2, "fairwatch-custody: nothing was signed or changed\n")
    assert Draft(custodians.ceremony).pending("recipients") is None
