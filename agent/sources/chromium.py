"""Chromium's `History` and those of its kin: which rows are a visit that the person made on this device.

The source is Chromium's own `ui/base/page_transition_types.h` and `components/history/core/browser/history_types.h`.

A person's visit is the page that a navigation of the main frame ended at:
- the end of its redirect chain (CHAIN_END). A host that only passed the person on was never shown, and its name is
  often a link shortener's or an advertiser's that nobody chose, so collecting it would be more than was visited.
  Chromium takes the mark from a page that sends the person on within moments and leaves it on one that was shown
  for some seconds first, so that one counts as a visit of its own;
- of any way there (link, typed, bookmark, form, reload, start page, back and forward) except a frame's
  (AUTO_SUBFRAME 3, MANUAL_SUBFRAME 4) and the entry that Chromium itself adds beside a keyword search
  (KEYWORD_GENERATED 10, a page which is not opened);
- not one that a policy blocked (BLOCKED): nothing was reached;
- browsed here: no row in `visit_source`, or the one for "browsed". All others there are synced, imported, added by
  an extension, or of a kind unknown to us; and `originator_cache_guid` names another device.
"""

from __future__ import annotations

from datetime import UTC, datetime

from agent.sources.dialect import Dialect

CORE_MASK = 0xFF
AUTO_SUBFRAME = 3
MANUAL_SUBFRAME = 4
KEYWORD_GENERATED = 10
BLOCKED = 0x00800000
CHAIN_END = 0x20000000
SOURCE_SYNCED = 0
SOURCE_BROWSED = 1


def _source(columns: frozenset[str]) -> str:
    if "visit_source.source" not in columns:
        return str(SOURCE_BROWSED)
    return f"COALESCE((SELECT s.source FROM visit_source s WHERE s.id = v.id), {SOURCE_BROWSED})"  # noqa: S608


def _synced(columns: frozenset[str]) -> str:
    by_source = f"{_source(columns)} = {SOURCE_SYNCED}"
    if "visits.originator_cache_guid" not in columns:
        return by_source
    return f"({by_source} OR COALESCE(v.originator_cache_guid, '') <> '')"


def _own(columns: frozenset[str]) -> str:
    return (
        f"(NOT {_synced(columns)} AND {_source(columns)} = {SOURCE_BROWSED} "
        f"AND (v.transition & {CORE_MASK}) NOT IN ({AUTO_SUBFRAME}, {MANUAL_SUBFRAME}, {KEYWORD_GENERATED}) "
        f"AND (v.transition & {CHAIN_END}) <> 0 AND (v.transition & {BLOCKED}) = 0)"
    )


def _seconds(columns: frozenset[str]) -> str:
    if "visits.visit_duration" not in columns:
        return "NULL"
    return "CASE WHEN v.visit_duration > 0 THEN v.visit_duration / 1000000.0 END"


CHROMIUM = Dialect(
    family="Chromium",
    file_name="History",
    epoch=datetime(1601, 1, 1, tzinfo=UTC),
    visits="visits",
    urls="urls",
    url_of_visit="url",
    time="v.visit_time",
    synced=_synced,
    own=_own,
    seconds=_seconds,
)
