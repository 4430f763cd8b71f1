"""What the organisation decided: which response each category has for each group, when, and until when."""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

import msgspec

from rules.errors import HostRefused, PolicyError, TaxonomyError, nearest_known
from rules.hosts import normalise_host, suffixes
from rules.hours import Period, parse_period
from rules.model import RESPONSES, Category, Response, Taxonomy
from rules.toml_lines import KeyPath, line_of_error, lines_of_keys

PrivateTime = Literal["none", "drop_all", "urgent_only"]
PRIVATE_TIMES: tuple[PrivateTime, ...] = get_args(PrivateTime)
# Why an exception may be made. A closed list, so that none can name a person or a case.
ExceptionReason = Literal["course_content", "job_role", "own_service", "false_alarm", "accepted_risk", "research"]
EXCEPTION_REASONS: tuple[ExceptionReason, ...] = get_args(ExceptionReason)

URGENT_WINDOW_MINUTES = 15  # repeats of one urgent thing within it are one alert
ROUTINE_WINDOW_MINUTES = 60
DAILY_MINUTES = 60  # what "remind" allows a day where the policy says no other number
MAX_WINDOW_MINUTES = 24 * 60

_top_keys = (
    "organisation", "timezone", "start_date", "working_hours", "closed_days", "never_collect", "daily_minutes",
    "urgent_window_minutes", "routine_window_minutes", "categories", "groups", "exceptions",
)  # fmt: skip
_group_keys = ("name", "private_time", "working_hours", "categories")
_rule_keys = ("response", "urgency", "daily_minutes", "window_minutes")
_exception_keys = ("category", "site", "group", "response", "reason", "until")
_weaker = ("ignore", "total", "remind")


class Rule(msgspec.Struct, frozen=True):
    """What one line of the policy says of a category; None where it says nothing."""

    category: str
    line: int | None
    response: Response
    urgent: bool | None = None
    daily_minutes: int | None = None
    window_minutes: int | None = None


class Group(msgspec.Struct, frozen=True):
    """One group of people (staff, learners, partners), its private time and its own rules."""

    id: str
    name: str
    private_time: PrivateTime
    working_hours: tuple[Period, ...]
    rules: tuple[Rule, ...]


class PolicyException(msgspec.Struct, frozen=True):
    """A softer response for a category, for one site of it or all, for one group or all, until the end of a day."""

    category: str
    response: Response
    reason: ExceptionReason
    until: date
    line: int | None
    site: str | None = None
    group: str | None = None


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
    taxonomy: Taxonomy

    @classmethod
    def parse(cls, text: str, file_name: str, taxonomy: Taxonomy | None = None) -> Self:
        """The policy that a TOML text says; raises PolicyError for the first thing that is not understood."""
        reader = _Reader(text, file_name, taxonomy if taxonomy is not None else Taxonomy.shipped())
        return cls(**reader.fields())

    @cached_property
    def group_names(self) -> tuple[str, ...]:
        """The ids of the groups, in the policy's order."""
        return tuple(group.id for group in self.groups)

    def decide(self, category: str, group: str, at: datetime, name: str | None = None) -> Decision:
        """What the policy says of a category for a group at an instant; `name` is the host, for sites' exceptions.

        A group that the policy does not name has the rules of all groups. Raises TaxonomyError for no such category.
        """
        about = self.taxonomy.get(category)
        rule = self._rule(about, group)
        exception = self._exception(category, group, at, name)
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
        local = self._local(at)
        found = next((known for known in self.groups if known.id == group), None)
        if found is None:
            return "drop_all"
        working = local.date() not in self.closed_days and any(period.holds(local) for period in found.working_hours)
        return "none" if working else found.private_time

    def excluded(self, host: str) -> bool:
        """Whether this normalised host is never collected."""
        return any(suffix in self.excluded_hosts for suffix in suffixes(host))

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
        return f'{self.file_name} line {rule.line}: {rule.category} = "{rule.response}" for {whose}'

    def _exception(self, category: str, group: str, at: datetime, name: str | None) -> PolicyException | None:
        for exception in self.exceptions:
            if (
                exception.category == category
                and exception.group in (None, group)
                and (exception.site is None or (name is not None and exception.site in suffixes(name)))
                and self.local_day(at) <= exception.until
            ):
                return exception
        return None


class _Reader:
    """Reads a policy's text strictly; every refusal names the line."""

    def __init__(self, text: str, file_name: str, taxonomy: Taxonomy) -> None:
        self._file_name = file_name
        self._taxonomy = taxonomy
        try:
            self._table: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise PolicyError(file_name, line_of_error(str(error)), f"not TOML: {error}") from None
        self._lines = lines_of_keys(text)

    def fields(self) -> dict[str, Any]:
        """The fields of the Policy."""
        self._only((), self._table, _top_keys)
        hours = self._hours(self._table, ())
        return {
            "file_name": self._file_name,
            "organisation": self._text(self._table, ("organisation",)),
            "timezone": self._timezone(),
            "start": self._date(self._table, ("start_date",)),
            "groups": self._groups(hours),
            "rules": self._rules(self._table, ()),
            "exceptions": self._exceptions(),
            "excluded_hosts": frozenset(self._hosts()),
            "closed_days": frozenset(self._closed_days()),
            "daily_minutes": self._minutes(self._table, ("daily_minutes",), DAILY_MINUTES),
            "urgent_window_minutes": self._minutes(self._table, ("urgent_window_minutes",), URGENT_WINDOW_MINUTES),
            "routine_window_minutes": self._minutes(self._table, ("routine_window_minutes",), ROUTINE_WINDOW_MINUTES),
            "taxonomy": self._taxonomy,
        }

    def _refuse(self, path: KeyPath, problem: str, nearest: str | None = None) -> PolicyError:
        line = next((self._lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self._lines), None)
        return PolicyError(self._file_name, line, problem, nearest)

    def _only(self, path: KeyPath, table: dict[str, Any], known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                where = f" in [{'.'.join(path)}]" if path else ""
                expected = f"unknown key {key!r}{where}; expected one of {', '.join(known)}"
                raise self._refuse((*path, key), expected, nearest_known(key, known))

    def _required(self, table: dict[str, Any], path: KeyPath) -> Any:
        if path[-1] not in table:
            raise self._refuse(path, f"{'.'.join(path)} is missing")
        return table[path[-1]]

    def _text(self, table: dict[str, Any], path: KeyPath) -> str:
        value = self._required(table, path)
        if not isinstance(value, str) or not value.strip():
            raise self._refuse(path, f"{path[-1]}: expected a text")
        return value

    def _date(self, table: dict[str, Any], path: KeyPath) -> date:
        value = self._required(table, path)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self._refuse(path, f"{path[-1]}: expected a date without quotes, as in 2026-01-31")
        return value

    def _choice(self, value: Any, path: KeyPath, allowed: tuple[str, ...]) -> Any:
        if value not in allowed:
            nearest = nearest_known(value, allowed) if isinstance(value, str) else None
            raise self._refuse(path, f"{path[-1]}: expected one of {', '.join(allowed)}; found {value!r}", nearest)
        return value

    def _minutes(self, table: dict[str, Any], path: KeyPath, default: int | None) -> Any:
        value = table.get(path[-1], default)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_WINDOW_MINUTES:
            raise self._refuse(path, f"{path[-1]}: expected a number of minutes from 0 to {MAX_WINDOW_MINUTES}")
        return value

    def _table_at(self, table: dict[str, Any], path: KeyPath) -> dict[str, Any]:
        value = table.get(path[-1], {})
        if not isinstance(value, dict):
            raise self._refuse(path, f"{path[-1]}: expected a table, as in [{'.'.join(path)}]")
        return value

    def _list_at(self, table: dict[str, Any], path: KeyPath, what: str) -> list[Any]:
        value = table.get(path[-1], [])
        if not isinstance(value, list):
            raise self._refuse(path, f"{path[-1]}: expected a list of {what}")
        return value

    def _timezone(self) -> str:
        name = self._text(self._table, ("timezone",))
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise self._refuse(("timezone",), f"no time zone is called {name!r}; as in Europe/London") from None
        return name

    def _hours(self, table: dict[str, Any], path: KeyPath) -> tuple[Period, ...] | None:
        path = (*path, "working_hours")
        if "working_hours" not in table:
            return None
        periods = []
        for text in self._list_at(table, path, "periods"):
            try:
                periods.append(parse_period(text if isinstance(text, str) else ""))
            except ValueError as error:
                raise self._refuse(path, f"working_hours: {error}; found {text!r}") from None
        return tuple(periods)

    def _closed_days(self) -> list[date]:
        days = self._list_at(self._table, ("closed_days",), "dates")
        for day in days:
            if not isinstance(day, date) or isinstance(day, datetime):
                raise self._refuse(("closed_days",), f"closed_days: expected dates, as in 2026-12-25; found {day!r}")
        return days

    def _hosts(self) -> list[str]:
        return [
            self._host(text, ("never_collect",)) for text in self._list_at(self._table, ("never_collect",), "sites")
        ]

    def _host(self, text: Any, path: KeyPath) -> str:
        try:
            host = normalise_host(text if isinstance(text, str) else "")
        except HostRefused as error:
            raise self._refuse(path, f"{path[-1]}: {text!r}: {error}") from None
        if "." not in host:
            raise self._refuse(path, f"{path[-1]}: {text!r}: expected a site, as in example.org")
        return host

    def _groups(self, hours: tuple[Period, ...] | None) -> tuple[Group, ...]:
        tables = self._table_at(self._table, ("groups",))
        if not tables:
            raise self._refuse(("groups",), "no group is described; expected at least one, as in [groups.staff]")
        return tuple(self._group(group_id, self._table_at(tables, ("groups", group_id)), hours) for group_id in tables)

    def _group(self, group_id: str, table: dict[str, Any], hours: tuple[Period, ...] | None) -> Group:
        path = ("groups", group_id)
        self._only(path, table, _group_keys)
        private = self._choice(self._required(table, (*path, "private_time")), (*path, "private_time"), PRIVATE_TIMES)
        own = self._hours(table, path)
        working = own if own is not None else hours
        if working is None and private != "none":
            raise self._refuse(path, "working_hours is missing, for all groups or for this one")
        return Group(
            id=group_id,
            name=self._text(table, (*path, "name")),
            private_time=private,
            working_hours=working or (),
            rules=self._rules(table, path),
        )

    def _rules(self, table: dict[str, Any], path: KeyPath) -> tuple[Rule, ...]:
        path = (*path, "categories")
        rules = self._table_at(table, path)
        return tuple(self._one_rule(category_id, value, (*path, category_id)) for category_id, value in rules.items())

    def _category(self, category_id: Any, path: KeyPath) -> Category:
        try:
            return self._taxonomy.get(category_id if isinstance(category_id, str) else "")
        except TaxonomyError:
            nearest = nearest_known(category_id, self._taxonomy.by_id) if isinstance(category_id, str) else None
            raise self._refuse(path, f"no category is called {category_id!r}", nearest) from None

    def _one_rule(self, category_id: str, value: Any, path: KeyPath) -> Rule:
        category = self._category(category_id, path)
        table = value if isinstance(value, dict) else {"response": value}
        self._only(path, table, _rule_keys)
        response: Response = self._choice(table.get("response", category.response), path, RESPONSES)
        if category.protected and (response in ("flag", "remind")):
            raise self._refuse(path, f"{category_id} is protected: expected total or ignore; found {response!r}")
        if "daily_minutes" in table and response != "remind":
            raise self._refuse(path, f'{category_id}: daily_minutes means something only beside response = "remind"')
        urgency = table.get("urgency")
        if urgency is not None:
            self._choice(urgency, (*path, "urgency"), ("urgent", "routine"))
        return Rule(
            category=category_id,
            line=self._lines.get(path),
            response=response,
            urgent=None if urgency is None else urgency == "urgent",
            daily_minutes=self._minutes(table, (*path, "daily_minutes"), None),
            window_minutes=self._minutes(table, (*path, "window_minutes"), None),
        )

    def _exceptions(self) -> tuple[PolicyException, ...]:
        tables = self._list_at(self._table, ("exceptions",), "tables, as in [[exceptions]]")
        return tuple(self._one_exception(table, ("exceptions", str(n))) for n, table in enumerate(tables))

    def _one_exception(self, table: Any, path: KeyPath) -> PolicyException:
        if not isinstance(table, dict):
            raise self._refuse(path, "expected a table, as in [[exceptions]]")
        self._only(path, table, _exception_keys)
        category = self._category(self._required(table, (*path, "category")), (*path, "category"))
        group = table.get("group")
        if group is not None:
            self._choice(group, (*path, "group"), tuple(self._table["groups"]))
        return PolicyException(
            category=category.id,
            response=self._choice(table.get("response", "ignore"), (*path, "response"), _weaker),
            reason=self._choice(self._required(table, (*path, "reason")), (*path, "reason"), EXCEPTION_REASONS),
            until=self._date(table, (*path, "until")),
            line=self._lines.get(path),
            site=self._host(table["site"], (*path, "site")) if "site" in table else None,
            group=group,
        )
