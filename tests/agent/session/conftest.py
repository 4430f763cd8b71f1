"""A real X11 display with a real window manager, a service's socket, and what tests need to act and look there."""

from __future__ import annotations

import os
import pwd
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from Xlib import X
from Xlib.display import Display

from agent.notice import Notice, NoticeFacts, NoticeRecord, PrivateTime, compose
from agent.reading import ToRead
from agent.session.messages import Acknowledged, DocumentShown, Front, HostShown, HostVisited, Settings
from agent.session.server import SessionServer

T = TypeVar("T")
NEEDED = ("Xvfb", "openbox", "xterm", "xdotool")


def until(look: Callable[[], T], seconds: float = 60.0) -> T:
    """Look again and again until it is true, and give what was found; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.005)


def as_nobody(act: Callable[[], None], account: str = "nobody") -> int:
    """Do something in a child process that is another account, and give the child's process id.

    A fork, because that account may not be able to read the interpreter or this code on the disk.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # The child leaves every thread and lock of ours alone.
        entry = pwd.getpwnam(account)
    child = os.fork()
    if child:
        return child
    try:
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        act()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - whatever it is, the child must end here and not go on as a second pytest
        traceback.print_exc()
        os._exit(1)


class Screen:
    """One Xvfb with openbox, and xterms to switch between."""

    def __init__(self, number: int, environment: Mapping[str, str], user: str | None = None) -> None:
        self.name = f":{number}"
        self.user = user
        self.environment = {**environment, "DISPLAY": self.name}
        self.display: Any = Display(self.name)
        self.manager: subprocess.Popen[bytes]
        self.children: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, **more: str) -> subprocess.Popen[bytes]:
        """Start a program on this display; it ends with the test."""
        child = subprocess.Popen(
            command,
            user=self.user,
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.children.append(child)
        return child

    def xterm(self, *options: str) -> int:
        """Open an xterm and give its window's id once it is in front."""
        # Without this it waits five seconds for a window manager that has only just come up.
        return self.opened("xterm", "+sb", "-xrm", "*waitForWm: false", *options, "-e", "sleep", "600")

    def opened(self, *command: str) -> int:
        """Start a program, and give its window's id once it is in front."""
        before = self.windows("_NET_CLIENT_LIST")
        self.start(*command)
        return until(lambda: (now := self.active()) in self.windows("_NET_CLIENT_LIST") - before and now)

    def active(self) -> int:
        """The window in front, by its id; 0 for none."""
        return next(iter(self.windows("_NET_ACTIVE_WINDOW")), 0)

    def windows(self, name: str) -> set[int]:
        """The windows that a property of the root names."""
        found = self.display.screen().root.get_full_property(self.display.intern_atom(name), X.AnyPropertyType)
        return set() if found is None else {int(window) for window in found.value}

    def has_manager(self) -> bool:
        """Whether the window manager has come up, which is when it says which windows there are."""
        root = self.display.screen().root
        return root.get_full_property(self.display.intern_atom("_NET_CLIENT_LIST"), X.AnyPropertyType) is not None

    def activate(self, window: int) -> None:
        """Bring a window to the front, as a click in a task bar does."""
        from Xlib.protocol.event import ClientMessage

        root = self.display.screen().root
        atom = self.display.intern_atom("_NET_ACTIVE_WINDOW")
        message = ClientMessage(window=window, client_type=atom, data=(32, [2, X.CurrentTime, 0, 0, 0]))
        root.send_event(message, event_mask=X.SubstructureRedirectMask | X.SubstructureNotifyMask)
        self.display.flush()

    def type_a_key(self) -> None:
        """Press a key, so that the person is there."""
        subprocess.run(["xdotool", "key", "shift"], env=self.environment, check=True)

    def picture(self, path: Path) -> set[int]:
        """Save what the display shows as a PNG, and give the colours in it."""
        screen = self.display.screen()
        width, height = screen.width_in_pixels, screen.height_in_pixels
        raw = screen.root.get_image(0, 0, width, height, X.ZPixmap, 0xFFFFFFFF).data
        rows = bytearray()
        for y in range(height):
            line = raw[4 * width * y : 4 * width * (y + 1)]
            rows.append(0)
            pixels = bytearray(3 * width)
            pixels[0::3], pixels[1::3], pixels[2::3] = line[2::4], line[1::4], line[0::4]
            rows += pixels
        path.write_bytes(_png(width, height, bytes(rows)))
        return {value & 0xFFFFFF for value in set(struct.unpack(f"<{width * height}I", raw))}

    def close(self) -> None:
        """End every program started here."""
        for child in self.children:
            child.terminate()
        for child in self.children:
            child.wait()
        self.display.close()


def _png(width: int, height: int, rows: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Any]:
    """Look again and again until it is true (see `until`)."""
    return until


@pytest.fixture(name="as_nobody")
def as_nobody_fixture() -> Callable[[Callable[[], None]], int]:
    """Do something as another account (see `as_nobody`)."""
    return as_nobody


@pytest.fixture
def bare_display() -> Iterator[int]:
    """An X11 display with nothing on it, by its number."""
    with display_of() as number:
        yield number


@contextmanager
def display_of(user: str | None = None) -> Iterator[int]:
    """An X11 server that runs as an account (None: the tests' own)."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1366x768x24", "-nolisten", "tcp", "-noreset", "-ac"],
        pass_fds=(write,),
        user=user,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    # To the line's end: the number and its newline are written apart, and a pipe closed between them ends the display.
    with os.fdopen(read) as said:
        assert select.select([said], [], [], 20)[0], "Xvfb did not start"
        number = int(said.readline())
    try:
        yield number
    finally:
        server.terminate()
        server.wait()


class Recorder:
    """Stands between a client and the display and keeps every byte of both directions."""

    def __init__(self, number: int) -> None:
        self.sent = bytearray()
        self.received = bytearray()
        self._display = f"/tmp/.X11-unix/X{number}"
        self._listener = socket.socket(socket.AF_UNIX)
        self.number = next(free for free in range(20_000 + os.getpid() % 20_000, 60_000) if self._bound(free))
        self._listener.listen(1)
        self._thread = threading.Thread(target=self._relay, daemon=True)
        self._thread.start()

    def _bound(self, number: int) -> bool:
        try:
            self._listener.bind(f"/tmp/.X11-unix/X{number}")
        except OSError:
            return False
        return True

    def _relay(self) -> None:
        client, _ = self._listener.accept()
        while not client.recv(1, socket.MSG_PEEK):  # Only a knock, to see whether the display answers.
            client.close()
            client, _ = self._listener.accept()
        with client, socket.socket(socket.AF_UNIX) as display:
            display.connect(self._display)
            while True:
                for ready in select.select([client, display], [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    (self.sent if ready is client else self.received).extend(data)
                    (display if ready is client else client).sendall(data)

    def finish(self) -> None:
        """Wait until the client has left, so that nothing is missing."""
        self._thread.join(timeout=10)
        assert not self._thread.is_alive()

    def close(self) -> None:
        """Give the place back."""
        self._listener.close()
        Path(f"/tmp/.X11-unix/X{self.number}").unlink()


@pytest.fixture
def recorder(bare_display: int) -> Iterator[Recorder]:
    """A second way to the display, on which everything said is written down."""
    recorder = Recorder(bare_display)
    yield recorder
    recorder.close()


@pytest.fixture
def screen(bare_display: int, tmp_path: Path) -> Iterator[Screen]:
    """A display with openbox on it and a home of its own."""
    home = tmp_path / "home"
    home.mkdir()
    screen = Screen(bare_display, {**kept_environment(), "HOME": str(home)})
    screen.manager = screen.start("openbox")
    until(screen.has_manager)
    yield screen
    screen.close()


def kept_environment() -> dict[str, str]:
    """What a session has of the tests' own environment."""
    return {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}


@pytest.fixture
def screens() -> Iterator[Callable[[str], Screen]]:
    """Make displays that belong, with their window manager and apps, to an account."""
    with ExitStack() as stack:

        def made(user: str) -> Screen:
            number = stack.enter_context(display_of(user))
            screen = Screen(number, {**kept_environment(), "HOME": "/nonexistent"}, user)
            stack.callback(screen.close)
            screen.manager = screen.start("openbox")
            until(screen.has_manager)
            return screen

        yield made


@pytest.fixture
def notice() -> Notice:
    """A notice as a first policy has it."""
    hours = "Monday to Friday, 08:00 to 18:00"
    return compose(
        NoticeFacts(
            organisation="Northfield Training",
            groups=(PrivateTime(group="staff", kind="drop_all", working_hours=hours),),
        )
    )


class Service:
    """A service's side with everything it was told written down."""

    def __init__(self, folder: Path, notice: Notice) -> None:
        self.folder = folder
        self.path = folder / "session.sock"
        self.kept: dict[str, bytes] = {}
        self.record = NoticeRecord(self.kept.get, self.kept.__setitem__)
        self.notice = notice
        self.observe = True
        self.fronts: list[tuple[str, Front]] = []
        self.seen_at: list[float] = []
        self.documents: tuple[ToRead, ...] = ()
        self.readings: list[tuple[str, DocumentShown | Acknowledged]] = []
        self.asked: list[tuple[str, str]] = []
        self.hosts: list[tuple[str, str, HostVisited | HostShown]] = []
        self.server = self.made()

    def made(self, version: str = "1.0") -> SessionServer:
        """A server at the same place with the same memory, as after a restart."""
        return SessionServer(
            self.path,
            on_front=self._on_front,
            on_notice=self.record.shown,
            on_reading=self._on_reading,
            on_host=lambda *told: self.hosts.append(told),
            answer=self._answer,
            settings=self._settings,
            collect_from=self.record.first_shown,
            clock=lambda: datetime.now(UTC),
            version=version,
        )

    def had_notice_an_hour_ago(self, *people: str) -> None:
        """As if these people had the notice an hour ago."""
        for person in people:
            self.record.shown(person, self.notice.version, datetime.now(UTC) - timedelta(hours=1))

    def _settings(self, person: str) -> Settings:
        new = self.record.is_new(person, self.notice.version)
        return Settings(notice=self.notice, observe=self.observe, notice_is_new=new, documents=self.documents)

    def _on_reading(self, person: str, message: DocumentShown | Acknowledged) -> None:
        self.readings.append((person, message))
        if isinstance(message, Acknowledged):
            self.documents = tuple(one for one in self.documents if one.shown != message.shown)

    def _on_front(self, person: str, front: Front) -> None:
        self.fronts.append((person, front))
        self.seen_at.append(time.monotonic())

    def _answer(self, person: str, what: str) -> bytes:
        self.asked.append((person, what))
        return b'{"person":"%b","what":"%b"}' % (person.encode(), what.encode())


@pytest.fixture
def handbook() -> ToRead:
    """A document that the person is asked to read now."""
    return ToRead(
        id="handbook", title="Staff handbook", version="4", day=date(2026, 11, 1), where="https://example.org/handbook",
        text="Section 3 is new.", shown="a" * 64, ask_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip


@pytest.fixture
def service(notice: Notice) -> Iterator[Service]:
    """A service that listens, in a folder that every local account can reach (pytest's own are private)."""
    with tempfile.TemporaryDirectory(prefix="fairwatch-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        service = Service(folder, notice)
        service.server.start()
        yield service
        service.server.stop()
