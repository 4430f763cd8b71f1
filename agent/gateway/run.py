"""`fairwatch-agent gateway`: the agent's own pipeline behind DNS over HTTPS and TLS, one identity a phone.

It never blocks or changes an answer, and keeps no log of questions. It speaks for the phones that the collector names,
each from its notice on, and signs for itself.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import logging
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Final
from uuid import UUID

from agent import config as configuration
from agent.bursts import Sighting
from agent.config import DEFAULT_DATA_DIR, Config
from agent.core import Core
from agent.ending import status_of
from agent.errors import AgentError, CollectorError, SpoolError
from agent.gateway import settings as gateway_settings
from agent.gateway.cache import Cache
from agent.gateway.certificate_watch import CertificateWatch
from agent.gateway.doh import Doh
from agent.gateway.dot import Dot, Tls
from agent.gateway.front import Front
from agent.gateway.inner_door import InnerDoor
from agent.gateway.phones import Phone, Phones
from agent.gateway.resolver import Resolver
from agent.gateway.settings import Settings
from agent.gateway.upstream import Upstreams
from agent.gateway.visit_counts import VisitCounts
from agent.gateway.visits import WAITING_MAX, Visits, Who, seen_in
from agent.health import SourceHealth
from agent.observation import Batch, Observation
from agent.signals import wake_on
from agent.state_parts import load_parts, save_parts
from protocol.errors import Refused
from protocol.limits import MESSAGE_VERSION, PHONES_REPORT_MAX
from protocol.messages import PhonesAnswer, PhonesQuestion, PhonesReport, decode, encode

log = logging.getLogger(__name__)

PHONES_PATH: Final = "/v1/phones"
PHONES_ANSWER_MAX_BYTES: Final = 8 * 1024 * 1024
"""Twenty thousand phones, each with a long account name."""

REPORT_SECONDS: Final = 900.0
LOOK_SECONDS: Final = 1.0
"""How often ended bursts are judged, and resolvers looked after: a flag is on its way three seconds after its page."""

PORTION: Final = 16
"""Names judged in one go, which takes about a millisecond: so long may the listeners wait for the judge."""

JUDGE_PAUSE_SECONDS: Final = 0.002
"""Between two portions of names, while there are few enough to be judged in half of the time."""

SWITCH_SECONDS: Final = 0.0005
"""So soon a thread that judges or sends makes way for the listeners: Python's own 5 ms would hold up many an answer."""

_PHONES_KEY: Final = "gateway phones"
_LOCK_ALL: Final = 3  # MCL_CURRENT | MCL_FUTURE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `fairwatch-agent gateway`."""
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_DIR, help="where the agent keeps what it has")


def run(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT; returns 0, or where it can't begin 1 for what passes and 2 for what stays."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    for noisy in ("apscheduler", "watchdog", "urllib3", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    _leave_nothing_behind()
    sys.setswitchinterval(SWITCH_SECONDS)
    with wake_on((signal.SIGTERM, signal.SIGINT)) as ended:
        try:
            said = configuration.settled(lambda: gateway_settings.read(args.data_dir))
            config = configuration.settled(lambda: configuration.read(args.data_dir))
            gateway = Gateway(args.data_dir, config, said)
        except (AgentError, OSError) as fault:
            print(f"fairwatch-agent gateway: {fault}", file=sys.stderr)  # noqa: T201 - the one line that says what to do
            return status_of(fault)
        try:
            asyncio.run(gateway.serve(ended))
        except OSError as fault:
            print(f"fairwatch-agent gateway: it can't listen: {fault}", file=sys.stderr)  # noqa: T201
            return status_of(fault)
    return 0


class Gateway:
    """The parts of a gateway. Listeners run on one event loop; judging, sending and asking in threads beside it."""

    def __init__(
        self,
        data_dir: Path,
        config: Config,
        settings: Settings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Raises AgentError, OSError, ssl.SSLError."""
        self._settings = settings
        self._clock = clock
        self.phones = Phones()
        self._digest = ""
        files = Path(settings.certificate), Path(settings.key)
        self._tls = Tls(*map(str, files))
        trust = ssl.create_default_context(cafile=settings.authority or None)
        self._upstreams = Upstreams(settings.servers, time.monotonic, trust=trust)
        self._core = Core(
            data_dir,
            config,
            clock,
            remind=lambda _person, _category, _minutes: None,
            on_rules=lambda _bundle: None,
            notice_shown=lambda: False,
            group_of=self._group_of,
            totals=VisitCounts,
            groups=self.phones.groups,
        )
        self.inner_door = InnerDoor(
            self.phones, self._core.pipeline.accept, self._core.spool.load, self._core.collect_from, clock
        )
        """Where an Android companion's word comes in."""
        self._visits = Visits(self._core.rules.is_background, lambda: clock().timestamp())
        resolver = Resolver(self._upstreams, Cache(), time.monotonic)
        front = Front(self.phones, resolver, self._visits.note, time.monotonic)
        self._dot, self._doh = Dot(front, self._tls, time.monotonic), Doh(front, *files)
        self._watch = CertificateWatch(files, self._renewed)
        self._left: list[Observation] = []
        """What the disk refused so far."""
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, ended: socket.socket) -> None:
        """Listen until the socket is readable; raises OSError where a port can't be had."""
        self._loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        core, settings = self._core, self._settings
        core.rules.load()
        self._remember_phones()
        core.health.ask(self._health)
        try:
            await self._dot.start(settings.address, settings.dot_port)
            await self._doh.start(settings.address, settings.doh_port)
            core.every(settings.phones_seconds, self._ask_phones, first=self._clock())
            core.every(min(REPORT_SECONDS, settings.phones_seconds * 15), self._report)
            core.start()
            self._watch.start()
            self._loop.add_reader(ended, stop.set)
            log.info("gateway.started device=%s", core.identity.device)
            await self._look_on(stop)
        finally:
            self._loop.remove_reader(ended)
            await self._end()

    async def _look_on(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
            except TimeoutError:
                try:
                    await self._look()
                except Exception as fault:  # noqa: BLE001 - a fault in one round must not end the gateway for all phones
                    log.error("gateway.look_failed kind=%s", type(fault).__name__)  # noqa: TRY400

    async def _look(self) -> None:
        await self._upstreams.check()
        taken = self._visits.take()
        pause = min(JUDGE_PAUSE_SECONDS, LOOK_SECONDS * PORTION / 2 / max(len(taken), 1))
        await asyncio.to_thread(self._judge, taken, pause)

    async def _end(self) -> None:
        await self._dot.stop()
        await self._doh.stop()
        self._upstreams.close()
        await asyncio.to_thread(self._end_core, self._visits.take(everything=True))
        log.info("gateway.stopped")

    def _end_core(self, taken: list[Sighting[Who]]) -> None:
        if self._watch.is_alive:
            self._watch.stop()
        self._core.halt()
        try:
            self._judge(taken, 0.0)
            if self._left:
                self._judge([], 0.0)  # a spool that was found damaged has begun anew
        finally:
            self._core.end()

    # --- what phones looked up -------------------------------------------------------------------------------------

    def _judge(self, sightings: list[Sighting[Who]], pause: float) -> None:
        """Judge names in portions, and make way for the listeners between two."""
        waiting, self._left = self._left, []
        try:
            since = self._core.collect_from()
        except Exception as fault:  # noqa: BLE001 - the disk does not answer, or the spool was found damaged
            log.warning("gateway.not_judged_yet kind=%s", type(fault).__name__)
            self._wait_with([*waiting, *seen_in(sightings)])
            return
        if since is None:
            return
        seen = (one for one in chain(waiting, seen_in(sightings)) if one.started >= since)
        left: list[Observation] = []
        while portion := tuple(islice(seen, PORTION)):
            if not self._judge_portion(portion):
                # What the disk refuses waits in memory, since nobody could bring it again; a full disk is asked once a
                # round, and what it refused comes last, so that it holds up nothing else.
                left = [*seen, *portion]
                log.warning("gateway.not_kept_yet")
                break
            time.sleep(pause)
        self._wait_with(left)

    def _wait_with(self, left: list[Observation]) -> None:
        self._left = left[:WAITING_MAX]
        self._visits.dropped += len(left) - len(self._left)

    def _judge_portion(self, portion: tuple[Observation, ...]) -> bool:
        """Whether it needs no second try: False for what the disk refused."""
        try:
            self._core.pipeline.accept(Batch(observations=portion, bookmark=None))
        except AgentError:
            return False
        except Exception as fault:  # noqa: BLE001 - a fault in judging must not take the names from every phone
            self._visits.dropped += len(portion)
            log.error("gateway.not_judged kind=%s", type(fault).__name__)  # noqa: TRY400 - a trace could hold a name
        return True

    def _group_of(self, device: UUID) -> str:
        return self.phones.group_of(device) or self._core.identity.group

    def _health(self) -> SourceHealth:
        if not self._upstreams.any_up:
            return SourceHealth(name="gateway", state="failing", reason="No resolver answers.")
        if self._visits.dropped:
            reason = "Names were not judged since it started: too many at once, or a fault that its log names."
            return SourceHealth(name="gateway", state="failing", reason=reason)
        return SourceHealth(name="gateway", state="working")

    # --- whom it speaks for ----------------------------------------------------------------------------------------

    def _ask_phones(self) -> None:
        """Ask for the phones; those that are known stay so while the collector does not answer."""
        question = PhonesQuestion(MESSAGE_VERSION, self._digest)
        try:
            body = self._core.ask(PHONES_PATH, question, max_bytes=PHONES_ANSWER_MAX_BYTES)
            answer = decode(body, PhonesAnswer)
        except (CollectorError, Refused) as fault:
            log.warning("gateway.phones_not_known kind=%s", type(fault).__name__)
            return
        if answer.phones is not None:
            self._know(answer)
            self._remember(body)

    def _remember(self, answer: bytes) -> None:
        spool = self._core.spool
        try:
            with spool.transaction():
                save_parts(spool.save, spool.load, _PHONES_KEY, answer)
        except SpoolError as fault:
            log.warning("gateway.phones_not_saved kind=%s", type(fault).__name__)

    def _remember_phones(self) -> None:
        kept = load_parts(self._core.spool.load, _PHONES_KEY)
        if kept is not None:
            try:
                self._know(decode(kept, PhonesAnswer))
            except Refused:
                log.warning("gateway.phones_not_remembered")

    def _know(self, answer: PhonesAnswer) -> None:
        found = [
            (one.hash, Phone(one.device, one.group, one.person, one.since.timestamp())) for one in answer.phones or ()
        ]
        self._digest = answer.digest
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self.phones.replace, found)
        log.info("gateway.phones n=%d", len(found))

    def _report(self) -> None:
        """Tell in which hour each phone last asked, and how many questions were refused since the start."""
        now, reading = self._clock(), time.monotonic()
        seen = {
            device: datetime.fromtimestamp(now.timestamp() - (reading - at), UTC).replace(
                minute=0, second=0, microsecond=0
            )
            for device, at in dict(self.phones.last_asked).items()
        }
        devices = sorted(seen)
        refused = dict(self.phones.refused)
        for start in range(0, max(len(devices), 1), PHONES_REPORT_MAX):
            part = {device: seen[device] for device in devices[start : start + PHONES_REPORT_MAX]}
            said = PhonesReport(self._core.identity.device, now.replace(microsecond=0), part, refused)
            self._core.spool.put("phones", partial(_body, encode(said)), replaces=f"phones {start}")

    # --- certificates ----------------------------------------------------------------------------------------------

    def _renewed(self) -> None:
        try:
            self._tls.reload()
        except (OSError, ssl.SSLError) as fault:
            log.warning("gateway.certificate_not_used kind=%s", type(fault).__name__)
            return
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._doh.renew(), self._loop)
        log.info("gateway.certificate_renewed")


def _body(body: bytes, _record: UUID, _counter: int) -> bytes:
    return body


def _leave_nothing_behind() -> None:
    """Write no core dump, and keep memory out of the swap where the system lets us: names are in it for seconds."""
    if os.name != "posix":
        return
    import resource  # late: not on Windows

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unlimited = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY
    if unlimited and sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).mlockall(_LOCK_ALL) != 0:
        log.info("gateway.memory_not_locked")
