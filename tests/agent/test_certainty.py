"""Nothing is called more than its source can know."""

from __future__ import annotations

import pytest

from agent.certainty import certainty_of
from agent.gateway import inner_door
from agent.sources import processes, profile_reader


@pytest.mark.parametrize(
    ("source", "kind", "certainty"),
    [
        (profile_reader.SOURCE, "host", "visited"),
        ("foreground", "app", "visited"),
        (inner_door.SOURCE, "app", "visited"),
        (processes.SOURCE, "app", "running"),
        ("resolver", "host", "looked_up"),
        ("a_source_nobody_put_here", "host", "looked_up"),
        ("a_source_nobody_put_here", "app", "running"),
    ],
)
def test_a_name_that_was_only_looked_up_is_not_called_a_visit(source, kind, certainty):
    assert certainty_of(source, kind) == certainty
