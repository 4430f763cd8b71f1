"""Which rows of a Safari history are a visit made here by the person, on made files."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.sources.history_file import open_history

MOMENT = datetime(2026, 3, 2, 9, 15, 0, 250000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("columns", "own", "synced"),
    [
        ({}, True, False),
        ({"origin": 1}, False, True),
        ({"synthesized": 1}, False, False),
        ({"load_successful": 0}, False, False),
        ({"redirect_destination": 9}, False, False),
        ({"redirect_source": 9}, True, False),
    ],
)
def test_only_pages_loaded_here_are_visits(made, columns, own, synced):
    history = made.safari()
    history.add("https://one.test/path", MOMENT, title="a secret title", **columns)
    with open_history(history.file) as opened:
        (visit,) = list(opened.visits())
        assert (visit.host, visit.own, visit.synced) == ("one.test", own, synced)
        assert opened.dialect.moment(visit.at) == MOMENT
