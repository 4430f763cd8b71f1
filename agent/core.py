"""What a laptop's service and the gateway have in common: rules in force, pipeline, spool, sender, heartbeat, time.

Timed by APScheduler: the pipeline's tick, the heartbeat, the check for newly signed rules and the questions to the
collector. The sender has a thread of its own, that an alert wakes. Who watches is added by whoever uses this.
"""

from __future__ import annotations

import logging
import platform
import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final
from uuid import UUID

from agent import disk, keys
from agent.bundle import Bundle
from agent.config import Config
from agent.database import file_in
from agent.errors import CollectorError, SpoolError
from agent.health import Health
from agent.http import ANSWER_MAX_BYTES, Collector
from agent.installed_files import PAUSE_SECONDS, changed, installed
from agent.marks import Marks
from agent.own_life import OwnLife
from agent.pipeline import Pipeline
from agent.sender import Sender
from agent.signed_rules import SignedRules
from agent.spool import Spool
from agent.tally import Tally
from agent.timing import Scheduler
from agent.told_once import Live
from agent.totals import TotalsOf
from protocol.errors import Refused
from protocol.limits import MESSAGE_VERSION, TEXT_MAX_CHARS
from protocol.messages import (
    GroupingAnswer,
    GroupingQuestion,
    Heartbeat,
    Message,
    PeopleAnswer,
    PeopleQuestion,
    SourceState,
    TripAnswer,
    TripQuestion,
    decode,
    encode,
)
from rules.versions import PACK_FORMATS, POLICY_FORMATS

log = logging.getLogger(__name__)

PEOPLE_PATH: Final = "/v1/people"
GROUPING_PATH: Final = "/v1/grouping"
TRIP_PATH: Final = "/v1/trip"
FIRST_CHECK_SECONDS: Final = 2.0
"""How soon after the start the signed rules are asked for: a device that was just enrolled has none."""
FILES_SECONDS: Final = 86_400.0
"""How often the agent's own files are held against what was installed; a start does it too."""
GRACE_SECONDS: Final = 5.0
"""How long an end waits for an answer: systemd, Windows and launchd kill what has not ended in 20 or 30 seconds, and a
service that was killed is told to IT as one that somebody ended."""
_SINCE_KEY: Final = "service observing since"
_GROUPING_KEY: Final = "service grouping key"


class Core:
    """One enrolled device's parts, but for those who watch. `start`, then `halt` (nothing timed runs) and `end`."""

    def __init__(
        self,
        data_dir: Path,
        config: Config,
        clock: Callable[[], datetime],
        *,
        remind: Callable[[str, str, int], None],
        on_rules: Callable[[Bundle], None],
        notice_shown: Callable[[], bool],
        group_of: Callable[[UUID], str] | None = None,
        totals: TotalsOf = Tally,
        groups: Callable[[], Iterable[str]] | None = None,
        pace: Callable[[], int] = lambda: 1,
        extension_there: Live = lambda _person, _browser: False,
    ) -> None:
        """`on_rules(bundle)` hears of each set of rules that comes into force; `notice_shown()` goes into heartbeats.

        `group_of(device)`, `totals` and `groups()` are for a gateway, `extension_there` (see `Pipeline`) for a laptop;
        `pace()` is by how much totals may be later.
        Raises AgentError where the device is not enrolled, or its keys, spool or configuration can't be used.
        """
        self.clock = clock
        self._config = config
        self._data_dir = data_dir
        self._on_rules = on_rules
        self._notice_shown = notice_shown
        self.identity = keys.load(data_dir)
        self.spool = Spool(
            file_in(data_dir),
            self.identity.spool_key,
            device=self.identity.device,
            clock=clock,
            max_bytes=config.spool_max_bytes,
        )
        self._collector = Collector(self.identity.collector, self.identity.certificate)
        # Questions have a connection of their own, so that they never wait for a full batch.
        self.questions = Collector(self.identity.collector, self.identity.certificate)
        self.health = Health({"agent": agent_version(), "format": str(MESSAGE_VERSION)})
        self._life = OwnLife(self.spool.load, self.spool.save, clock)
        self.marks = Marks(self.spool.load, self.spool.save, clock)
        self.grouping_key = self.spool.load(_GROUPING_KEY)
        self._grouping_confirmed = False
        self._since: bytes | None = None
        self._may_tell_notices = True
        self._told_notices = False
        self.stopping = threading.Event()
        self.rules = SignedRules(data_dir, clock, self._take_up, self.stopping)
        self.sender = Sender(
            self.spool,
            self._collector,
            device=self.identity.device,
            signer=self.identity.signer,
            clock=clock,
            random=random.SystemRandom().random,
            send_seconds=config.send_seconds,
            pace=pace,
            on_contact=self.health.set_last_contact,
            on_refused=self._on_refused,
        )
        self.pipeline = Pipeline(
            spool=self.spool,
            identity=self.identity,
            clock=clock,
            people=self._ask_people,
            remind=remind,
            group_of=group_of,
            grouping_key=lambda: self.grouping_key,
            totals=totals,
            groups=groups,
            extension_there=extension_there,
        )
        self._hurry = threading.Timer(GRACE_SECONDS, self._ask_no_more)
        self._hurry.daemon = True
        self._sending = threading.Thread(target=self.sender.run, args=(self.stopping,), name="sender", daemon=True)
        self.scheduler = Scheduler()

    # --- beginning and ending --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to send, to keep time and to care for the rules, which were loaded before by `rules.load`."""
        self._life.began()
        self._note_own_life()
        self.health.ask(self.rules.health)
        self._sending.start()
        config, now = self._config, self.clock()
        soon = datetime.fromtimestamp(now.timestamp() + FIRST_CHECK_SECONDS, tz=UTC)
        self.rules.watch.start()
        self.every(config.tick_seconds, self.tick)
        self.every(config.heartbeat_seconds, self.beat, first=soon)
        self.every(config.update_seconds, self.rules.update, first=now)
        self.every(config.update_seconds, self.ask_grouping, first=now)
        self.every(config.trip_seconds, self.ask_trip)
        self.every(FILES_SECONDS, self.check_files, first=now)
        self.scheduler.start()

    def halt(self) -> None:
        """Let nothing timed begin any more, and wait for what is under way; no answer holds it up for long."""
        self.stopping.set()
        self.spool.alert_waits.set()
        self._hurry.start()
        if self.scheduler.running:
            self.scheduler.shutdown(wait=True)
        self.rules.watch.stop()

    def end(self) -> None:
        """Hand on what can be, once nobody watches any more; what waits stays in the spool."""
        try:
            self.pipeline.stop(self.clock())
        except SpoolError as fault:
            log.warning("service.last_totals_not_kept kind=%s", type(fault).__name__)
        if self._sending.is_alive():
            self._sending.join(timeout=2 * GRACE_SECONDS)
        self._hurry.cancel()
        self._life.ended()
        self._collector.close()
        self.questions.close()
        self.spool.close()

    def every(self, seconds: float, work: Callable[[], None], first: datetime | None = None) -> None:
        """Do some work every so often; a fault in it is logged by its type, and the next time comes all the same."""

        def safely() -> None:
            try:
                work()
            except Exception as fault:  # noqa: BLE001 - one job's fault must not end the agent's timed work
                log.error("service.job_failed job=%s kind=%s", work.__name__, type(fault).__name__)  # noqa: TRY400

        when = {"next_run_time": first} if first is not None else {}
        self.scheduler.add_job(safely, "interval", seconds=seconds, **when)

    def _ask_no_more(self) -> None:
        self.questions.give_up()
        self._collector.give_up()

    def moved_bytes(self) -> int:
        """Return about how many bytes were told to and asked of the collector since the start, alerts left out."""
        return self.sender.moved_bytes + self.questions.moved_bytes

    # --- timed work ------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Count and hand on what is due (see `Pipeline.tick`)."""
        bundle = self.rules.bundle
        if bundle is not None and self._keep_since():
            self._on_rules(bundle)  # who had the notice is forgotten too: session parts that showed it say so again
        self._note_own_life()
        self._note_disk()
        self.rules.watch.look()
        self.pipeline.tick(self.clock())
        level = self.spool.level()
        self.health.set_spool("normal" if level == "normal" else "filling")

    def _note_own_life(self) -> None:
        self._life.look()
        noticed = self._life.notices()
        self.health.notice("stopped_badly", stands="stopped_badly" in noticed)
        self.health.notice("clock_moved", stands="clock_moved" in noticed)
        self.health.notice("identity_in_use", stands=self.sender.identity_in_use)

    def _note_disk(self) -> None:
        found = disk.trouble(self._data_dir)
        if found is None:
            self.health.unpin(disk.NAME)
        else:
            self.health.pin(found)

    def check_files(self) -> None:
        """Hold the agent's own files against what was installed, with pauses; ends at once when the service does."""
        files = installed()
        if files is None:
            log.info("service.own_files_not_known")
            return
        found = changed(files, lambda: self.stopping.wait(PAUSE_SECONDS))
        if found is not None:
            self.health.notice("files_changed", stands=found)

    def beat(self) -> None:
        """Put a heartbeat in the spool in the place of one that is still waiting there: only the newest matters."""
        report, bundle = self.health.report(), self.rules.bundle
        beat = Heartbeat(
            device=self.identity.device,
            group=self.identity.group,
            at=self.clock().replace(microsecond=0),
            agent_version=agent_version(),
            platform=f"{platform.system()} {platform.release()}"[:TEXT_MAX_CHARS],
            sources=tuple(SourceState(one.name, one.state, one.reason[:TEXT_MAX_CHARS]) for one in report.sources),
            spool=self.spool.level(),
            recipients_version=bundle.recipients_version if bundle is not None else 0,
            policy_version=bundle.policy_version if bundle is not None else 0,
            packs=dict(bundle.packs) if bundle is not None else {},
            formats=(MESSAGE_VERSION,),
            pack_formats=PACK_FORMATS,
            policy_formats=POLICY_FORMATS,
            clock_offset_seconds=self.sender.clock_offset_seconds,
            notice_shown=self._notice_shown(),
            notices=report.notices if self._may_tell_notices else (),
        )
        self._told_notices = bool(beat.notices)
        self.spool.put("heartbeat", lambda _record, _counter: encode(beat), replaces="heartbeat")
        # Sent at once, by its own beat: one that waited would go with the next alert, and its time would tell of that.
        self.spool.alert_waits.set()

    def _on_refused(self, kind: str) -> None:
        """A collector that is too old for notices must not lose sight of the device: tell it none until the restart."""
        if kind == "heartbeat" and self._told_notices:
            self._may_tell_notices = False
            self.beat()

    # --- rules in force --------------------------------------------------------------------------------------------

    def _take_up(self, fresh: Bundle) -> None:
        self.pipeline.use(fresh)
        self.health.set_version("policy", str(fresh.policy_version))
        self.health.set_version("recipients", str(fresh.recipients_version))
        for pack, number in fresh.packs.items():
            self.health.set_version(f"pack {pack}", str(number))
        try:
            self._keep_since()
        except SpoolError as fault:
            log.warning("service.since_not_kept_yet kind=%s", type(fault).__name__)  # the next tick does
        self._on_rules(fresh)

    def _keep_since(self) -> bool:
        """Keep since when there are rules; returns whether the spool did not know, as at first and after damage."""
        kept = self.spool.load(_SINCE_KEY)
        self._since = kept or self._since or self.clock().isoformat().encode()
        if kept is None:
            self.spool.save(_SINCE_KEY, self._since)
        return kept is None

    def collect_from(self) -> datetime | None:
        """From when on anything may be collected: enrolment, signed rules and what they begin with, all three."""
        since, bundle = self.spool.load(_SINCE_KEY) or self._since, self.rules.bundle
        if since is None or not self.pipeline.observing:
            return None
        enrolled = self.marks.counts_from("enrolment", self.identity.enrolled_at)
        since_rules = self.marks.counts_from("rules", datetime.fromisoformat(since.decode()))
        begins = bundle.policy.begins if bundle is not None else since_rules
        return max(enrolled, since_rules, begins)

    # --- questions to the collector --------------------------------------------------------------------------------

    def ask(self, path: str, question: Message, *, max_bytes: int = ANSWER_MAX_BYTES) -> bytes:
        """Ask the collector, signed as this device. Raises CollectorError."""
        sign = self.identity.signer(self.sender.collector_time)
        return self.questions.post(path, encode(question), sign, max_bytes=max_bytes)

    def _ask_people(self, month: str, accounts: Sequence[str]) -> Mapping[str, UUID]:
        question = PeopleQuestion(MESSAGE_VERSION, month, tuple(accounts))
        return decode(self.ask(PEOPLE_PATH, question), PeopleAnswer).ids

    def ask_grouping(self) -> None:
        """Ask for the key of tags once a start; a collector too old to have one is asked again, and nothing waits."""
        if self._grouping_confirmed or self.stopping.is_set():
            return
        try:
            key = decode(self.ask(GROUPING_PATH, GroupingQuestion(MESSAGE_VERSION)), GroupingAnswer).key
        except (CollectorError, Refused) as fault:
            log.info("service.no_grouping_key kind=%s", type(fault).__name__)
            return
        if key != self.grouping_key:
            self.spool.save(_GROUPING_KEY, key)
            self.grouping_key = key
        self._grouping_confirmed = True

    def ask_trip(self) -> None:
        """Ask whether a harmless test is wanted, and do it; a collector too old to want any is asked again later."""
        if self.stopping.is_set() or not self.pipeline.observing:
            return
        try:
            wanted = decode(self.ask(TRIP_PATH, TripQuestion(MESSAGE_VERSION)), TripAnswer)
        except (CollectorError, Refused) as fault:
            log.info("service.no_answer_about_tests kind=%s", type(fault).__name__)
            return
        if wanted.trip is not None:
            self.pipeline.test(wanted.trip, wanted.by)


def agent_version() -> str:
    """Return the installed version of Fairwatch."""
    try:
        return version("fairwatch")
    except PackageNotFoundError:
        return "unknown"
