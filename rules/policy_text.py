"""Reads a policy's text strictly: whatever is not understood is refused with its line and the nearest known word."""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rules.accounts import PATTERNS_MAX, AccountPattern, PatternRefused
from rules.apps import normalise_app
from rules.errors import AppRefused, HostRefused, PolicyError, TaxonomyError, nearest_known
from rules.hosts import normalise_host
from rules.hours import Period, parse_period
from rules.model import RESPONSES, Category, Response, Taxonomy
from rules.policy import (
    DAILY_MINUTES,
    DEFAULT_PRIVATE_TIMES,
    EXCEPTION_REASONS,
    MAX_WINDOW_MINUTES,
    MOST_PRIVATE,
    PRIVATE_TIMES,
    ROUTINE_WINDOW_MINUTES,
    URGENT_WINDOW_MINUTES,
    WATCHINGS,
    Browsers,
    Contacts,
    Document,
    Group,
    PolicyException,
    Programs,
    Promotion,
    Review,
    Rule,
)
from rules.policy_documents import DOCUMENTS_MAX, problem_of
from rules.policy_documents import KEYS as DOCUMENT_KEYS
from rules.toml_lines import KeyPath, line_of_error, lines_of_keys
from rules.versions import FIRST_FORMAT, POLICY_FORMATS, POLICY_KEY

MOST_ENTRIES = 4_294_967_295  # what a pack's header has room for
OWN_PACKS = ("protected", "nameable")  # signed with the policy itself, so that they always act

_top_keys = (
    POLICY_KEY, "organisation", "timezone", "start_date", "working_hours", "closed_days", "never_collect",
    "daily_minutes", "urgent_window_minutes", "routine_window_minutes", "packs", "categories", "groups", "exceptions",
    "review", "documents", "contacts", "browsers", "programs",
)  # fmt: skip
_group_keys = ("name", "private_time", "working_hours", "categories", "accounts", "staff")
_review_keys = ("urgent_minutes", "routine_days")
_browser_keys = ("private_windows",)
_program_keys = ("looked_up_names",)
_contact_keys = ("safeguarding_lead", "data_protection_officer")
_CONTACT_MAX_CHARS = 200  # a line in a window: a name, a mailbox and a number
_rule_keys = ("response", "urgency", "daily_minutes", "window_minutes")
_exception_keys = ("category", "site", "app", "group", "response", "reason", "until")
_REVIEW_MOST = {"urgent_minutes": MAX_WINDOW_MINUTES, "routine_days": 31}  # a day, a month: longer is no review
_STAFF = "staff"  # the group that is staff where a policy does not say which are
_weaker = ("ignore", "total", "remind")
_group_id = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_pack_id = re.compile(r"[a-z][a-z0-9_]{0,63}")


class PolicyText:
    """One policy's text, to be read once."""

    def __init__(self, text: str, file_name: str, taxonomy: Taxonomy) -> None:
        self._file_name = file_name
        self._taxonomy = taxonomy
        try:
            self._table: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise PolicyError(file_name, line_of_error(str(error)), f"not TOML: {error}") from None
        self._lines = lines_of_keys(text)

    def fields(self) -> dict[str, Any]:
        """The fields of the Policy; raises PolicyError."""
        self._format()
        self._only((), self._table, _top_keys)
        hours = self._hours(self._table, ())
        rules = self._rules(self._table, (), {})
        return {
            "file_name": self._file_name,
            "organisation": self._text(self._table, ("organisation",)),
            "timezone": self._timezone(),
            "start": self._date(self._table, ("start_date",)),
            "groups": self._groups(hours, {rule.category: rule for rule in rules}),
            "rules": rules,
            "exceptions": self._exceptions(),
            "excluded_hosts": frozenset(self._hosts()),
            "closed_days": frozenset(self._closed_days()),
            "daily_minutes": self._minutes(self._table, ("daily_minutes",), DAILY_MINUTES),
            "urgent_window_minutes": self._minutes(self._table, ("urgent_window_minutes",), URGENT_WINDOW_MINUTES),
            "routine_window_minutes": self._minutes(self._table, ("routine_window_minutes",), ROUTINE_WINDOW_MINUTES),
            "packs": self._packs(),
            "taxonomy": self._taxonomy,
            "lines": self._lines,
            "review": self._review(),
            "documents": self._documents(),
            "contacts": self._contacts(),
            "browsers": (browsers := self._browsers()),
            "programs": self._programs(browsers),
        }

    def _format(self) -> None:
        # Before anything else: of a newer format every other complaint would mislead.
        said = self._table.get(POLICY_KEY, FIRST_FORMAT)
        if not isinstance(said, int) or isinstance(said, bool) or said not in POLICY_FORMATS:
            readable = " and ".join(str(number) for number in POLICY_FORMATS)
            raise self._refuse(
                (POLICY_KEY,), f"format: this Fairwatch reads policies of format {readable}; found {said!r}"
            )

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

    def _packs(self) -> tuple[Promotion, ...]:
        return tuple(
            self._promotion(pack_id, most, ("packs", pack_id))
            for pack_id, most in self._table_at(self._table, ("packs",)).items()
        )

    def _promotion(self, pack_id: str, most: Any, path: KeyPath) -> Promotion:
        if _pack_id.fullmatch(pack_id) is None:
            meant = pack_id.rpartition("/")[2].removesuffix(".pack")
            expected = "expected a pack's id (small letters, digits and _), as in ut1_gambling"
            raise self._refuse(path, f"packs: {pack_id!r}: {expected}", _like(_pack_id, meant, "_"))
        if pack_id in OWN_PACKS:
            raise self._refuse(path, f"packs: {pack_id} is signed with the policy and always acts; leave it out")
        if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= MOST_ENTRIES:
            expected = "expected the greatest number of entries with which it acts, as in 2000"
            raise self._refuse(path, f"packs: {pack_id}: {expected}; found {most!r}")
        return Promotion(pack=pack_id, most_entries=most, line=self._lines.get(path))

    def _groups(self, hours: tuple[Period, ...] | None, base: dict[str, Rule]) -> tuple[Group, ...]:
        tables = self._table_at(self._table, ("groups",))
        if not tables:
            raise self._refuse(("groups",), "no group is described; expected at least one, as in [groups.staff]")
        groups = tuple(
            self._group(group_id, self._table_at(tables, ("groups", group_id)), hours, base) for group_id in tables
        )
        self._refuse_shared_accounts(groups)
        return groups

    def _group(
        self, group_id: str, table: dict[str, Any], hours: tuple[Period, ...] | None, base: dict[str, Rule]
    ) -> Group:
        path = ("groups", group_id)
        if _group_id.fullmatch(group_id) is None:
            expected = "expected a group's id (small letters, digits, - and _), as in apprentices"
            raise self._refuse(path, f"groups: {group_id!r}: {expected}", _like(_group_id, group_id, "_"))
        self._only(path, table, _group_keys)
        private = DEFAULT_PRIVATE_TIMES.get(group_id, MOST_PRIVATE)
        if "private_time" in table:
            private = self._choice(table["private_time"], (*path, "private_time"), PRIVATE_TIMES)
        own = self._hours(table, path)
        working = own if own is not None else hours
        if working is None and private != "none":
            raise self._refuse(path, "working_hours is missing, for all groups or for this one")
        return Group(
            id=group_id,
            name=self._text(table, (*path, "name")),
            private_time=private,
            working_hours=working or (),
            rules=self._rules(table, path, base),
            accounts=self._accounts(table, (*path, "accounts")),
            staff=self._yes_or_no(table, (*path, "staff"), default=group_id == _STAFF),
        )

    def _accounts(self, table: dict[str, Any], path: KeyPath) -> tuple[AccountPattern, ...]:
        texts = self._list_at(table, path, 'account patterns, as in ["l-*@example.org"]')
        if len(texts) > PATTERNS_MAX:
            raise self._refuse(path, f"accounts: expected at most {PATTERNS_MAX} patterns; found {len(texts)}")
        found = []
        for text in texts:
            try:
                found.append(AccountPattern.parse(text if isinstance(text, str) else ""))
            except PatternRefused as error:
                raise self._refuse(path, f"accounts: {text!r}: {error}") from None
        return tuple(found)

    def _refuse_shared_accounts(self, groups: tuple[Group, ...]) -> None:
        """Refuse patterns of two groups that may mean one account: which rules hold for it would be a guess."""
        for place, later in enumerate(groups):
            for earlier in groups[:place]:
                for one, other in ((one, other) for one in later.accounts for other in earlier.accounts):
                    if one.meets(other):
                        line = self._lines.get(("groups", earlier.id, "accounts"))
                        theirs = f"{other.text!r} of {earlier.id}" + (f" on line {line}" if line is not None else "")
                        raise self._refuse(
                            ("groups", later.id, "accounts"),
                            f"accounts: {one.text!r} may mean the same account as {theirs}; one has only one group",
                        )

    def _yes_or_no(self, table: dict[str, Any], path: KeyPath, *, default: bool) -> bool:
        value = table.get(path[-1], default)
        if not isinstance(value, bool):
            raise self._refuse(path, f"{path[-1]}: expected true or false; found {value!r}")
        return value

    def _review(self) -> Review:
        table = self._table_at(self._table, ("review",))
        self._only(("review",), table, _review_keys)
        for key, value in table.items():
            most = _REVIEW_MOST[key]
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
                raise self._refuse(("review", key), f"{key}: expected a whole number from 1 to {most}; found {value!r}")
        return Review(**table)

    def _contacts(self) -> Contacts:
        table = self._table_at(self._table, ("contacts",))
        self._only(("contacts",), table, _contact_keys)
        for key, value in table.items():
            sound = isinstance(value, str) and value.strip() and value.isprintable()
            if not sound or len(value) > _CONTACT_MAX_CHARS:
                most = f"expected a text of at most {_CONTACT_MAX_CHARS} characters on one line"
                raise self._refuse(("contacts", key), f"{key}: {most}; found {str(value)[:80]!r}")
        return Contacts(**table)

    def _browsers(self) -> Browsers:
        table = self._table_at(self._table, ("browsers",))
        self._only(("browsers",), table, _browser_keys)
        said = table.get("private_windows", Browsers().private_windows)
        return Browsers(self._choice(said, ("browsers", "private_windows"), WATCHINGS))

    def _programs(self, browsers: Browsers) -> Programs:
        path = ("programs", "looked_up_names")
        table = self._table_at(self._table, path[:1])
        self._only(path[:1], table, _program_keys)
        said = self._choice(table.get(path[1], Programs().looked_up_names), path, WATCHINGS)
        if said == "watched" and browsers.private_windows != "watched":
            # Nobody can tell which program looked a name up, so the one would break what the other says.
            raise self._refuse(
                path,
                'looked_up_names: "watched" sees names of private windows as well, so [browsers] needs '
                'private_windows = "watched"',
            )
        return Programs(said)

    def _rules(self, table: dict[str, Any], path: KeyPath, base: dict[str, Rule]) -> tuple[Rule, ...]:
        path = (*path, "categories")
        rules = self._table_at(table, path)
        return tuple(
            self._one_rule(category_id, value, (*path, category_id), base.get(category_id))
            for category_id, value in rules.items()
        )

    def _category(self, category_id: Any, path: KeyPath) -> Category:
        try:
            return self._taxonomy.get(category_id if isinstance(category_id, str) else "")
        except TaxonomyError:
            nearest = nearest_known(category_id, self._taxonomy.by_id) if isinstance(category_id, str) else None
            raise self._refuse(path, f"no category is called {category_id!r}", nearest) from None

    def _one_rule(self, category_id: str, value: Any, path: KeyPath, base: Rule | None) -> Rule:
        category = self._category(category_id, path)
        table = value if isinstance(value, dict) else {"response": value}
        self._only(path, table, _rule_keys)
        inherited = category.response if base is None else base.response
        response: Response = self._choice(table.get("response", inherited), path, RESPONSES)
        if category.protected and response in ("flag", "remind"):
            raise self._refuse(path, f"{category_id} is protected: expected total or ignore; found {response!r}")
        if "daily_minutes" in table and response != "remind":
            raise self._refuse(path, f'{category_id}: daily_minutes means something only beside response = "remind"')
        urgency = table.get("urgency")
        if urgency is not None:
            self._choice(urgency, (*path, "urgency"), ("urgent", "routine"))
        urgent = None if urgency is None else urgency == "urgent"
        if urgent is None and base is not None:
            urgent = base.urgent
        return Rule(
            category=category_id,
            line=self._lines.get(path),
            response=response,
            base_line=base.line if base is not None and "response" not in table else None,
            urgent=urgent,
            daily_minutes=self._minutes(table, (*path, "daily_minutes"), base.daily_minutes if base else None),
            window_minutes=self._minutes(table, (*path, "window_minutes"), base.window_minutes if base else None),
        )

    def _exceptions(self) -> tuple[PolicyException, ...]:
        tables = self._list_at(self._table, ("exceptions",), "tables, as in [[exceptions]]")
        found: list[PolicyException] = []
        for number, table in enumerate(tables):
            path = ("exceptions", str(number))
            new = self._one_exception(table, path)
            for old in found:
                if (old.category, old.site, old.app, old.group) == (new.category, new.site, new.app, new.group):
                    raise self._refuse(path, f"this exception is about the same as the one on line {old.line}")
            found.append(new)
        return tuple(found)

    def _one_exception(self, table: Any, path: KeyPath) -> PolicyException:
        if not isinstance(table, dict):
            raise self._refuse(path, "expected a table, as in [[exceptions]]")
        self._only(path, table, _exception_keys)
        category = self._category(self._required(table, (*path, "category")), (*path, "category"))
        if category.protected:
            raise self._refuse(path, f"{category.id} is protected and never flagged: it needs no exception")
        if "site" in table and "app" in table:
            raise self._refuse(path, "expected a site or an app, not both")
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
            app=self._app(table["app"], (*path, "app")) if "app" in table else None,
            group=group,
        )

    def _documents(self) -> tuple[Document, ...]:
        tables = self._list_at(self._table, ("documents",), "tables, as in [[documents]]")
        if len(tables) > DOCUMENTS_MAX:
            raise self._refuse(("documents",), f"documents: expected at most {DOCUMENTS_MAX}; found {len(tables)}")
        found: dict[str, Document] = {}
        for number, table in enumerate(tables):
            path = ("documents", str(number))
            one = self._one_document(table, path)
            if one.id in found:
                raise self._refuse((*path, "id"), f"two documents have the id {one.id!r}; keep the newest version")
            found[one.id] = one
        return tuple(found.values())

    def _one_document(self, table: Any, path: KeyPath) -> Document:
        if not isinstance(table, dict):
            raise self._refuse(path, "expected a table, as in [[documents]]")
        self._only(path, table, DOCUMENT_KEYS)
        for key in ("id", "title", "version", *(key for key in ("where", "text") if key in table)):
            problem = problem_of(key, self._required(table, (*path, key)))
            if problem is not None:
                raise self._refuse((*path, key), f"{key}: {problem}; found {str(table[key])[:80]!r}")
        if "where" not in table and "text" not in table:
            raise self._refuse(path, "a document needs where (its address) or text, or nobody could read it")
        groups = self._list_at(table, (*path, "groups"), "groups")
        for group in groups:
            self._choice(group, (*path, "groups"), tuple(self._table["groups"]))
        texts = {key: table[key] for key in ("id", "title", "version", "where", "text") if key in table}
        return Document(**texts, date=self._date(table, (*path, "date")), groups=tuple(groups))

    def _app(self, text: Any, path: KeyPath) -> str:
        try:
            return normalise_app(text if isinstance(text, str) else "")
        except AppRefused as error:
            raise self._refuse(path, f"app: {text!r}: {error}") from None


def _like(form: re.Pattern[str], text: str, filler: str) -> str | None:
    """The text made to fit a form, as the nearest thing that would be taken."""
    made = re.sub(r"[^a-z0-9]+", filler, text.strip().lower()).strip(filler)
    return made if form.fullmatch(made) is not None else None
