"""The session part as a process: the notice before anything else, each person's use for that person, small."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agent.reading import ToRead
from agent.session.address import person_of_uid
from agent.session.errors import DisplayUnavailable
from agent.session.messages import DocumentShown
from agent.session.run import SessionPart
from tests.agent.session.login_bus import DAEMON, LoginBus

if TYPE_CHECKING:
    from conftest import Screen, Service

ME = person_of_uid(os.getuid()) or ""
# As Debian, others, or no desktop file at all name it.
XTERM = ("linux:debian-xterm", "linux:xterm", "linux:exe:xterm")
RUN = (
    "import argparse, os, sys; open(os.environ.get('STARTED', os.devnull), 'a').write(f'{os.getpid()}\\n')\n"
    "from agent.session import run; parser = argparse.ArgumentParser(); "
    "run.add_arguments(parser); sys.exit(run.run(parser.parse_args()))"
)
# The bench measures against 22 MB with the command's own start; here is what this part's code alone may take.
MOST_RESIDENT_KB = 22 * 1024


@pytest.fixture
def start(service: Service) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start session parts that end with the test."""
    children: list[subprocess.Popen[bytes]] = []

    def start_one(environment: dict[str, str], *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", RUN, "--data-dir", str(service.folder), *options]
        children.append(subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE))
        return children[-1]

    yield start_one
    for child in children:
        child.terminate()
        assert child.wait(timeout=20) == 0
        assert child.stdout is not None
        child.stdout.close()


def health(service: Service) -> str:
    return service.server.health().state


def test_the_notice_is_shown_and_then_use_is_counted_until_the_end(
    screen: Screen, service: Service, start: Callable[..., subprocess.Popen[bytes]], until: Callable[..., Any]
) -> None:
    child = start(screen.environment)
    until(lambda: service.record.first_shown(ME))
    until(lambda: health(service) == "working")
    window = screen.xterm()
    until(lambda: any(one.identity == "linux:exe:" + Path(sys.executable).resolve().name for _, one in service.fronts))
    assert screen.active() == window
    time.sleep(0.1)
    child.terminate()
    child.wait(timeout=20)
    until(lambda: service.fronts[-1][1].identity in XTERM)
    assert {person for person, _ in service.fronts} == {ME}


def test_it_stays_small_and_nearly_idle(
    screen: Screen, service: Service, start: Callable[..., subprocess.Popen[bytes]], until: Callable[..., Any]
) -> None:
    child = start(screen.environment)
    until(lambda: health(service) == "working")
    first, second = screen.xterm(), screen.xterm()
    before, began = cpu_seconds(child.pid), time.monotonic()
    for turn in range(8):
        screen.activate(second if turn % 2 else first)
        time.sleep(0.1)
    assert resident_kb(child.pid) < MOST_RESIDENT_KB
    assert cpu_seconds(child.pid) - before < 0.1 * (time.monotonic() - began)


@pytest.mark.more
@pytest.mark.skipif(DAEMON is None, reason="there is no D-Bus daemon (apt install dbus-daemon)")
def test_it_stays_as_small_where_it_hears_of_locks(
    screen: Screen, service: Service, start: Callable[..., subprocess.Popen[bytes]], until: Callable[..., Any]
) -> None:
    with LoginBus() as bus:
        told = {name: bus.environment[name] for name in ("DBUS_SYSTEM_BUS_ADDRESS", "XDG_SESSION_ID")}
        child = start({**screen.environment, **told})
        until(lambda: health(service) == "working")
        until(lambda: bus.say("?") > 0)
        for locked in (1, 0) * 4:
            asked = bus.say(f"{locked}")
            until(lambda asked=asked: bus.say("?") > asked)
        assert resident_kb(child.pid) < MOST_RESIDENT_KB


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_nothing_heavy_is_loaded() -> None:
    heavy = ("cryptography", "requests", "apscheduler", "psutil", "watchdog", "tkinter", "asyncio", "ssl", "hashlib")
    heavy += ("pickle", "multiprocessing")
    code = f"import sys; import agent.session.run; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"[]\n"


def test_without_a_display_or_terminal_the_notice_is_not_shown_and_nothing_is_observed(
    service: Service, start: Callable[..., subprocess.Popen[bytes]], until: Callable[..., Any]
) -> None:
    start({"PATH": os.environ["PATH"]})
    until(lambda: "notice could not be shown" in service.server.health().reason)
    assert service.record.first_shown(ME) is None


def test_where_its_output_is_shown_on_the_text_counts_and_a_missing_display_is_unknown(
    service: Service, start: Callable[..., subprocess.Popen[bytes]], until: Callable[..., Any]
) -> None:
    child = start({"PATH": os.environ["PATH"]}, "--notice-on-stdout")
    until(lambda: service.record.first_shown(ME))
    until(lambda: "no display" in service.server.health().reason)
    assert child.stdout is not None
    assert service.notice.title.encode() in os.read(child.stdout.fileno(), 65536)


def test_wayland_is_unknown_though_an_x11_display_is_there(
    screen: Screen, service: Service, start: Callable[..., subprocess.Popen[bytes]], until: Callable[..., Any]
) -> None:
    start({**screen.environment, "WAYLAND_DISPLAY": "wayland-0"})
    until(lambda: "Wayland" in service.server.health().reason)
    assert health(service) == "unknown"
    assert service.record.first_shown(ME) is not None


def test_without_rules_it_shows_the_notice_and_observes_nothing_until_there_are_some(
    screen: Screen, service: Service, start: Callable[..., subprocess.Popen[bytes]], until: Callable[..., Any]
) -> None:
    service.observe = False
    start(screen.environment)
    until(lambda: service.record.first_shown(ME))
    until(lambda: "nothing is observed" in service.server.health().reason)
    service.observe = True
    service.server.refresh()
    until(lambda: health(service) == "working")


def test_a_changed_notice_is_shown_again_and_a_restarted_service_is_found_again(
    screen: Screen, service: Service, start: Callable[..., subprocess.Popen[bytes]], until: Callable[..., Any]
) -> None:
    start(screen.environment)
    until(lambda: health(service) == "working")
    shown = service.record.first_shown(ME)
    until(lambda: screen.windows("_NET_CLIENT_LIST"))
    service.server.stop()
    service.notice = type(service.notice)(
        version="0123456789abcdef", title="Changed", introduction="New words.", sections=service.notice.sections
    )
    service.server = service.made()
    service.server.start()
    until(lambda: not service.record.is_new(ME, "0123456789abcdef"))
    # The new words take the old ones' place on the screen.
    until(lambda: len(screen.windows("_NET_CLIENT_LIST")) == 1)
    assert service.record.first_shown(ME) == shown


@pytest.mark.more
def test_after_an_update_it_begins_anew_by_the_same_words_once_nobody_reads_its_windows(
    screen: Screen, service: Service, start: Callable[..., subprocess.Popen[bytes]], until: Callable[..., Any]
) -> None:
    started = service.folder / "started"
    child = start({**screen.environment, "STARTED": str(started)})
    until(lambda: health(service) == "working")
    until(lambda: screen.windows("_NET_CLIENT_LIST"))
    assert started.read_text() == f"{child.pid}\n"

    def served_by(version: str) -> None:
        service.server.stop()
        service.server = service.made(version)
        service.server.start()
        until(lambda: health(service) == "working")

    served_by("1.0")
    time.sleep(0.2)
    served_by("1.1")
    time.sleep(0.2)
    assert started.read_text() == f"{child.pid}\n"
    until(screen.active)
    subprocess.run(["xdotool", "key", "Escape"], env=screen.environment, check=True)
    until(lambda: started.read_text() == f"{child.pid}\n" * 2)
    until(lambda: health(service) == "working")
    served_by("1.1")
    time.sleep(0.2)
    assert started.read_text() == f"{child.pid}\n" * 2


def test_a_reminder_is_shown_on_the_display(
    screen: Screen, service: Service, start: Callable[..., subprocess.Popen[bytes]], until: Callable[..., Any]
) -> None:
    start(screen.environment)
    until(lambda: health(service) == "working")
    until(lambda: len(screen.windows("_NET_CLIENT_LIST")) == 1)
    service.server.remind(ME, "social networking", 30)
    until(lambda: len(screen.windows("_NET_CLIENT_LIST")) == 2)


@pytest.mark.more
def test_a_document_is_asked_for_at_a_calm_moment_after_the_notice_and_then_not_again(
    screen: Screen,
    service: Service,
    handbook: ToRead,
    start: Callable[..., subprocess.Popen[bytes]],
    until: Callable[..., Any],
) -> None:
    service.documents = (handbook,)
    start(screen.environment, "--calm-after", "0.1")
    until(lambda: health(service) == "working")
    (notice,) = until(lambda: screen.windows("_NET_CLIENT_LIST"))
    until(screen.active)
    time.sleep(0.3)
    assert service.readings == []  # never beside the notice
    subprocess.run(["xdotool", "key", "Escape"], env=screen.environment, check=True)
    until(lambda: service.readings, 20)
    (document,) = until(lambda: screen.windows("_NET_CLIENT_LIST") - {notice})
    assert service.readings == [(ME, DocumentShown(document="handbook", shown="a" * 64))]
    until(lambda: screen.active() == document)
    subprocess.run(["xdotool", "key", "Escape"], env=screen.environment, check=True)
    until(lambda: not screen.windows("_NET_CLIENT_LIST"))
    time.sleep(3.5)  # longer than a pause in typing: it would be asked again by now
    assert not screen.windows("_NET_CLIENT_LIST")
    assert len(service.readings) == 1


def test_without_a_display_the_words_are_printed_with_the_command_that_acknowledges(
    service: Service, handbook: ToRead, start: Callable[..., subprocess.Popen[bytes]], until: Callable[..., Any]
) -> None:
    service.documents = (handbook,)
    child = start({"PATH": os.environ["PATH"]}, "--notice-on-stdout", "--calm-after", "0.1")
    until(lambda: service.readings, 40)
    assert child.stdout is not None
    said = os.read(child.stdout.fileno(), 65536).decode()
    assert "Please read: Staff handbook" in said
    assert said.endswith("fairwatch-agent acknowledge handbook\n")


@pytest.mark.more
@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another account")
def test_two_people_on_two_displays_are_each_counted_for_themselves_and_idle_for_themselves(
    screens: Callable[[str], Screen],
    service: Service,
    as_nobody: Callable[[Callable[[], None], str], int],
    until: Callable[..., Any],
) -> None:
    people = ("nobody", "games")
    theirs = {person: screens(person) for person in people}
    children = []
    try:
        for person in people:
            children.append(
                as_nobody(partial(be_a_session_part, service.folder, theirs[person].environment, 1), person)
            )
            until(partial(service.record.first_shown, person))
        until(lambda: health(service) == "working")
        windows = {
            "nobody": [
                theirs["nobody"].xterm(),
                theirs["nobody"].opened("xterm", "-class", "UXTerm", "-e", "sleep", "60"),
            ],
            "games": [theirs["games"].xterm()],
        }
        service.fronts.clear()
        # Only one of them goes on: the other's last interval ends by idling.
        began = time.monotonic()
        while time.monotonic() < began + 4:
            if time.monotonic() < began + 1:
                theirs["games"].type_a_key()
            for window in windows["nobody"]:
                theirs["nobody"].activate(window)
                theirs["nobody"].type_a_key()
                time.sleep(0.05)
        until(lambda: any(person == "games" and one.idle for person, one in service.fronts))
        assert not any(person == "nobody" and one.idle for person, one in service.fronts)
        assert {person for person, _ in service.fronts} == set(people)
        assert {one.identity for person, one in service.fronts if person == "games"} <= set(XTERM)
        assert {one.identity for person, one in service.fronts if person == "nobody"} - set(XTERM)
    finally:
        for child in children:
            os.kill(child, signal.SIGTERM)
        assert [os.waitpid(child, 0)[1] for child in children] == [0 for _ in children]


def be_a_session_part(folder: Path, environment: dict[str, str], idle_after_seconds: float = 180) -> None:
    """One person's session part in this process, until SIGTERM; it shows the notice as text.

    Not in a window: the account may not be able to read the interpreter for a window of its own.
    """
    part = SessionPart(
        folder,
        environment,
        stdout=io.StringIO(),
        notice_on_stdout=True,
        idle_after_seconds=idle_after_seconds,
        command=("/nonexistent",),
    )
    signal.signal(signal.SIGTERM, lambda *_: setattr(part, "stopping", True))
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    part.run(read)


def test_told_to_end_while_it_opens_a_display_that_fails_it_ends(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = SessionPart(service.folder, {}, stdout=io.StringIO(), notice_on_stdout=True, command=("false",))
    wake, signalled = os.pipe()

    def told_meanwhile(*_: object, **__: object) -> None:
        part.stop()
        os.write(signalled, b"x")
        raise DisplayUnavailable

    monkeypatch.setattr("agent.session.desktops.why_not", lambda _: "seen")
    monkeypatch.setattr("agent.session.desktops.watched", told_meanwhile)
    part.run(wake)
    assert part.stopping
    os.close(wake)
    os.close(signalled)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another account")
def test_two_people_at_two_sessions_are_each_counted_for_themselves(
    screen: Screen,
    service: Service,
    start: Callable[..., subprocess.Popen[bytes]],
    as_nobody: Callable[[Callable[[], None]], int],
    until: Callable[..., Any],
) -> None:
    start(screen.environment)
    until(lambda: service.record.first_shown(ME))
    child = as_nobody(partial(be_a_session_part, service.folder, screen.environment))
    try:
        until(lambda: service.record.first_shown("nobody"))
        until(lambda: health(service) == "working")
        first, second = screen.xterm(), screen.opened("xterm", "-class", "UXTerm", "-e", "sleep", "600")
        deadline = time.monotonic() + 10
        while {person for person, _ in service.fronts} != {ME, "nobody"}:
            assert time.monotonic() < deadline
            screen.activate(first)
            time.sleep(0.05)
            screen.activate(second)
            time.sleep(0.05)
    finally:
        os.kill(child, signal.SIGTERM)
        assert os.waitpid(child, 0)[1] == 0
