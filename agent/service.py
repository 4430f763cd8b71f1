"""The service: puts the parts of the agent together, keeps their time, and ends them in order.

What every device of ours has is in `core.py`; here are the laptop's sources, its session parts, and what those ask.
Sources run by the file system's events and their own sweeps, the sweep of processes by the core's time.
"""

from __future__ import annotations

import argparse
import logging
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psutil

from agent import config as configuration
from agent import memory, this_system
from agent.bundle import Bundle
from agent.config import DEFAULT_DATA_DIR, Config
from agent.core import Core, agent_version
from agent.documents import Documents
from agent.ending import status_of
from agent.errors import AgentError
from agent.extension.source import Extension, observed
from agent.health import SourceHealth
from agent.held import Held, Person, held
from agent.limits import READING_SECONDS
from agent.lookups import Lookups
from agent.notice import Notice, NoticeFacts, NoticeRecord, PrivateTime, compose
from agent.observation import Batch, Family, Observation
from agent.program import takes_versions
from agent.release.probation import Probation
from agent.session.address import person_of_uid, socket_path
from agent.session.messages import Acknowledged, DocumentShown, Front, HostShown, HostVisited, Settings
from agent.session.server import SessionServer
from agent.signals import wake_on
from agent.sources.attention import Attention
from agent.sources.browser_history import BrowserHistory
from agent.sources.browsers import Profile, find_profiles, local_homes, profiles_in
from agent.sources.processes import SWEEP_SECONDS, Processes
from agent.sources.resolved import SOURCE as RESOLVED
from agent.supervisor import still_turning
from agent.watchdog import BEGIN_ANEW_STATUS, Watchdog, reading
from rules.hours import describe
from rules.policy import Contacts

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `fairwatch-agent run`."""
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_DIR, help="where the agent keeps what it has")


def run(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT; returns 0, or where it can't begin 1 for what passes and 2 for what stays.

    75 where it uses too much, or makes way for a later version, and ends by itself: whoever keeps services has to start
    it again (`Restart=on-failure`).
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    quieten()
    memory.few_arenas()
    with wake_on((signal.SIGTERM, signal.SIGINT)) as ended:
        try:
            service = Service(args.data_dir, configuration.settled(lambda: configuration.read(args.data_dir)))
        except (AgentError, OSError) as fault:
            print(f"fairwatch-agent run: {fault}", file=sys.stderr)  # noqa: T201 - the one line that says what to do
            return status_of(fault)
        service.start()
        try:
            select.select([ended], [], [])
        finally:
            service.stop()
    return BEGIN_ANEW_STATUS if service.begins_anew else 0


def quieten() -> None:
    """Let libraries log what went wrong, and not what they do all the time."""
    for noisy in ("apscheduler", "watchdog", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class Service:
    """Everything that runs on a device, apart from the session parts."""

    def __init__(
        self,
        data_dir: Path,
        config: Config,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        end: Callable[[], None] = lambda: signal.raise_signal(signal.SIGTERM),
    ) -> None:
        """`end()` ends it from within, by the way that anybody ends it.

        Raises AgentError where the device is not enrolled, or its keys, spool or configuration can't be used.
        """
        self._config = config
        self._clock = clock
        self._end = end
        self.begins_anew = False
        self._core = core = Core(
            data_dir,
            config,
            clock,
            pace=lambda: self._watchdog.pace,
            remind=self._remind,
            on_rules=self._follow,
            extension_there=lambda person, browser: self._extension.is_there(person, browser),
            notice_shown=self._is_notice_shown,
        )
        self._identity, self._health = core.identity, core.health
        process = psutil.Process()
        self._watchdog = Watchdog(
            lambda: reading(process, core.moved_bytes()),
            core.health,
            load=core.spool.load,
            save=core.spool.save,
            clock=clock,
            begin_anew=self._begin_anew,
        )
        self._probation = Probation(
            data_dir,
            agent_version(),
            reached=lambda: core.health.last_contact,
            ruled=lambda: core.rules.bundle is not None,
            up_seconds=time.monotonic,
            begin_anew=self._begin_anew,
        )
        self._notices = NoticeRecord(core.spool.load, core.spool.save)
        self._documents = Documents(core.spool, core.identity, core.identity.group, clock)
        self._attention = Attention()
        self._owners: frozenset[str] = frozenset()
        self._history = BrowserHistory(
            core.identity.device,
            self._profiles,
            core.spool.load,
            self._take_visits,
            self._collect_from,
            clock,
            scratch=data_dir / "scratch",
            sweep_seconds=config.sweep_seconds,
            attention=self._attention,
            pace=lambda: self._watchdog.pace,
        )
        self._processes = Processes(
            core.identity.device,
            core.pipeline.accept,
            core.rules.lists,
            self._collect_from,
            clock,
            identities=this_system.identities(),
            person_of_uid=person_of_uid,
        )
        self._lookups = Lookups(
            core.identity.device,
            core.pipeline.accept,
            source=RESOLVED,
            lists=core.rules.lists_host,
            is_background=core.rules.is_background,
            people=this_system.people_here(),
            collect_from=self._collect_from,
            clock=clock,
            rests=lambda: self._watchdog.pace > 1,
            in_order=this_system.lookups_come_in_order(),
        )
        self._resolved = this_system.names_looked_up(self._lookups, self._say_of_resolved)
        self._sessions = SessionServer(
            socket_path(data_dir),
            on_front=self._take_front,
            on_notice=self._take_notice,
            on_reading=self._take_reading,
            on_host=self._take_host,
            answer=self._answer,
            settings=self._settings,
            collect_from=self._collect_from,
            clock=clock,
            version=agent_version(),
        )

        self._extension = Extension(
            self._sessions.browsers, core.pipeline, self._private_windows, core.spool.load, core.spool.save
        )

    @property
    def _bundle(self) -> Bundle | None:
        return self._core.rules.bundle

    # --- beginning and ending --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin: what is in force first, then who watches, then who sends."""
        self._core.rules.load()
        for source in (
            self._history.health, self._processes.health, self._sessions.health, self._extension.health
        ):  # fmt: skip
            self._health.ask(source)
        if takes_versions():
            self._health.ask(self._probation.health)
        self._sessions.start()
        self._history.start()
        self._core.every(SWEEP_SECONDS, self._sweep_processes)
        self._core.every(READING_SECONDS, self._look_after_itself)
        self._core.start()
        log.info("service.started device=%s", self._identity.device)

    def stop(self) -> None:
        """End in the opposite order; what waits stays in the spool."""
        self._core.halt()
        self._resolved.want(False)
        self._history.stop()
        self._sessions.stop()
        self._core.end()
        if not self.begins_anew:
            self._probation.ended()
        log.info("service.stopped")

    def _sweep_processes(self) -> None:
        if self._watchdog.pace > 1:
            self._processes.rest()
        elif self._core.pipeline.observing:
            self._processes.sweep()

    def _look_after_itself(self) -> None:
        still_turning()
        memory.give_back()
        self._watchdog.look()
        self._probation.look()
        self._hear_names(self._bundle)
        self._health.notice("extension_removed", stands=self._extension.is_removed())

    def _begin_anew(self) -> None:
        """End in order, for the system to start it again."""
        self.begins_anew = True
        self._end()

    # --- what sources and session parts ask and bring --------------------------------------------------------------

    def _profiles(self) -> Sequence[Profile]:
        attend = self._attention.on
        homes = local_homes(attend=attend)
        self._owners |= {home.person for home in homes}
        if self._config.profiles:
            found = profiles_in((Path(folder) for folder in self._config.profiles), attend=attend)
        else:
            found = find_profiles(homes, attend=attend, crowded=self._history.note_crowded)
        return [profile for profile in found if self._may_watch(profile.person)]

    def _is_notice_shown(self) -> bool:
        """Whether anybody here had the notice. It looks into no home: one that hangs must not hold up a heartbeat."""
        return any(self._collect_from(person) is not None for person in self._owners)

    def _may_watch(self, person: str) -> bool:
        return not self._config.users or person in self._config.users

    def _collect_from(self, person: str) -> datetime | None:
        """From when on this person's use may be collected: enrolment, signed rules and the first notice, all three."""
        shown, since = self._notices.first_shown(person), self._core.collect_from()
        if shown is None or since is None or not self._may_watch(person):
            return None
        return max(since, self._core.marks.counts_from(f"notice/{person}", shown))

    def _take_notice(self, person: str, version: str, at: datetime) -> None:
        if self._notices.first_shown(person) is None:
            self._core.marks.taken(f"notice/{person}", at)
        self._notices.shown(person, version, at)

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
        self._core.pipeline.accept(Batch(observations=(seen,), bookmark=None))

    def _take_host(self, person: str, browser: Family, message: HostVisited | HostShown) -> None:
        if not self._may_watch(person) or (message.private and not self._private_windows()):
            return
        seen = observed(message, self._identity.device, person, browser)
        if seen is not None:
            self._take_visits(Batch(observations=(seen,), bookmark=None))

    def _take_visits(self, batch: Batch) -> None:
        """Take what a browser's history or extension told, which also says why names were looked up."""
        for visit in batch.observations:
            self._lookups.told(visit)
        self._core.pipeline.accept(batch)

    def _follow(self, bundle: Bundle) -> None:
        """Do by rules that came into force what is not asked of them each time."""
        self._sessions.refresh()
        self._hear_names(bundle)

    def _hear_names(self, bundle: Bundle | None) -> None:
        """Begin or end to hear names that programs look up; what ended by itself begins anew."""
        if bundle is not None:
            self._resolved.want(bundle.policy.programs.looked_up_names == "watched")

    def _say_of_resolved(self, health: SourceHealth | None) -> None:
        if health is None:
            self._health.unpin(RESOLVED)
        else:
            self._health.pin(health)

    def _private_windows(self) -> bool:
        return self._bundle is not None and self._bundle.policy.browsers.private_windows == "watched"

    def _settings(self, person: str) -> Settings:
        notice = self._notice(person)
        is_new = self._notices.is_new(person, notice.version)
        bundle = self._bundle if self._may_watch(person) else None
        documents = self._documents.to_read(person, bundle) if bundle is not None else ()
        return Settings(
            notice=notice,
            observe=self._core.pipeline.observing,
            notice_is_new=is_new,
            documents=documents,
            private_windows=self._private_windows(),
        )

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
                private_windows=policy.browsers.private_windows == "watched",
                looked_up_names=policy.programs.looked_up_names == "watched",
                contact=_contact(policy.contacts),
                rules_page=f"{self._identity.collector.rstrip('/')}/rules/",
            )
        )

    def _remind(self, person: str, category_name: str, minutes: int) -> None:
        self._sessions.remind(person, category_name, minutes)

    def _answer(self, person: str, what: str) -> bytes:
        if what == "own_totals":
            return msgspec.json.encode(self._core.pipeline.own_totals(person))
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
            self._core.pipeline.own_totals(person),
            self._documents_of(person),
            bundle,
            self._health.report(),
            collector=self._identity.collector,
            now=self._clock(),
        )


def _contact(contacts: Contacts) -> str:
    named = (("the data protection officer", contacts.data_protection_officer),
             ("the safeguarding lead", contacts.safeguarding_lead))  # fmt: skip
    return "; ".join(f"{role}, {text}" for role, text in named if text)
