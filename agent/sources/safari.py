"""Safari's `History.db`: which rows are a visit that the person made on this device.

Not run against a real Safari here: the tables are those of published forensic descriptions, tested on made files.

A person's visit is one of `origin` 0 (1 is another device's, through iCloud) that Safari did not make up
(`synthesized`), that loaded (`load_successful`), and that was not passed on (`redirect_destination`).
"""

from __future__ import annotations

from datetime import UTC, datetime

from agent.sources.dialect import Dialect


def _synced(columns: frozenset[str]) -> str:
    return "COALESCE(v.origin, 0) <> 0" if "history_visits.origin" in columns else "0"


def _own(columns: frozenset[str]) -> str:
    wanted = [f"NOT {_synced(columns)}"]
    if "history_visits.synthesized" in columns:
        wanted.append("COALESCE(v.synthesized, 0) = 0")
    if "history_visits.load_successful" in columns:
        wanted.append("COALESCE(v.load_successful, 1) <> 0")
    if "history_visits.redirect_destination" in columns:
        wanted.append("v.redirect_destination IS NULL")
    return f"({' AND '.join(wanted)})"


SAFARI = Dialect(
    family="Safari",
    file_name="History.db",
    epoch=datetime(2001, 1, 1, tzinfo=UTC),
    visits="history_visits",
    urls="history_items",
    url_of_visit="history_item",
    # Seconds as a real number; below 2**53 microseconds, so exact to the microsecond.
    time="CAST(round(v.visit_time * 1000000) AS INTEGER)",
    synced=_synced,
    own=_own,
    seconds=lambda _columns: "NULL",
)
