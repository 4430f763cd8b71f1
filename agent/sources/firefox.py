"""Firefox's `places.sqlite`: which rows are a visit that the person made on this device.

The source is Firefox's own `nsINavHistoryService.idl` and `History.cpp`, and what a running Firefox ESR 153 writes.

A person's visit is a page shown in a tab: a link, typed, bookmark or reload (1, 2, 3, 9), or where a redirect ended
(5, 6). Left out are
- embedded (4) and frames (8);
- downloads (7), which show no page and which Chromium's history does not tell either;
- a page that only redirected: Firefox marks its place hidden, or a later row of type 5 or 6 comes from it. The person
  never saw it. A page that sends on by script or `<meta>` was shown, and Firefox keeps it as a visit: it counts.

Firefox does not mark what was synced or imported. Two things tell:
- it comes in late: a visit made here is in the file within a moment, so a row that was not there at the last read and
  is dated well before it was brought in;
- sync, import and extensions hand times over in whole milliseconds, where Firefox's own clock counts microseconds.
  One visit in a thousand made here ends in 000 too; those count when they were seen at once, and are given up when
  they were not, because promising never to collect another device's visits weighs more.
"""

from __future__ import annotations

from datetime import UTC, datetime

from agent.sources.dialect import Dialect

SHOWN_TYPES = "1, 2, 3, 5, 6, 9"
REDIRECTED_TYPES = "5, 6"
# Firefox writes a visit after about 0.1 s (measured); a machine under load may take seconds.
LATE_MICROSECONDS = 10_000_000
# Sync and import can't bring in a visit as fresh as this: sync waits for its next round, import reads another file.
FRESH_MICROSECONDS = 3_000_000


def foreign(at: int, last_read: int | None, now: int) -> bool:
    """Whether a row can't have been made here. A clock that went back says nothing about lateness."""
    if last_read is not None and last_read <= now and at < last_read - LATE_MICROSECONDS:
        return True
    return at % 1000 == 0 and not 0 <= now - at <= FRESH_MICROSECONDS


def _own(columns: frozenset[str]) -> str:
    shown = "COALESCE(u.hidden, 0) = 0" if "moz_places.hidden" in columns else "1"
    return (
        f"({shown} AND v.visit_type IN ({SHOWN_TYPES}) AND NOT EXISTS (SELECT 1 FROM moz_historyvisits c "  # noqa: S608
        f"WHERE c.from_visit = v.id AND c.visit_type IN ({REDIRECTED_TYPES})))"
    )


FIREFOX = Dialect(
    family="Firefox",
    file_name="places.sqlite",
    epoch=datetime(1970, 1, 1, tzinfo=UTC),
    visits="moz_historyvisits",
    urls="moz_places",
    url_of_visit="place_id",
    time="v.visit_date",
    synced=lambda _columns: "0",
    own=_own,
    seconds=lambda _columns: "NULL",
    foreign=foreign,
)
