"""What the organisation decided: which response each category has for each group, when, and until when."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Literal, Self, get_args
from zoneinfo import ZoneInfo

import msgspec

from rules.accounts import AccountPattern
from rules.apps import entries_for
from rules.hosts import suffixes
from rules.hours import Period
from rules.model import Category, Response, Taxonomy
from rules.toml_lines import KeyPath

PrivateTime = Literal["none", "drop_all", "urgent_only"]
PRIVATE_TIMES: tuple[PrivateTime, ...] = get_args(PrivateTime)
Watching = Literal["left_out", "watched"]
WATCHINGS: tuple[Watching, ...] = get_args(Watching)
MOST_PRIVATE: PrivateTime = "drop_all"
DEFAULT_PRIVATE_TIMES: dict[str, PrivateTime] = {"staff": "drop_all", "learners": "urgent_only"}
"""Where a policy does not say a group's private time; any other group's is the most private."""
# Why an exception may be made. A closed list, so that none can name a person or a case.
ExceptionReason = Literal["course_content", "job_role", "own_service", "false_alarm", "accepted_risk", "research"]
EXCEPTION_REASONS: tuple[ExceptionReason, ...] = get_args(ExceptionReason)

URGENT_WINDOW_MINUTES = 15  # repeats of one urgent thing within it are one alert
ROUTINE_WINDOW_MINUTES = 60
DAILY_MINUTES = 60  # what "remind" allows a day where the policy says no other number
MAX_WINDOW_MINUTES = 24 * 60

HARSHNESS: dict[Response, int] = {"ignore": 0, "total": 1, "remind": 2, "flag": 3}
"""How much a response does to a person: an exception may only make it less."""


class Rule(msgspec.Struct, frozen=True):
    """What holds for a category, and on which line it stands; None where nothing is said.

    What a group's line leaves out is taken from the line for all groups: `base_line`, where the response is.
    """

    category: str
    line: int | None
    response: Response
    base_line: int | None = None
    urgent: bool | None = None
    daily_minutes: int | None = None
    window_minutes: int | None = None


class Group(msgspec.Struct, frozen=True):
    """One group of people (staff, learners, partners), its private time and its own rules.

    `accounts` are the patterns of its people's accounts; `staff` says that they work here, so that the data protection
    officer is told when a case in it is opened.
    """

    id: str
    name: str
    private_time: PrivateTime
    working_hours: tuple[Period, ...]
    rules: tuple[Rule, ...]
    accounts: tuple[AccountPattern, ...] = ()
    staff: bool = False


class Review(msgspec.Struct, frozen=True):
    """How long an incident may wait for a lead before it is overdue."""

    urgent_minutes: int = 60
    """Within a lesson or a meeting; no duty names a number, so a policy may."""

    routine_days: int = 3
    """Over a weekend and the Monday; likewise."""


class Browsers(msgspec.Struct, frozen=True):
    """What of browsers is watched beside their ordinary windows: private windows, where the browser can be asked."""

    private_windows: Watching = "left_out"


class Programs(msgspec.Struct, frozen=True):
    """What of other programs on laptops is watched: the names that they look up, private windows' names among them."""

    looked_up_names: Watching = "left_out"


class Contacts(msgspec.Struct, frozen=True):
    """Whom people can ask, as devices tell them: a name, a mailbox, a number; empty where the policy names none."""

    safeguarding_lead: str = ""
    data_protection_officer: str = ""


class PolicyException(msgspec.Struct, frozen=True):
    """A softer response for a category, for one site or app of it or all, for one group or all, until a day's end."""

    category: str
    response: Response
    reason: ExceptionReason
    until: date
    line: int | None
    site: str | None = None
    app: str | None = None
    group: str | None = None

    def covers(self, category: str, group: str, day: date, name: str | None) -> bool:
        """Whether it speaks of this category, group, day and host or app identity."""
        if self.category != category or self.group not in (None, group) or day > self.until:
            return False
        if self.app is not None:
            return name is not None and self.app in entries_for(name)
        return self.site is None or (name is not None and ":" not in name and self.site in suffixes(name))

    @property
    def narrowness(self) -> tuple[int, bool]:
        """How narrow it is: a longer name, then one group, goes before what is wider."""
        return len(self.app or self.site or ""), self.group is not None


class Document(msgspec.Struct, frozen=True):
    """A version of something that people are asked to read and acknowledge: the policy, a code of conduct, a handbook.

    `where` is its address, `text` a short text of its own; one of them is there. No `groups` are all.
    """

    id: str
    title: str
    version: str
    date: date
    where: str = ""
    text: str = ""
    groups: tuple[str, ...] = ()

    def is_for(self, group: str | None) -> bool:
        """Whether the people of a group are asked; of a person in no group only where everybody is."""
        return not self.groups or group in self.groups

    @property
    def fingerprint(self) -> str:
        """The SHA-256 (hex) of all that a person is shown of it, so that an acknowledgement says of which words."""
        shown = (self.id, self.title, self.version, self.date, self.where, self.text)
        return hashlib.sha256(msgspec.json.encode(shown)).hexdigest()


class Promotion(msgspec.Struct, frozen=True):
    """A pack that acts, as long as it holds at most so many entries."""

    pack: str
    most_entries: int
    line: int | None


class Decision(msgspec.Struct, frozen=True):
    """What happens: the response, how urgent, how long repeats are one alert, and which line of the policy says so."""

    response: Response
    urgent: bool
    window_seconds: int
    daily_minutes: int | None
    line: str


class Policy(msgspec.Struct, frozen=True, dict=True):
    """A policy in force. All its questions are pure: the same question has the same answer."""

    file_name: str
    organisation: str
    timezone: str
    start: date
    groups: tuple[Group, ...]
    rules: tuple[Rule, ...]
    exceptions: tuple[PolicyException, ...]
    excluded_hosts: frozenset[str]
    closed_days: frozenset[date]
    daily_minutes: int
    urgent_window_minutes: int
    routine_window_minutes: int
    packs: tuple[Promotion, ...]
    taxonomy: Taxonomy
    lines: Mapping[KeyPath, int]
    review: Review = Review()
    documents: tuple[Document, ...] = ()
    contacts: Contacts = Contacts()
    browsers: Browsers = Browsers()
    programs: Programs = Programs()

    @classmethod
    def parse(cls, text: str, file_name: str, taxonomy: Taxonomy | None = None) -> Self:
        """The policy that a TOML text says; raises PolicyError for the first thing that is not understood."""
        from rules.policy_text import PolicyText  # late: it makes what this file describes

        return cls(**PolicyText(text, file_name, taxonomy if taxonomy is not None else Taxonomy.shipped()).fields())

    @cached_property
    def group_names(self) -> tuple[str, ...]:
        """The ids of the groups, in the policy's order."""
        return tuple(group.id for group in self.groups)

    def decide(self, category: str, group: str, at: datetime, name: str | None = None) -> Decision:
        """What the policy says of a category for a group at an instant; `name` is the host or app, for exceptions.

        A group that the policy does not name has the rules of all groups, and the exceptions for all. Of several
        exceptions the narrowest counts, then the first. Raises TaxonomyError for no such category.
        """
        about = self.taxonomy.get(category)
        rule = self._rule(about, group)
        exception = self._exception(rule, group, at, name)
        response, line = rule.response, self._line(rule, group)
        if exception is not None:
            response = exception.response
            line = f"{self.file_name} line {exception.line}: an exception ({exception.reason}) until {exception.until}"
        urgent = about.urgent if rule.urgent is None else rule.urgent
        window = rule.window_minutes
        if window is None:
            window = self.urgent_window_minutes if urgent else self.routine_window_minutes
        minutes = rule.daily_minutes if rule.daily_minutes is not None else self.daily_minutes
        return Decision(
            response=response,
            urgent=urgent,
            window_seconds=window * 60,
            daily_minutes=minutes if response == "remind" else None,
            line=line,
        )

    def private_time(self, group: str, at: datetime) -> PrivateTime:
        """What holds at this instant: "none" in working hours, else the group's rule; an unknown group's is dropped."""
        found = self.group(group)
        if found is None:
            return MOST_PRIVATE
        local = self._local(at)
        if local.date() in self.closed_days:
            return found.private_time
        began = (period.began(local) for period in found.working_hours)
        # A night's work that would have begun on a closed day does not take place.
        working = any(day is not None and day not in self.closed_days for day in began)
        return "none" if working else found.private_time

    def group(self, group: str) -> Group | None:
        """The group of that id, or None where the policy does not name it."""
        return next((known for known in self.groups if known.id == group), None)

    def group_of(self, account: str) -> str | None:
        """The id of the group whose patterns mean this account, or None: then the device's group counts.

        At most one group can: a policy whose groups' patterns may mean the same account is refused at reading.
        """
        return next((one.id for one in self.groups if any(pattern.covers(account) for pattern in one.accounts)), None)

    def acts(self, pack_id: str, entries: int) -> bool:
        """Whether a pack with so many entries may flag, remind or name; else it is on trial.

        It must be named, and must not have grown past what was signed: a list that doubles overnight is a mistake,
        or somebody else's doing, and waits for a person.
        """
        promotion = self.promotion(pack_id)
        return promotion is not None and entries <= promotion.most_entries

    def promotion(self, pack_id: str) -> Promotion | None:
        """The line that promotes a pack, or None."""
        return next((one for one in self.packs if one.pack == pack_id), None)

    def where(self, *path: str) -> str:
        """The file and line of a key, or of the table that it is in: "policy.toml line 14"."""
        line = next((self.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.lines), None)
        return self.file_name if line is None else f"{self.file_name} line {line}"

    def excluded(self, host: str) -> bool:
        """Whether this normalised host is never collected."""
        return any(suffix in self.excluded_hosts for suffix in suffixes(host))

    @cached_property
    def begins(self) -> datetime:
        """The instant from which collecting may begin (aware UTC)."""
        return datetime.combine(self.start, time(), tzinfo=self._zone).astimezone(UTC)

    def started(self, at: datetime) -> bool:
        """Whether collecting may have begun: from the start date's midnight in the organisation's time zone."""
        return self.local_day(at) >= self.start

    def local_day(self, at: datetime) -> date:
        """The day of this instant in the organisation's time zone."""
        return self._local(at).date()

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def _local(self, at: datetime) -> datetime:
        if at.tzinfo is None:
            raise ValueError("the instant must be aware of its time zone")
        return at.astimezone(self._zone)

    def _rule(self, category: Category, group: str) -> Rule:
        own = next((known.rules for known in self.groups if known.id == group), ())
        for rule in (*own, *self.rules):
            if rule.category == category.id:
                return rule
        return Rule(category.id, None, category.response)

    def _line(self, rule: Rule, group: str) -> str:
        if rule.line is None:
            return f"categories.toml: {rule.category} is {rule.response!r} where the policy says nothing"
        whose = "all groups" if rule in self.rules else group
        place = f"line {rule.line}" if rule.base_line is None else f"lines {rule.base_line} and {rule.line}"
        return f'{self.file_name} {place}: {rule.category} = "{rule.response}" for {whose}'

    def _exception(self, rule: Rule, group: str, at: datetime, name: str | None) -> PolicyException | None:
        day = self.local_day(at)
        fitting = [
            one
            for one in self.exceptions
            if one.covers(rule.category, group, day, name) and HARSHNESS[one.response] < HARSHNESS[rule.response]
        ]
        return max(fitting, key=lambda one: one.narrowness, default=None)
