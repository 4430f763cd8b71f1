"""One month's summary as a frozen document: made once, kept, and shown the same as page, PDF, CSV and JSON.

Whatever is shown anywhere is taken from such documents, so that no two formats, and no two moments of looking, differ.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

FORMAT = 1

Withheld = Literal["fewer_than_five"]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every part of a document is: frozen, and refusing fields it does not know."""


class Figure(Part, frozen=True):
    """Hours of one kind, category and, where it stands apart, nameable site or app (else an empty name).

    `before` and `year_before` are the same figure in last month's and last year's document; None where it had none.
    """

    kind: Literal["host", "app"]
    category: str
    name: str
    hours: float
    before: float | None = None
    year_before: float | None = None


class Group(Part, frozen=True):
    """One group and every figure that may be shown of it; `suppressed` where there is none.

    `categories` are sums of its figures by kind and category, which is what a reader looks at first.
    """

    group: str
    name: str
    suppressed: bool
    figures: tuple[Figure, ...]
    categories: tuple[Figure, ...] = ()


class Top(Part, frozen=True):
    """A nameable site or app: hours over the groups in which it may be shown, and which those are."""

    kind: Literal["host", "app"]
    name: str
    category: str
    hours: float
    groups: tuple[str, ...]


class Gap(Part, frozen=True):
    """What some devices of a group could not see, why, since when, and whether it lasted beyond the month's end."""

    group: str
    source: str
    reason: str
    devices: int
    since: datetime
    lasting: bool


class Coverage(Part, frozen=True):
    """Devices by group: enrolled, and of which something was heard; and what could not be seen.

    `unlisted` says that use of accounts that are not on the list of people was left out, `impossible` that days were
    on which a device told of more use than a day has hours.
    """

    enrolled: dict[str, int]
    reported: dict[str, int]
    gaps: tuple[Gap, ...]
    unlisted: bool
    impossible: bool = False


class Counted(Part, frozen=True):
    """A count cut into parts; None for what is withheld."""

    total: int | None
    parts: dict[str, int | None]


class Response(Part, frozen=True):
    """Minutes from receipt to the first opening: median and 95th percentile, over at least five cases, else None."""

    median_minutes: float | None
    p95_minutes: float | None


class Incidents(Part, frozen=True):
    """What the collector knows of the month's cases without opening any.

    `nearly_all_late` says that all but fewer than five were opened late: `opened_late` is withheld then, too.
    """

    urgency: Counted
    response: Response
    urgent_response: Response
    opened_late: int | None
    nearly_all_late: bool = False


class Named(Part, frozen=True):
    """A count cut into parts of at least five each, and `rest` in which all others stand together: none, or five.

    Of a total under five nothing is told: `total` is None.
    """

    total: int | None
    parts: dict[str, int]
    rest: int


class Sealed(Part, frozen=True):
    """What only a lead's browser can count, handed in for the whole organisation.

    Categories stand apart for `urgent` and `routine` cases where these two are told, else together (`all`). Findings
    and outcomes are one table: two, of the same cases, could be subtracted from each other.
    """

    categories: dict[str, Named]
    outcomes: Named
    handed_in_at: datetime


class RuleChange(Part, frozen=True):
    """That a new version of the signed rules came into force."""

    at: datetime
    what: str
    version: int


class EndToEnd(Part, frozen=True):
    """The last harmless test of the whole way in a group: when, whether it arrived, and in how many seconds."""

    group: str
    at: datetime
    arrived: bool
    seconds: float | None


class Visits(Part, frozen=True):
    """Likely visits by phone of one kind, category and, where it stands apart, nameable site or app: as `Figure`."""

    kind: Literal["host", "app"]
    category: str
    name: str
    visits: int
    before: int | None = None
    year_before: int | None = None


class PhoneGroup(Part, frozen=True):
    """One group and every figure of its phones that may be shown; `suppressed` where there is none."""

    group: str
    name: str
    suppressed: bool
    figures: tuple[Visits, ...]


class Phones(Part, frozen=True):
    """What phones behind the gateway looked up, apart from laptops' hours: nobody can count minutes on them.

    `enrolled` are phones by group, which are among the devices of `Coverage` as well.
    """

    enrolled: dict[str, int]
    groups: tuple[PhoneGroup, ...]
    together: tuple[Visits, ...] = ()
    totals: tuple[Visits, ...] = ()


class Summary(Part, frozen=True):
    """A month's summary. `sealed` is None while it awaits the lead, `phones` where there are none.

    Hours are rounded to tenths.

    `background` are hours of updates, telemetry and content delivery, in no other figure: they are nobody's use.

    `incidents` is None only in what a partner is shown: the organisation's cases are not theirs.
    """

    format: int
    organisation: str
    zone: str
    pilot: bool
    sample: bool
    month: str
    revision: int
    made_at: datetime
    coverage: Coverage
    groups: tuple[Group, ...]
    together: tuple[Figure, ...]
    totals: tuple[Figure, ...]
    top: tuple[Top, ...]
    incidents: Incidents | None
    sealed: Sealed | None
    rule_changes: tuple[RuleChange, ...]
    tests: tuple[EndToEnd, ...]
    words: str
    background: tuple[Figure, ...] = ()
    phones: Phones | None = None

    @property
    def first(self) -> date:
        """The month's first day."""
        return date.fromisoformat(f"{self.month}-01")


def read(text: str | bytes) -> Summary:
    """Return a kept document; raises msgspec.MsgspecError for one that is none."""
    return msgspec.json.decode(text, type=Summary)


def write(summary: Summary) -> str:
    """Return the document as it is kept."""
    return msgspec.json.encode(summary).decode()
