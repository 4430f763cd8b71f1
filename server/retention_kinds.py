"""How long each kind of record is kept, from when, and why: one table, and what collector.toml may change in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from protocol.limits import TOTALS_KEPT_DAYS


def _(text: str) -> str:
    """Mark a sentence for translators. Django's own mark needs the settings, and those need this table."""
    return text


@dataclass(frozen=True)
class Kind:
    """One kind of record: deleted `days` after what `since` says; collector.toml may say `least` to `most` days.

    `thorough` where what is deleted may say something of a person: PostgreSQL then writes the table anew.
    """

    id: str
    name: str
    days: int
    least: int
    most: int
    since: str
    reason: str
    source: str
    thorough: bool = False

    @property
    def settable(self) -> bool:
        """Whether the organisation may choose the period."""
        return self.least < self.most


@dataclass(frozen=True)
class Kept:
    """What is not deleted by age, and why."""

    name: str
    reason: str


_MINIMISE = _("UK GDPR, Article 5(1)(c) and (e): no more and no longer than is needed")
_ACCOUNTABLE = _("UK GDPR, Article 5(2): being able to show what was done")
_SECURE = _("UK GDPR, Article 32: keeping the system secure")

KINDS: tuple[Kind, ...] = (
    Kind(
        "usage",
        _("Each person’s totals of use"),
        TOTALS_KEPT_DAYS,
        10,
        TOTALS_KEPT_DAYS,
        _("the end of their month"),
        _("The monthly summary is made by then. The period can be shortened and not lengthened."),
        _MINIMISE,
        thorough=True,
    ),
    Kind(
        "cases",
        _("Closed cases with their evidence, notes and timeline"),
        730,
        90,
        9131,
        _("the case was closed, with nothing new since"),
        _(
            "Later concerns about the same person are read beside earlier ones. What was referred belongs in your own "
            "safeguarding file, which has its own, longer period."
        ),
        _("KCSIE, part one: concerns, decisions and reasons are recorded; Article 5(1)(e) bounds for how long"),
        thorough=True,
    ),
    Kind(
        "trials",
        _("Sealed counts of lists on trial"),
        60,
        30,
        400,
        _("they came in"),
        _("Shown for 30 days; twice that, so that a decision can still be looked into."),
        _MINIMISE,
    ),
    Kind(
        "tests",
        _("Harmless tests of the whole way"),
        400,
        62,
        800,
        _("they were asked for"),
        _("The yearly review, and an inspection, ask for a year’s tests."),
        _ACCOUNTABLE,
    ),
    Kind(
        "lead_documents",
        _("Mutes and proposed exceptions"),
        400,
        30,
        800,
        _("they no longer hold"),
        _("The yearly review asks what was kept out of sight."),
        _ACCOUNTABLE,
        thorough=True,
    ),
    Kind(
        "people",
        _("People who are no longer on the imported list, their training and what they acknowledged"),
        400,
        30,
        800,
        _("an import no longer had them"),
        _("A year’s cases, and the yearly review, still say a name."),
        _MINIMISE,
        thorough=True,
    ),
    Kind(
        "training",
        _("Training of accounts that are on no list of people"),
        400,
        30,
        800,
        _("it was due again, or was done where it never is"),
        _("The yearly review asks who was trained. Training of people who are listed stays as long as they do."),
        _ACCOUNTABLE,
        thorough=True,
    ),
    Kind(
        "acknowledgements",
        _("Acknowledgements of documents by accounts that are on no list of people"),
        400,
        30,
        800,
        _("it was given"),
        _("The yearly review asks who acknowledged what. Those of people who are listed stay as long as they do."),
        _ACCOUNTABLE,
        thorough=True,
    ),
    Kind(
        "partners",
        _("Partner organisations that ended"),
        400,
        30,
        2557,
        _("the partnership ended"),
        _("The yearly review asks who the partners were."),
        _ACCOUNTABLE,
        thorough=True,
    ),
    Kind(
        "coverage",
        _("On which days a device reported, when its sources could not see, and what was noticed of it"),
        400,
        62,
        800,
        _("the day, or the end of the gap"),
        _("The monthly summary stands beside that of the same month last year."),
        _MINIMISE,
    ),
    Kind(
        "devices",
        _("Devices that IT withdrew, and that no case names"),
        400,
        30,
        800,
        _("they were last heard of"),
        _("A device that was lost or sold may turn up again."),
        _MINIMISE,
        thorough=True,
    ),
    Kind(
        "seen",
        _("Which records of a device came in: numbers only"),
        400,
        400,
        800,
        _("they came in"),
        _("A device may send a record again after a year in a drawer; until then a repeat must be known as one."),
        _("Nothing is lost and nothing counted twice"),
    ),
    Kind(
        "quarantined",
        _("Records put aside because two devices used one identity"),
        400,
        30,
        800,
        _("they came in"),
        _("They are what shows that an identity was copied."),
        _SECURE,
        thorough=True,
    ),
    Kind(
        "losses",
        _("Reports of devices that had to drop records"),
        400,
        62,
        800,
        _("they came in"),
        _("The yearly review says what was not seen."),
        _ACCOUNTABLE,
    ),
    Kind(
        "accounts",
        _("Address, ways to be told, and second factors of closed accounts"),
        400,
        30,
        800,
        _("the account was closed"),
        _("Somebody may come back within a year. A name stays while a case, a key or a decision is theirs."),
        _MINIMISE,
        thorough=True,
    ),
    Kind(
        "sign_ins",
        _("From which address and browser somebody was signed in"),
        90,
        30,
        400,
        _("the session was last used"),
        _("Failed sign-ins from elsewhere don’t lock out whoever signed in from there before."),
        _SECURE,
        thorough=True,
    ),
    Kind(
        "sessions",
        _("Sessions, counters of rate limits, and who has which page open"),
        0,
        0,
        0,
        _("they ended"),
        _("Of no use afterwards."),
        _SECURE,
        thorough=True,
    ),
    Kind(
        "invitations",
        _("Invitations to sign in"),
        30,
        7,
        400,
        _("they ran out"),
        _("A month answers “why does it not work?”."),
        _SECURE,
    ),
    Kind(
        "absences",
        _("When somebody was away"),
        90,
        7,
        400,
        _("their last day away"),
        _("Who was told of an urgent case, and why not another, is asked within weeks."),
        _ACCOUNTABLE,
        thorough=True,
    ),
    Kind(
        "messages",
        _("Messages that were sent or given up"),
        30,
        7,
        400,
        _("they were written"),
        _("Whether somebody was told, and when, is asked within weeks; who took a case is in the audit log."),
        _ACCOUNTABLE,
        thorough=True,
    ),
    Kind(
        "tokens",
        _("Enrolment tokens"),
        30,
        7,
        400,
        _("they ran out"),
        _("A month answers “why does it not work?”."),
        _SECURE,
    ),
    Kind(
        "jobs",
        _("Which timed work was done"),
        90,
        30,
        400,
        _("it was begun"),
        _("A quarter is enough to look into what did not run."),
        _ACCOUNTABLE,
    ),
    Kind(
        "details",
        _("Words behind lines of the audit log, such as a changed name"),
        1095,
        365,
        2557,
        _("the line was written"),
        _("Complaints and reviews come within three years. The line itself stays, with a hash that then says nothing."),
        _ACCOUNTABLE,
        thorough=True,
    ),
    Kind(
        "requests",
        _("People’s requests for their data, and what leads decided about them"),
        1095,
        365,
        2557,
        _("the request was closed"),
        _("Complaints come within three years. What was exported is not kept here."),
        _ACCOUNTABLE,
        thorough=True,
    ),
    Kind(
        "summaries",
        _("Monthly summaries: figures of at least five people"),
        1826,
        400,
        3653,
        _("they were made"),
        _("The advisory board compares years; they show no person."),
        _ACCOUNTABLE,
    ),
    Kind(
        "board",
        _("What was recorded for the yearly review: names, dates, points and decisions"),
        1826,
        400,
        3653,
        _("something newer took its place, a point was decided, or the board’s decision was recorded"),
        _("The board compares years, and an inspection asks who was responsible when. What still holds stays."),
        _ACCOUNTABLE,
        thorough=True,
    ),
    Kind(
        "deletions",
        _("Lines of the log of deletions"),
        1826,
        400,
        3653,
        _("the deletion"),
        _("As long as somebody may put an old backup back: its deletions are then done again."),
        _ACCOUNTABLE,
    ),
    Kind(
        "mails",
        _("Mails that were written to files for want of a mail server"),
        30,
        1,
        400,
        _("they were written"),
        _("They hold links and names, and nobody reads them there."),
        _MINIMISE,
    ),
    Kind(
        "backups",
        _("Backups in the collector’s own folder"),
        30,
        1,
        90,
        _("they were made"),
        _("What is deleted lives on in a backup until that is gone: never longer than three months."),
        _MINIMISE,
    ),
)

KEPT: tuple[Kept, ...] = (
    Kept(
        _("Open cases"),
        _("A case that nobody has decided is never deleted by age. Those open for more than a year are told here."),
    ),
    Kept(
        _("Cases on hold"),
        _("Kept until a lead or the data protection officer lifts the hold, however old they are."),
    ),
    Kept(
        _("Lines of the audit log"),
        _("They hold ids and fixed words; a line taken out would break the chain that proves the others."),
    ),
    Kept(
        _("Signed rules, accounts and devices in use, and settings"),
        _("They are replaced, closed or withdrawn by people, and then fall under a kind above."),
    ),
    Kept(
        _("The collector’s own log file"),
        _("It holds names of events and ids, and is overwritten at 30 MB."),
    ),
)


def by_id(kind_id: str) -> Kind:
    """Return the kind of that id."""
    return next(one for one in KINDS if one.id == kind_id)


def period(kind: Kind, chosen: Mapping[str, int]) -> timedelta:
    """Return how long a kind is kept, as collector.toml says, or by default."""
    return timedelta(days=chosen.get(kind.id, kind.days))


def _is_days(kind: Kind) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and kind.least <= value <= kind.most


KEYS: dict[str, tuple[Callable[[object], bool], str]] = {
    kind.id: (_is_days(kind), f"a whole number of days from {kind.least} to {kind.most}")
    for kind in KINDS
    if kind.settable
}
"""What `[retention]` in collector.toml may say."""
