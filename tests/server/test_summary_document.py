"""A summary's document comes back as it was kept, and refuses what it does not know."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest

from server import summary_document as doc

NOTHING = doc.Counted(None, {"urgent": None, "routine": None})
SUMMARY = doc.Summary(
    format=doc.FORMAT,
    organisation="Sample Training Provider",
    zone="Europe/London",
    pilot=False,
    sample=True,
    month="2026-10",
    revision=1,
    made_at=datetime(2026, 11, 2, 6, tzinfo=UTC),
    coverage=doc.Coverage({"staff": 8}, {"staff": 7}, (), unlisted=False),
    groups=(doc.Group("staff", "Staff", False, (doc.Figure("host", "streaming", "", 12.5, before=9.0),)),),
    together=(),
    totals=(doc.Figure("host", "streaming", "", 12.5),),
    top=(),
    incidents=doc.Incidents(NOTHING, doc.Response(None, None), doc.Response(None, None), None),
    sealed=None,
    rule_changes=(),
    tests=(),
    words="Streaming rose most.",
)


def test_a_document_comes_back_as_it_was_kept():
    assert doc.read(doc.write(SUMMARY)) == SUMMARY
    assert SUMMARY.first == date(2026, 10, 1)


def test_an_unknown_field_is_refused_by_name():
    kept = doc.write(SUMMARY).replace('"words"', '"wards"')
    with pytest.raises(msgspec.ValidationError, match="wards"):
        doc.read(kept)
