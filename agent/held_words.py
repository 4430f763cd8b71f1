"""Says what is held about a person, the rules for them and their rights, in the form of a notice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from agent.health import SourceHealth, State
from agent.held import Held, Rules, Sum
from agent.notice import FLAG_WORDS, MONTHS, Notice, Section
from agent.observation import Kind
from protocol.limits import TOTALS_KEPT_DAYS
from rules.policy import Contacts
from rules.responses import day_words
from rules.rights import RIGHTS, WITHHELD, WITHHELD_CLOSING, WITHHELD_OPENING
from rules.services import in_words

TITLE: Final = "What is held about me"
_MINUTE_SECONDS: Final = 60
_MAX_SIGNERS: Final = 5  # custodians are two or three; more would be a line that nobody reads

_SOURCES: Final = {
    "browser_history": "Websites visited, from the histories of browsers",
    "browser_extension": "Websites visited, as browsers tell of them",
    "foreground": "Which app is in front, and for how long",
    "processes": "Listed apps that run",
    "resolved": "Names that any program looks up",
    "rules": "The signed rules",
}
_STATES: Final[dict[State, str]] = {"working": "seen", "unknown": "not seen", "failing": "not working"}
_KINDS: Final[dict[Kind, str]] = {"host": "Websites", "app": "Apps"}

_PRIVATE_WINDOWS: Final = "Private windows of a browser"
_HISTORY_ONLY: Final = "Where a browser’s history alone is read: what was cleared from it at once."


def unseen(rules: Rules | None) -> tuple[str, ...]:
    """What nothing on this device looks at, whatever was counted or flagged."""
    return (
        "Which pages you open, what you search for, type, say or send, and what is on your screen or in your files.",
        _private_windows(rules),
        _HISTORY_ONLY,
        "Anything on your own devices, and anything from before you were first shown the notice here.",
    )


def _private_windows(rules: Rules | None) -> str:
    if rules is not None and rules.looked_up_names:
        return f"{_PRIVATE_WINDOWS} that does not let the program see them, but for names that it looks up."
    if rules is not None and rules.private_windows:
        return f"{_PRIVATE_WINDOWS} that does not let the program see them."
    return f"{_PRIVATE_WINDOWS}."


KEPT: Final = (
    (
        f"Your totals: until {TOTALS_KEPT_DAYS} days after the end of their month, here and at the collector. Never "
        "longer; the organisation may delete them sooner at the collector."
    ),
    (
        "Names of other sites and apps: not kept, only their minutes. While a list is on trial, how often each of its "
        "entries was met on this device is counted, without a person, and sealed once a day."
    ),
    (
        "What was flagged: sealed on this device until the collector has it, and then as long as the "
        "safeguarding lead’s case is. Your organisation’s privacy notice says how long that is."
    ),
    "What you acknowledged, and that you were shown the notice: on this device as long as it is enrolled.",
)

_OVERLAP: Final = "A browser in front counts under apps too, so the two tables overlap."
_ACCOUNT: Final = "Whoever signs in to this account sees the same."


def as_notice(held: Held) -> Notice:
    """Say all of it."""
    return Notice(
        version="",
        title=TITLE,
        introduction=(
            f"For {held.account}, on this device, {day_words(held.today)}. Only this account can ask for it here. "
            f"{_ACCOUNT}"
        ),
        sections=(
            Section(heading="That it runs", lines=_running(held)),
            *_totals(held),
            Section(heading="Sent and waiting", lines=_sent(held)),
            Section(heading="What can’t be seen", lines=unseen(held.rules)),
            *_rules(held.rules),
            *_documents(held),
            *unchanging(),
            Section(heading="Whom to ask", lines=_contacts(held.rules)),
        ),
    )


def unavailable(reason: str) -> Notice:
    """Say that the service can't be asked, and all that is true without it."""
    return Notice(
        version="",
        title=TITLE,
        introduction=f"Your own totals can’t be shown now: {reason}",
        sections=(
            Section(heading="What can’t be seen", lines=unseen(None)),
            *unchanging(),
            Section(heading="Whom to ask", lines=_contacts(None)),
        ),
    )


def unchanging() -> tuple[Section, ...]:
    """What is the same for everybody, whatever was counted or flagged."""
    return (
        Section(heading="Flags", lines=(FLAG_WORDS,)),
        Section(heading="How long", lines=KEPT),
        Section(heading="What may be left out", lines=(WITHHELD_OPENING, *WITHHELD, WITHHELD_CLOSING)),
        Section(heading="Your rights", lines=RIGHTS),
    )


def _running(held: Held) -> tuple[str, ...]:
    if not held.watched:
        first = "Fairwatch runs on this device and does not watch this account."
    elif held.collected_from is None:
        first = "Fairwatch runs on this device. Nothing about you is collected yet."
    elif held.collected_from.date() > held.today:
        first = f"Fairwatch runs on this device. Nothing is collected before {day_words(held.collected_from.date())}."
    else:
        first = f"Fairwatch runs on this device and watches this account since {day_words(held.collected_from.date())}."
    return (first, *(_source(one) for one in held.sources))


def _source(one: SourceHealth) -> str:
    reason = f" {one.reason}" if one.reason else ""
    state = "working" if one.name == "rules" and one.state == "working" else _STATES[one.state]
    return f"{_SOURCES.get(one.name, one.name)}: {state}.{reason}"


def _totals(held: Held) -> tuple[Section, ...]:
    if not held.sums:
        return (Section(heading="Your totals", lines=("Nothing about you is counted on this device.",)),)
    last_month = held.today.replace(day=1) - timedelta(days=1)
    columns = ("Today", MONTHS[held.today.month - 1], MONTHS[last_month.month - 1])
    tables = [
        Section(heading=_KINDS[kind], lines=(), rows=(("", *columns), *_rows(mine)))
        for kind in _KINDS
        if (mine := [one for one in held.sums if one.kind == kind])
    ]
    since = (
        f"Counted on this device only; the oldest day kept is {day_words(held.kept_from)}." if held.kept_from else ""
    )
    other = "“Other” is all that is private, protected, sensitive or on no list. Nothing tells it apart, here too."
    background = "“Background traffic” is updates and the like. It counts as nobody’s use."
    told = (
        since,
        other,
        background if any(one.category == "background" for one in held.sums) else "",
        _OVERLAP if len(tables) > 1 else "",
    )
    tables[-1] = Section(heading=tables[-1].heading, rows=tables[-1].rows, lines=tuple(filter(None, told)))
    return tuple(tables)


def _rows(sums: Iterable[Sum]) -> Iterable[tuple[str, ...]]:
    """A row for each category, in the order in which they come, and below it its sites and apps that have names."""
    categories: dict[str, list[Sum]] = {}
    for one in sums:
        categories.setdefault(one.category, []).append(one)
    for inside in categories.values():
        whole = (sum(one.today for one in inside), sum(one.this_month for one in inside))
        yield (inside[0].category_name, *map(_time, (*whole, sum(one.last_month for one in inside))))
        for one in inside:
            if one.name is not None:
                yield (f"   {_name(one.name)}", *map(_time, (one.today, one.this_month, one.last_month)))


def _name(name: str) -> str:
    """A site or app as people know it: a service by its name, an app of this device without where it is from."""
    said = in_words(name)
    return said if said != name else name.rpartition(":")[2]


def _time(seconds: int) -> str:
    minutes = round(seconds / _MINUTE_SECONDS)
    if seconds == 0:
        return "-"
    if minutes < 1:
        return "under 1 min"
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"


def _sent(held: Held) -> tuple[str, ...]:
    handed_on, waiting = (
        _time(seconds) if seconds else "none" for seconds in (held.handed_on_seconds, held.waiting_seconds)
    )
    lines = (
        f"Handed on for the collector, of the totals above: {handed_on}.",
        f"Counted and not handed on yet, which is done each quarter of an hour: {waiting}.",
        "What is sent of totals is a day, a category and minutes; a site or app only if it is named above.",
    )
    return (
        lines if held.last_contact is None else (*lines, f"The collector last answered on {_when(held.last_contact)}.")
    )


def _when(at: datetime) -> str:
    return f"{day_words(at.date())}, {at:%H:%M}"


def _rules(rules: Rules | None) -> tuple[Section, ...]:
    if rules is None:
        return (Section(heading="Rules for you", lines=("There are none yet, and nothing is collected without.",)),)
    if not rules.group:
        lines: tuple[str, ...] = ("The signed policy names no group of yours: nothing is collected.",)
    else:
        never = f"Never collected: {', '.join(rules.never_collected)}." if rules.never_collected else ""
        lines = (
            f"You are under the rules for {rules.group}.",
            *(f"{one.title}: {', '.join(one.categories)}. {one.explanation}" for one in rules.responses),
            f"Private time: {rules.private_time}.",
            *filter(None, (never,)),
            *(f"Exception: {one}" for one in rules.exceptions),
        )
    return (Section(heading="Rules for you", lines=(*lines, _signed(rules), f"With their changes: {rules.page}")),)


def _signed(rules: Rules) -> str:
    on = f", signed on {day_words(rules.signed_at.date())}" if rules.signed_at is not None else ""
    by = f" by {' and '.join(rules.signed_by[:_MAX_SIGNERS])}" if on and rules.signed_by else ""
    return f"Policy version {rules.policy_version}{on}{by}."


def _documents(held: Held) -> tuple[Section, ...]:
    lines = documents_in_words(held)
    return (Section(heading="Documents", lines=tuple(lines)),) if lines else ()


def documents_in_words(held: Held) -> list[str]:
    """Return what the person acknowledged and has still to read, a line each; nothing where there is neither."""
    lines = []
    for key, words in (("acknowledged", "You acknowledged"), ("waiting", "Waiting to be read")):
        for one in held.documents.get(key, ()):
            day = f" on {str(one['at'])[:10]}" if "at" in one else ""
            lines.append(f"{words}: {one['title']}, version {one['version']}{day}")
    return lines


def _contacts(rules: Rules | None) -> tuple[str, ...]:
    contacts = rules.contacts if rules is not None else Contacts()
    officer = f"the data protection officer: {contacts.data_protection_officer}".removesuffix(": ")
    lead = f"the safeguarding lead: {contacts.safeguarding_lead}".removesuffix(": ")
    return (
        f"About what is held, and to ask for a copy: {officer}.",
        f"If you or somebody else is in danger, or for help: {lead}.",
        "Asking has no disadvantage for you, and you need give no reason.",
    )
