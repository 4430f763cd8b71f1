"""The program beside the browser: strict to the extension, silent without the service's word, gone with the pipe."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from agent.extension.frames import frame
from agent.extension.host import Host, family_of
from agent.notice import Notice
from agent.session.errors import MessageRefused
from agent.session.messages import BrowserHere, HostShown, HostVisited
from tests.agent.extension.real_browsers import ME, ROOT

OURS = "abcdefghijklmnopabcdefghijklmnop"
ORIGIN = f"chrome-extension://{OURS}/"
HELLO = {"type": "Hello", "version": "1", "private_windows": False}
VISIT = {"type": "Visit", "host": "www.example.org", "private": False, "ago_ms": 0}
SPENT = {"type": "Spent", "host": "www.example.org", "private": False, "seconds": 30.0, "ago_ms": 0}


class Program:
    """The real program, with a browser's end of its pipes."""

    def __init__(self, folder, *caller):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent", "browser", "--data-dir", folder, "--extension", OURS,
             "--extension", "extension@fairwatch", "--", *caller],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip

    def say(self, *messages):
        for one in messages:
            self.raw(frame(json.dumps(one).encode()))

    def raw(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def hear(self):
        (size,) = struct.unpack("=I", self.process.stdout.read(4))
        return json.loads(self.process.stdout.read(size))

    def end(self):
        """Close the pipe as a browser does; the exit code and what was said of it."""
        _, said = self.process.communicate(timeout=20)
        return self.process.returncode, said.decode()


@pytest.fixture
def program(ear):
    made = Program(ear.path.parent, ORIGIN)
    yield made
    if made.process.poll() is None:
        made.process.kill()
    made.process.communicate()


def test_who_calls_is_told_by_the_browser_and_no_other_extension_may(tmp_path):
    assert family_of([ORIGIN], [OURS]) == "Chromium"
    assert family_of(["/usr/lib/mozilla/x.json", "extension@fairwatch"], ["extension@fairwatch"]) == "Firefox"
    for caller in ([], ["chrome-extension://another/"], ["/x.json", "another@one"], ["chrome-extension://"]):
        with pytest.raises(MessageRefused):
            family_of(caller, [OURS, "extension@fairwatch"])
    code, said = Program(tmp_path, "chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba/").end()
    assert (code, said) == (2, "fairwatch-agent browser: Another extension calls; only Fairwatch's own may.\n")


def test_visits_and_time_arrive_for_the_account_that_runs_the_browser(program, ear, until):
    program.say(HELLO)
    answer = program.hear()
    assert set(answer) == {"type", "watch", "private_windows", "notice"}
    assert (answer["type"], answer["watch"], answer["private_windows"]) == ("Settings", True, False)
    assert msgspec.convert(answer["notice"], Notice) == ear.notice
    program.say(VISIT, SPENT)
    until(lambda: len(ear.heard) == 2)
    assert [(person, browser) for _, person, browser, _ in ear.heard] == [(ME, "Chromium")] * 2
    visit, shown = (one for *_, one in ear.heard)
    assert (type(visit), type(shown), shown.seconds) == (HostVisited, HostShown, 30.0)
    assert program.end() == (0, "")


def test_before_the_service_allows_it_nothing_is_handed_on(ear, until):
    ear.observe = False
    program = Program(ear.path.parent, ORIGIN)
    program.say(HELLO)
    assert program.hear()["watch"] is False
    program.say(VISIT, HELLO | {"private_windows": True})
    until(lambda: any(here.private_windows for _, here in ear.server.browsers()))
    ear.observe = True
    ear.server.refresh()
    assert program.hear()["watch"] is True
    program.say(VISIT | {"host": "second.example"})
    until(ear.visits)
    assert program.end() == (0, "")
    assert ear.visits() == ["second.example"]


def test_it_greets_a_service_that_began_anew_before_it_tells_what_waited(program, ear, until):
    program.say(HELLO)
    program.hear()
    ear.server.stop()
    for number in range(300):
        program.say(VISIT | {"host": f"number{number}.example"})
    ear.server = ear.made()
    ear.server.start()
    until(lambda: len(ear.visits()) == 300)
    assert ear.visits() == [f"number{number}.example" for number in range(300)]
    assert [here.family for _, here in ear.server.browsers()] == ["Chromium"]


def test_it_ends_once_a_service_of_another_version_has_heard_what_waited(program, ear, until):
    program.say(HELLO)
    program.hear()
    ear.server.stop()
    program.say(VISIT)
    ear.server = ear.made("1.1")
    ear.server.start()
    assert program.process.wait(20) == 0
    until(lambda: len(ear.visits()) == 1)


def test_what_the_extension_said_before_it_hears_that_the_program_ends_is_handed_on():
    (browser_in, extension), greeted = os.pipe(), []
    left_behind = SimpleNamespace(
        turn=list, is_left_behind=True, greet=greeted.append, fileno=lambda: None, wait_seconds=lambda: 0, close=list
    )
    os.write(extension, frame(json.dumps(HELLO).encode()))
    Host(left_behind, "Chromium", browser_in).run()
    assert greeted == [BrowserHere(family="Chromium", private_windows=False)]
    os.close(extension)
    os.close(browser_in)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (struct.pack("=I", 10**9), "A message of 1000000000 bytes is none of the extension's."),
        (struct.pack("=I", 0), "A message of 0 bytes is none"),
        (frame(b"not JSON"), "Not a message of the extension: DecodeError."),
        (frame(b'{"type":"Visit","host":"a.example/secret","private":false,"ago_ms":0}'), "ValidationError"),
        (frame(b"\xff\xfe"), "Not a message of the extension"),
    ],
    ids=["a gigabyte", "nothing", "not JSON", "a path", "not text"],
)
def test_what_is_none_of_the_extensions_ends_it_in_one_sentence(program, ear, sent, words):
    program.say(HELLO)
    program.hear()
    program.raw(sent)
    code, said = program.process.wait(20), program.process.stderr.read().decode()
    assert code == 2
    assert said.startswith("fairwatch-agent browser: ")
    assert words in said
    assert "secret" not in said
    assert ear.visits() == []


def test_a_pipe_that_closes_in_the_middle_of_a_message_ends_it_without_a_word(program, ear):
    program.say(HELLO)
    program.hear()
    program.raw(frame(json.dumps(VISIT).encode())[:-3])
    assert program.end() == (0, "")
    assert ear.visits() == []


def test_a_flood_is_cut_off_by_the_service_and_fills_no_memory(program, ear, until):
    program.say(HELLO)
    program.hear()
    flood = frame(json.dumps(VISIT).encode()) * 6000

    def pour():
        with contextlib.suppress(BrokenPipeError):
            program.raw(flood)

    pouring = threading.Thread(target=pour)
    pouring.start()
    pouring.join(30)
    until(lambda: len(ear.heard) > 100)
    assert len(ear.heard) < 1000
    status = Path(f"/proc/{program.process.pid}/status").read_text().splitlines()
    kib = int(next(line for line in status if line.startswith("VmHWM")).split()[1])
    assert kib < 40 * 1024
    assert ear.server.health().state != "failing"


def test_it_loads_nothing_that_it_has_no_need_of():
    heavy = ("asyncio", "requests", "cryptography", "apscheduler", "watchdog", "psutil")
    code = f"import agent.extension.host, sys; print([one for one in {heavy!r} if one in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert said.stdout == "[]\n"
