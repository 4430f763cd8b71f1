"""Made-up monthly summaries, for tests of what is made from many of them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from server import summary_document as doc

AT = datetime(2026, 10, 6, 8, 30, tzinfo=UTC)
YEAR = tuple(f"2025-{number:02}" for number in (11, 12)) + tuple(f"2026-{number:02}" for number in range(1, 11))


def figure(category, hours, name=""):
    return doc.Figure("host", category, name, hours)


def incidents(urgent, routine, late=None, *, nearly=False):
    """What may be told; None for a part that is withheld, and for both where there were fewer than five."""
    total = None if urgent is None and routine is None else (urgent or 0) + (routine or 0)
    enough = doc.Response(20.0, 95.0) if total is not None else doc.Response(None, None)
    return doc.Incidents(doc.Counted(total, {"urgent": urgent, "routine": routine}), enough, enough, late, nearly)


USUAL = doc.Summary(
    format=doc.FORMAT,
    organisation="Bright & Path <Training>",
    zone="Europe/London",
    pilot=False,
    sample=False,
    month="2026-10",
    revision=2,
    made_at=datetime(2026, 11, 2, 7, tzinfo=UTC),
    coverage=doc.Coverage(
        {"learners": 14, "staff": 8},
        {"learners": 13, "staff": 8},
        (doc.Gap("staff", "foreground", "The session uses Wayland.", 2, AT, lasting=True),),
        unlisted=False,
    ),
    groups=(
        doc.Group("learners", "Learners", False, (figure("streaming", 40.4), figure("news", 9.5, "bbc.co.uk"))),
        doc.Group("staff", "Staff", True, ()),
    ),
    together=(),
    totals=(figure("streaming", 40.4), figure("news", 9.5)),
    top=(doc.Top("host", "bbc.co.uk", "news", 9.5, ("learners",)),),
    incidents=incidents(6, 8, 5),
    sealed=doc.Sealed(
        {"all": doc.Named(14, {"drugs": 8, "gambling": 6}, 0)}, doc.Named(14, {"false_alarm": 7}, 7), AT
    ),
    rule_changes=(),
    tests=(doc.EndToEnd("learners", AT, True, 11.2),),
    words="Streaming (sites) rose most.",
)  # fmt: skip


def month(month, **changes):
    """A month's summary as it usually is, with changes."""
    return msgspec.structs.replace(USUAL, month=month, **changes)


def year(**changes):
    """Twelve of them."""
    return [month(one, **changes) for one in YEAR]
