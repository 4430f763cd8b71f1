"""The service's side of the local socket: takes what session parts saw, each for its own person, and trusts none.

Any local user may connect, so a hostile one is expected. Each attack and what stops it:
- speaking for another person: no message has a field for one; the person comes from the system (`channel.accept`);
- reading another person's totals: an answer is made only for the peer's own account;
- filling memory: lines, connections, waiting output and messages a second are all bounded, each uid for itself;
- stopping the service: what is not understood ends that connection only, and so does a fault while it is handled;
- widening what is collected: times are checked against the service's clock, and use from before the notice is dropped.
A person can still lie about their own use, as anyone can who may run programs on the device.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Final, TypeVar

import msgspec

from agent.health import SEVERITY, SourceHealth
from agent.observation import Family
from agent.session import address, channel
from agent.session.address import Account
from agent.session.allowance import ASK_COST, HOST_COST, Allowances
from agent.session.errors import MessageRefused
from agent.session.messages import (
    MAX_ANSWER_BYTES,
    MAX_LINE_BYTES,
    REASONS,
    Acknowledged,
    Answer,
    Ask,
    BrowserHere,
    DocumentShown,
    FromService,
    FromSession,
    Front,
    HostShown,
    HostVisited,
    Idle,
    NoticeShown,
    Refused,
    Reminder,
    ServiceVersion,
    Settings,
    SourceState,
    decode_from_session,
    encode,
)

log = logging.getLogger(__name__)

# A device has a handful of people signed in; each needs one connection, one for each browser profile that is open, and
# one more for a question.
MAX_CONNECTIONS: Final = 64
MAX_CONNECTIONS_A_PERSON: Final = 16
WARN_AGAIN_SECONDS: Final = 60.0
TRY_AGAIN_SECONDS: Final = 1.0
# Room for one full answer beside the settings.
MAX_WAITING_BYTES: Final = 2 * MAX_ANSWER_BYTES
# A session keeps what it could not send for a day at most; clocks of one machine agree but for a step.
OLDEST_INTERVAL: Final = timedelta(days=1)
CLOCK_STEP: Final = timedelta(seconds=5)

OnFront = Callable[[str, Front], None]
OnNotice = Callable[[str, str, datetime], None]
OnReading = Callable[[str, DocumentShown | Acknowledged], None]
OnHost = Callable[[str, Family, HostVisited | HostShown], None]
MakeAnswer = Callable[[str, str], bytes]

_FAULT: Final = "A fault holds up the local socket, which is tried again each second."

Interval = TypeVar("Interval", Front, HostShown)


class _Connection:
    """One peer: who it is, what it has sent of a line so far, and what it has yet to take."""

    def __init__(self, number: int, uid: Account, person: str, peer: channel.Peer) -> None:
        self.number = number
        self.uid = uid
        self.person = person
        self.peer = peer
        self.received = bytearray()
        self.waiting = bytearray()
        self.notice_version = ""
        self.state: SourceState | None = None
        self.browser: BrowserHere | None = None


class SessionServer:
    """Listens on the socket in one thread of its own; the callbacks are called in that thread."""

    name = "foreground"

    def __init__(
        self,
        path: Path,
        *,
        on_front: OnFront,
        on_notice: OnNotice,
        on_reading: OnReading,
        answer: MakeAnswer,
        settings: Callable[[str], Settings],
        collect_from: Callable[[str], datetime | None],
        clock: Callable[[], datetime],
        on_host: OnHost = lambda _person, _browser, _message: None,
        version: str = "",
        person_of_uid: Callable[[Account], str | None] = address.person_of_uid,
    ) -> None:
        """Callbacks: `on_front(person, interval)`, `on_notice(person, version, at)`, `answer(person, what)`: JSON.

        `on_reading(person, message)`: a document was shown or acknowledged. `on_host(person, browser, message)`: what
        an extension told.

        `settings(person)` is what a session part is told at first and after `refresh`. `collect_from(person)` is the
        instant from which that person's use may be collected, None for not yet. `version` is the agent's.
        """
        self._on_front = on_front
        self._on_notice = on_notice
        self._on_reading = on_reading
        self._on_host = on_host
        self._answer = answer
        self._settings = settings
        self._collect_from = collect_from
        self._clock = clock
        self._version = version
        self._person_of_uid = person_of_uid
        self._channel = channel.of_this_system(path)
        self._connections: dict[int, _Connection] = {}
        self._allowances = Allowances()
        self._orders: deque[Callable[[], None]] = deque()
        self._warned: dict[str, float] = {}
        self._stopping = self._faulty = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen; raises OSError where the socket can't be made."""
        self._channel.listen()
        self._thread = threading.Thread(target=self._run, name="session-server", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End every connection and remove the socket."""
        if self._stopping:
            return
        self._stopping = True
        if self._thread is None:
            self._end_all()
            return
        self._channel.wake()
        self._thread.join(timeout=10)
        self._thread = None

    def remind(self, person: str, category_name: str, minutes: int) -> None:
        """Show a reminder to that person wherever they are signed in; may be called from any thread."""
        message = Reminder(category_name=category_name, minutes=minutes)
        self._order(lambda: self._send_to(lambda one: one.person == person, message))

    def refresh(self) -> None:
        """Give every session part its settings again, as after a new policy; may be called from any thread."""
        self._order(self._send_settings_to_all)

    def health(self) -> SourceHealth:
        """How the session parts together see; unknown where nobody's session part is connected."""
        states = [one.state for one in list(self._connections.values()) if one.state is not None]
        if self._thread is None or not self._thread.is_alive():
            return SourceHealth(name=self.name, state="failing", reason="The local socket is not open.")
        if self._faulty:
            return SourceHealth(name=self.name, state="failing", reason=_FAULT)
        if not states:
            return SourceHealth(name=self.name, state="unknown", reason="No session part is running.")
        worst = max(states, key=lambda state: SEVERITY[state.state])
        return SourceHealth(name=self.name, state=worst.state, reason=REASONS[worst.reason])

    def browsers(self) -> list[tuple[str, BrowserHere]]:
        """The browsers whose extension is connected, each with its person."""
        return [(one.person, one.browser) for one in list(self._connections.values()) if one.browser is not None]

    def _order(self, order: Callable[[], None]) -> None:
        self._orders.append(order)
        self._channel.wake()

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._faulty = not self._safely(self._turn)
                if self._faulty:
                    sleep(TRY_AGAIN_SECONDS)  # as where the system has no memory for the wait
                    self._faulty = False
                while self._orders:
                    self._safely(self._orders.popleft())
        finally:
            self._end_all()

    def _turn(self) -> None:
        comes, ready = self._channel.turn()
        if comes:
            self._safely(self._accept)
        for number, reads, writes in ready:
            connection = self._connections.get(number)
            if connection is not None and not self._safely(
                partial(self._serve, connection, reads=reads, writes=writes)
            ):
                self._end(connection)

    def _safely(self, step: Callable[[], None]) -> bool:
        """Do a step; a fault in it is logged by its type alone and ends at most one connection, never the server."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - one peer's message must not stop the others' service
            # The type alone: a traceback can hold a person's name or totals.
            self._warn(f"session step failed: {type(error).__name__}")
            return False
        return True

    def _accept(self) -> None:
        accepted = self._channel.accept()
        if accepted is None:
            return
        number, peer, uid = accepted
        try:
            self._let_in(number, peer, uid)
        except BaseException:
            # Nobody would serve it or end it, and what it says would wake the loop without end.
            self._connections.pop(number, None)
            self._channel.forget(number)
            raise

    def _let_in(self, number: int, peer: channel.Peer, uid: Account | None) -> None:
        person = None if uid is None else self._person_of_uid(uid)
        mine = sum(1 for one in self._connections.values() if one.uid == uid)
        if (
            uid is None
            or person is None
            or mine >= MAX_CONNECTIONS_A_PERSON
            or len(self._connections) >= MAX_CONNECTIONS
            or not self._allowances.take(uid)
        ):
            self._warn("session connection refused")
            self._channel.forget(number)
            return
        connection = self._connections[number] = _Connection(number, uid, person, peer)
        if not self._safely(lambda: self._greet(connection)):
            self._end(connection)

    def _warn(self, event: str) -> None:
        """Log an event, each kind at most once a minute: a hostile peer must not fill the disk with our own words."""
        at = monotonic()
        if at - self._warned.get(event, -WARN_AGAIN_SECONDS) >= WARN_AGAIN_SECONDS:
            self._warned[event] = at
            log.warning(event)

    def _serve(self, connection: _Connection, *, reads: bool, writes: bool) -> None:
        if writes:
            self._flush(connection)
        if not reads:
            return
        try:
            received = connection.peer.recv(MAX_LINE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._end(connection)
            return
        connection.received += received
        self._take_lines(connection)

    def _take_lines(self, connection: _Connection) -> None:
        *lines, rest = bytes(connection.received).split(b"\n")
        connection.received = bytearray(rest)
        try:
            for line in lines:
                if not self._allowances.take(connection.uid):
                    raise MessageRefused("Too many messages.")
                self._handle(connection, decode_from_session(line))
            if len(rest) > MAX_LINE_BYTES:
                raise MessageRefused("The line is longer than any message.")
        except MessageRefused as error:
            self._warn("session message refused")
            self._send(connection, Refused(reason=str(error)))
            self._end(connection)

    def _handle(self, connection: _Connection, message: FromSession) -> None:
        match message:
            case Front():
                believed = self._believed(connection.person, message)
                if believed is not None:
                    self._on_front(connection.person, believed)
            case BrowserHere():
                connection.browser = message
            case HostVisited() | HostShown():
                self._take_host(connection, message)
            case NoticeShown():
                if message.notice_version != connection.notice_version:
                    raise MessageRefused("That is not the notice that was given.")
                # The service's own clock: a claimed time could only widen what is collected.
                self._on_notice(connection.person, message.notice_version, self._clock())
            case SourceState():
                connection.state = message
            case DocumentShown() | Acknowledged():
                # Written to the disk, so it weighs as much as a question.
                if not self._allowances.take(connection.uid, ASK_COST):
                    raise MessageRefused("Too many messages.")
                self._on_reading(connection.person, message)
                for one in [one for one in self._connections.values() if one.person == connection.person]:
                    self._send_settings(one)
            case Ask():
                if not self._allowances.take(connection.uid, ASK_COST):
                    raise MessageRefused("Too many questions.")
                json = self._answer(connection.person, message.what)
                self._send(connection, Answer(json=msgspec.Raw(json)))
            case Idle():
                pass  # Nothing is kept of the time away: it ends the interval before it, which was sent already.

    def _take_host(self, connection: _Connection, message: HostVisited | HostShown) -> None:
        if connection.browser is None:
            raise MessageRefused("No browser has said that it is here.")
        if not self._allowances.take(connection.uid, HOST_COST):
            raise MessageRefused("Too many visits.")
        if isinstance(message, HostShown):
            believed = self._believed(connection.person, message)
            if believed is not None:
                self._on_host(connection.person, connection.browser.family, believed)
        elif self._may_have_been(connection.person, message.at, message.at):
            self._on_host(connection.person, connection.browser.family, message)

    def _may_have_been(self, person: str, started: datetime, ended: datetime) -> bool:
        """Whether some of it lies after the person had the notice, and all of it may have passed."""
        now, since = self._clock(), self._collect_from(person)
        is_after = since is not None and (ended > since or started >= since)
        return is_after and started >= now - OLDEST_INTERVAL and ended <= now + CLOCK_STEP

    def _believed(self, person: str, front: Interval) -> Interval | None:
        """The part of the interval after the person had the notice; None if there is none or it can't have passed."""
        since = self._collect_from(person)
        ended = front.started + timedelta(seconds=front.seconds)
        if since is None or not self._may_have_been(person, front.started, ended):
            return None
        if front.started >= since:
            return front
        return msgspec.structs.replace(front, started=since, seconds=(ended - since).total_seconds())

    def _greet(self, connection: _Connection) -> None:
        self._send(connection, ServiceVersion(version=self._version))
        self._send_settings(connection)

    def _send_settings(self, connection: _Connection) -> None:
        settings = self._settings(connection.person)
        connection.notice_version = settings.notice.version
        self._send(connection, settings)

    def _send_settings_to_all(self) -> None:
        for connection in list(self._connections.values()):
            self._send_settings(connection)

    def _send_to(self, wanted: Callable[[_Connection], bool], message: FromService) -> None:
        for connection in list(self._connections.values()):
            if wanted(connection):
                self._send(connection, message)

    def _send(self, connection: _Connection, message: FromService) -> None:
        connection.waiting += encode(message)
        if len(connection.waiting) > MAX_WAITING_BYTES:
            self._end(connection)  # It asks and does not listen.
            return
        self._flush(connection)

    def _flush(self, connection: _Connection) -> None:
        if self._connections.get(connection.number) is not connection:
            return  # It has ended, and its number may be another's by now.
        try:
            while connection.waiting:
                del connection.waiting[: connection.peer.send(connection.waiting)]
        except BlockingIOError:
            pass
        except OSError:
            connection.waiting.clear()  # It hears no more, but what it said before it left is still to be read.
        self._channel.watch_writing(connection.number, writes=bool(connection.waiting))

    def _end(self, connection: _Connection) -> None:
        if self._connections.get(connection.number) is connection:
            del self._connections[connection.number]
            self._channel.forget(connection.number)

    def _end_all(self) -> None:
        for connection in list(self._connections.values()):
            self._end(connection)
        self._channel.close()
