"""The service: puts the parts of the agent together, keeps their time, and ends them in order.

What runs when: sources by the file system's events and their own sweeps, the sender in a thread that an alert wakes,
and by APScheduler the pipeline's tick, the process sweep, the heartbeat and the check for newly signed rules. That
check runs in a short-lived child, so that what it loads never stays in the service's memory.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import logging
import os
import platform
import random
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec
from apscheduler.schedulers.background import BackgroundScheduler

from agent import child, keys, updates
from agent import config as configuration
from agent.bundle import Bundle
from agent.config import DEFAULT_DATA_DIR, Config
from agent.database import file_in
from agent.documents import Documents
from agent.errors import AgentError, CollectorError, SpoolError
from agent.health import Health, SourceHealth
from agent.held import Held, Person, held
from agent.http import Collector
from agent.notice import Notice, NoticeFacts, NoticeRecord, PrivateTime, compose
from agent.observation import Batch, Observation
from agent.pipeline import Pipeline
from agent.rules_watch import RulesWatch
from agent.sender import Sender
from agent.session.address import person_of_uid, socket_path
from agent.session.identity import DesktopIndex, application_folders
from agent.session.messages import Acknowledged, DocumentShown, Front, Settings
from agent.session.server import SessionServer
from agent.signals import wake_on
from agent.sources.browser_history import BrowserHistory
from agent.sources.browsers import Profile, find_profiles, local_homes, profiles_in
from agent.sources.processes import SWEEP_SECONDS, Processes
from agent.spool import Spool
from protocol.errors import Refused
from protocol.limits import MESSAGE_VERSION, TEXT_MAX_CHARS
from protocol.messages import (
    GroupingAnswer,
    GroupingQuestion,
    Heartbeat,
    PeopleAnswer,
    PeopleQuestion,
    SourceState,
    TripAnswer,
    TripQuestion,
    decode,
    encode,
)
from rules.hours import describe
from rules.policy import Contacts
from rules.versions import PACK_FORMATS, POLICY_FORMATS

log = logging.getLogger(__name__)

PEOPLE_PATH: Final = "/v1/people"
GROUPING_PATH: Final = "/v1/grouping"
TRIP_PATH: Final = "/v1/trip"
FIRST_CHECK_SECONDS: Final = 2.0
"""How soon after the start the signed rules are asked for: a device that was just enrolled has none."""
RULES_OLD_AFTER: Final = timedelta(days=7)
"""As long as the snapshot of what is published lives: older rules stay in force, and the lead's IT hears of it."""
UPDATE_MAX_SECONDS: Final = 2 * 3600.0
"""Two packs of 58 MB at `agent.http.LEAST_BYTES_PER_SECOND`; a child that hangs is ended."""
_EDITED: Final = "The signed rules on this disk were changed by hand; those loaded before stay in force."
_EDITED_AND_NOTHING_LOADED: Final = "The signed rules on this disk were changed by hand; none are in force."
_SINCE_KEY: Final = "service observing since"
_GROUPING_KEY: Final = "service grouping key"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `fairwatch-agent run`."""
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_DIR, help="where the agent keeps what it has")


def run(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT; returns 0, or 2 when the device is not enrolled or its files can't be used."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    for noisy in ("apscheduler", "watchdog", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    with wake_on((signal.SIGTERM, signal.SIGINT)) as ended:
        try:
            service = Service(args.data_dir, configuration.read(args.data_dir))
        except (AgentError, OSError) as fault:
            print(f"fairwatch-agent run: {fault}", file=sys.stderr)  # noqa: T201 - the one line that says what to do
            return 2
        service.start()
        try:
            select.select([ended], [], [])
        finally:
            service.stop()
    return 0


class Service:
    """Everything that runs on a device, apart from the session parts."""

    def __init__(
        self, data_dir: Path, config: Config, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Raises AgentError where the device is not enrolled, or its keys, spool or configuration can't be used."""
        self._data_dir = data_dir
        self._config = config
        self._clock = clock
        self._identity = keys.load(data_dir)
        self._spool = Spool(
            file_in(data_dir),
            self._identity.spool_key,
            device=self._identity.device,
            clock=clock,
            max_bytes=config.spool_max_bytes,
        )
        self._collector = Collector(self._identity.collector, self._identity.certificate)
        # Questions have a connection of their own, so that they never wait for a full batch.
        self._questions = Collector(self._identity.collector, self._identity.certificate)
        self._health = Health({"agent": agent_version(), "format": str(MESSAGE_VERSION)})
        self._grouping_key = self._spool.load(_GROUPING_KEY)
        self._grouping_confirmed = False
        self._notices = NoticeRecord(self._spool.load, self._spool.save)
        self._documents = Documents(self._spool, self._identity, self._identity.group, clock)
        self._bundle: Bundle | None = None
        self._rules_problem = ""
        self._loading, self._updating = threading.Lock(), threading.Lock()
        self._update_wanted = threading.Event()
        self._watch = RulesWatch(data_dir / updates.RULES_FOLDER, self._rules_changed)
        self._stopping = threading.Event()
        self._sender = Sender(
            self._spool,
            self._collector,
            device=self._identity.device,
            signer=self._identity.signer,
            clock=clock,
            random=random.SystemRandom().random,
            send_seconds=config.send_seconds,
            on_contact=self._health.set_last_contact,
        )
        self._pipeline = Pipeline(
            spool=self._spool,
            identity=self._identity,
            clock=clock,
            people=self._ask_people,
            remind=self._remind,
            grouping_key=lambda: self._grouping_key,
        )
        self._history = BrowserHistory(
            self._identity.device,
            self._profiles,
            self._spool.load,
            self._pipeline.accept,
            self._collect_from,
            clock,
            scratch=data_dir / "scratch",
            sweep_seconds=config.sweep_seconds,
        )
        self._apps = DesktopIndex(application_folders(os.environ))
        self._processes = Processes(
            self._identity.device,
            self._pipeline.accept,
            self._is_listed,
            self._collect_from,
            clock,
            identities=self._apps.identities,
            person_of_uid=person_of_uid,
        )
        self._sessions = SessionServer(
            socket_path(data_dir),
            on_front=self._take_front,
            on_notice=self._notices.shown,
            on_reading=self._take_reading,
            answer=self._answer,
            settings=self._settings,
            collect_from=self._collect_from,
            clock=clock,
        )
        self._sending = threading.Thread(target=self._sender.run, args=(self._stopping,), name="sender", daemon=True)
        self._scheduler = BackgroundScheduler(timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1})

    # --- beginning and ending --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin: what is in force first, then who watches, then who sends."""
        self._load_rules()
        for source in (self._history.health, self._processes.health, self._sessions.health, self._rules_health):
            self._health.ask(source)
        self._sessions.start()
        self._history.start()
        self._sending.start()
        config = self._config
        soon = datetime.fromtimestamp(self._clock().timestamp() + FIRST_CHECK_SECONDS, tz=UTC)
        self._watch.start()
        self._every(config.tick_seconds, self._tick)
        self._every(SWEEP_SECONDS, self._sweep_processes)
        self._every(config.heartbeat_seconds, self._beat, first=soon)
        self._every(config.update_seconds, self._update, first=self._clock())
        self._every(config.update_seconds, self._ask_grouping, first=self._clock())
        self._every(config.trip_seconds, self._ask_trip)
        self._scheduler.start()
        log.info("service.started device=%s", self._identity.device)

    def stop(self) -> None:
        """End in the opposite order; what waits stays in the spool."""
        self._stopping.set()
        self._spool.alert_waits.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        self._watch.stop()
        self._history.stop()
        self._sessions.stop()
        try:
            self._pipeline.stop(self._clock())
        except SpoolError as fault:
            log.warning("service.last_totals_not_kept kind=%s", type(fault).__name__)
        if self._sending.is_alive():
            self._sending.join(timeout=10)
        self._collector.close()
        self._questions.close()
        self._spool.close()
        log.info("service.stopped")

    def _every(self, seconds: float, work: Callable[[], None], first: datetime | None = None) -> None:
        """Do some work every so often; a fault in it is logged by its type, and the next time comes all the same."""

        def safely() -> None:
            try:
                work()
            except Exception as fault:  # noqa: BLE001 - one job's fault must not end the agent's timed work
                log.error("service.job_failed job=%s kind=%s", work.__name__, type(fault).__name__)  # noqa: TRY400

        when = {"next_run_time": first} if first is not None else {}
        self._scheduler.add_job(safely, "interval", seconds=seconds, misfire_grace_time=None, jitter=None, **when)

    # --- timed work ------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        self._watch.look()
        self._pipeline.tick(self._clock())
        level = self._spool.level()
        self._health.set_spool("normal" if level == "normal" else "filling")

    def _sweep_processes(self) -> None:
        if self._pipeline.observing:
            self._processes.sweep()

    def _beat(self) -> None:
        """Put a heartbeat in the spool in the place of one that is still waiting there: only the newest matters."""
        report, bundle = self._health.report(), self._bundle
        beat = Heartbeat(
            device=self._identity.device,
            group=self._identity.group,
            at=self._clock().replace(microsecond=0),
            agent_version=agent_version(),
            platform=f"{platform.system()} {platform.release()}"[:TEXT_MAX_CHARS],
            sources=tuple(SourceState(one.name, one.state, one.reason[:TEXT_MAX_CHARS]) for one in report.sources),
            spool=self._spool.level(),
            recipients_version=bundle.recipients_version if bundle is not None else 0,
            policy_version=bundle.policy_version if bundle is not None else 0,
            packs=dict(bundle.packs) if bundle is not None else {},
            formats=(MESSAGE_VERSION,),
            pack_formats=PACK_FORMATS,
            policy_formats=POLICY_FORMATS,
            clock_offset_seconds=self._sender.clock_offset_seconds,
            notice_shown=any(self._collect_from(home.person) is not None for home in local_homes()),
        )
        self._spool.put("heartbeat", lambda _record, _counter: encode(beat), replaces="heartbeat")
        # Sent at once, by its own beat: one that waited would go with the next alert, and its time would tell of that.
        self._spool.alert_waits.set()

    def _update(self) -> None:
        """Ask for newly signed rules in a child, and take up what it left. What is in force stays in force."""
        self._update_wanted.set()
        if not self._updating.acquire(blocking=False):
            return  # one is under way, perhaps for an hour: it asks once more before it ends
        try:
            while self._update_wanted.is_set() and not self._stopping.is_set():
                self._update_wanted.clear()
                self._run_update()
        finally:
            self._updating.release()

    def _run_update(self) -> None:
        command = [*own_command(), "update", "--data-dir", str(self._data_dir)]
        try:
            code = child.run(command, limit_seconds=UPDATE_MAX_SECONDS, stopping=self._stopping)
        except (OSError, subprocess.TimeoutExpired) as fault:
            log.warning("service.update_failed kind=%s", type(fault).__name__)
            return
        if code is None:
            return
        if code != 0:
            log.warning("service.update_failed exit=%d", code)
        self._load_rules()

    # --- rules in force --------------------------------------------------------------------------------------------

    def _rules_changed(self) -> None:
        """Take up rules that were put on this disk, where they are signed; where not, have them put right at once."""
        self._load_rules()
        if self._rules_problem and not self._stopping.is_set():
            self._update()

    def _load_rules(self) -> None:
        """Verify what is on the disk and take it up, if it is other than what was looked at last."""
        with self._loading:
            if self._bundle is not None and not self._rules_problem and self._watch.is_as_noted:
                return
            self._watch.note()
            fresh, problem = updates.look(self._data_dir)
            if fresh is None:
                self._rules_problem = problem or ("the signed rules are gone" if self._bundle is not None else "")
                if self._rules_problem:
                    log.warning("service.rules_refused")
                return
            if self._bundle is not None and _older(fresh, self._bundle):
                self._rules_problem = "the signed rules on this disk are older than those in force"
                log.warning("service.rules_refused")
                return
            self._rules_problem = ""
            if self._bundle is None or not _same(fresh, self._bundle):
                self._take_up(fresh)

    def _take_up(self, fresh: Bundle) -> None:
        if self._spool.load(_SINCE_KEY) is None:
            self._spool.save(_SINCE_KEY, self._clock().isoformat().encode())
        self._bundle = fresh
        self._pipeline.use(fresh)
        self._health.set_version("policy", str(fresh.policy_version))
        self._health.set_version("recipients", str(fresh.recipients_version))
        for pack, number in fresh.packs.items():
            self._health.set_version(f"pack {pack}", str(number))
        self._sessions.refresh()
        log.info("service.rules policy=%d recipients=%d", fresh.policy_version, fresh.recipients_version)
        _give_memory_back()

    def _rules_health(self) -> SourceHealth:
        if self._rules_problem:
            reason = _EDITED if self._bundle is not None else _EDITED_AND_NOTHING_LOADED
            return SourceHealth(name="rules", state="failing", reason=reason)
        if self._bundle is None:
            return SourceHealth(name="rules", state="unknown", reason="There are no signed rules yet.")
        if not self._pipeline.observing:
            return SourceHealth(name="rules", state="failing", reason="No signed key to seal evidence to.")
        state = updates.read_state(self._data_dir)
        age = state.age(self._clock())
        if age is not None and age > RULES_OLD_AFTER:
            reason = f"The signed rules in force were last confirmed {age.days} days ago."
            return SourceHealth(name="rules", state="failing", reason=reason)
        return SourceHealth(name="rules", state="working")

    def _is_listed(self, identity: str) -> bool:
        bundle = self._bundle
        return bundle is not None and bool(bundle.rules.classify("app", identity).categories)

    # --- what sources and session parts ask and bring --------------------------------------------------------------

    def _profiles(self) -> Sequence[Profile]:
        if self._config.profiles:
            found = profiles_in(Path(folder) for folder in self._config.profiles)
        else:
            found = find_profiles(local_homes())
        return [profile for profile in found if self._may_watch(profile.person)]

    def _may_watch(self, person: str) -> bool:
        return not self._config.users or person in self._config.users

    def _collect_from(self, person: str) -> datetime | None:
        """From when on this person's use may be collected: enrolment, signed rules and the first notice, all three."""
        shown = self._notices.first_shown(person)
        since = self._spool.load(_SINCE_KEY)
        if shown is None or since is None or not self._pipeline.observing or not self._may_watch(person):
            return None
        since_rules = datetime.fromisoformat(since.decode())
        begins = self._bundle.policy.begins if self._bundle is not None else since_rules
        return max(self._identity.enrolled_at, since_rules, begins, shown)

    def _take_front(self, person: str, front: Front) -> None:
        if front.identity is None or not self._may_watch(person):
            return
        seen = Observation(
            device=self._identity.device,
            kind="app",
            name=front.identity,
            started=front.started,
            seconds=front.seconds,
            person=person,
            source="foreground",
        )
        self._pipeline.accept(Batch(observations=(seen,), bookmark=None))

    def _settings(self, person: str) -> Settings:
        notice = self._notice(person)
        is_new = self._notices.is_new(person, notice.version)
        bundle = self._bundle if self._may_watch(person) else None
        documents = self._documents.to_read(person, bundle) if bundle is not None else ()
        return Settings(notice=notice, observe=self._pipeline.observing, notice_is_new=is_new, documents=documents)

    def _take_reading(self, person: str, message: DocumentShown | Acknowledged) -> None:
        if self._bundle is None or not self._may_watch(person):
            return
        keep = self._documents.acknowledge if isinstance(message, Acknowledged) else self._documents.shown
        keep(person, self._bundle, message.document, message.shown)

    def _notice(self, person: str) -> Notice:
        if self._bundle is None:
            return compose(NoticeFacts(organisation="", groups=()))
        policy = self._bundle.policy
        own = policy.group(policy.group_of(person) or self._identity.group)
        groups = (
            (PrivateTime(group=own.name, kind=own.private_time, working_hours=describe(own.working_hours)),)
            if own is not None
            else ()
        )
        return compose(
            NoticeFacts(
                organisation=policy.organisation,
                groups=groups,
                starts=policy.start,
                closed_days=bool(policy.closed_days),
                contact=_contact(policy.contacts),
                rules_page=f"{self._identity.collector.rstrip('/')}/rules/",
            )
        )

    def _remind(self, person: str, category_name: str, minutes: int) -> None:
        self._sessions.remind(person, category_name, minutes)

    def _answer(self, person: str, what: str) -> bytes:
        if what == "own_totals":
            return msgspec.json.encode(self._pipeline.own_totals(person))
        if what == "documents":
            return msgspec.json.encode(self._documents_of(person))
        if what == "held":
            return msgspec.json.encode(self._held(person))
        return msgspec.json.encode(self._health.report())

    def _documents_of(self, person: str) -> dict[str, object]:
        return self._documents.told(person, self._bundle if self._may_watch(person) else None)

    def _held(self, person: str) -> Held:
        """Tell a person what is held about them: their own, and what is the same for all; nothing of any flag."""
        bundle = self._bundle
        group = (bundle.policy.group_of(person) if bundle is not None else None) or self._identity.group
        return held(
            Person(person, group, self._may_watch(person), self._collect_from(person)),
            self._pipeline.own_totals(person),
            self._documents_of(person),
            bundle,
            self._health.report(),
            collector=self._identity.collector,
            now=self._clock(),
        )

    def _ask_people(self, month: str, accounts: Sequence[str]) -> Mapping[str, UUID]:
        question = encode(PeopleQuestion(MESSAGE_VERSION, month, tuple(accounts)))
        sign = self._identity.signer(self._sender.collector_time)
        return decode(self._questions.post(PEOPLE_PATH, question, sign), PeopleAnswer).ids

    def _ask_grouping(self) -> None:
        """Ask for the key of tags once a start; a collector too old to have one is asked again, and nothing waits."""
        if self._grouping_confirmed or self._stopping.is_set():
            return
        question = encode(GroupingQuestion(MESSAGE_VERSION))
        sign = self._identity.signer(self._sender.collector_time)
        try:
            key = decode(self._questions.post(GROUPING_PATH, question, sign), GroupingAnswer).key
        except (CollectorError, Refused) as fault:
            log.info("service.no_grouping_key kind=%s", type(fault).__name__)
            return
        if key != self._grouping_key:
            self._spool.save(_GROUPING_KEY, key)
            self._grouping_key = key
        self._grouping_confirmed = True

    def _ask_trip(self) -> None:
        """Ask whether a harmless test is wanted, and do it; a collector too old to want any is asked again later."""
        if self._stopping.is_set() or not self._pipeline.observing:
            return
        question = encode(TripQuestion(MESSAGE_VERSION))
        sign = self._identity.signer(self._sender.collector_time)
        try:
            wanted = decode(self._questions.post(TRIP_PATH, question, sign), TripAnswer)
        except (CollectorError, Refused) as fault:
            log.info("service.no_answer_about_tests kind=%s", type(fault).__name__)
            return
        if wanted.trip is not None:
            self._pipeline.test(wanted.trip, wanted.by)


def agent_version() -> str:
    """Return the installed version of Fairwatch."""
    try:
        return version("fairwatch")
    except PackageNotFoundError:
        return "unknown"


def own_command() -> list[str]:
    """Return how this very program is started again: the frozen one by itself, else by its interpreter."""
    return [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "agent"]


def _contact(contacts: Contacts) -> str:
    named = (("the data protection officer", contacts.data_protection_officer),
             ("the safeguarding lead", contacts.safeguarding_lead))  # fmt: skip
    return "; ".join(f"{role}, {text}" for role, text in named if text)


def _same(one: Bundle, other: Bundle) -> bool:
    return (one.recipients_version, one.policy_version, dict(one.packs)) == (
        other.recipients_version,
        other.policy_version,
        dict(other.packs),
    )


def _older(one: Bundle, other: Bundle) -> bool:
    # Only what stands under custodians' versions counts: a pack may be taken off the list.
    return one.recipients_version < other.recipients_version or one.policy_version < other.policy_version


def _give_memory_back() -> None:
    """Hand freed memory back to the system after a load, where the C library can."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
