"""What a heading says of how often something was seen: nothing is called more than its source can know."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ({"certainty": "visited"}, "3"),
        ({"certainty": "looked_up"}, "looked up 3 times"),
        ({"certainty": "likely"}, "looked up 3 times, visit likely"),
        ({"certainty": "unclear"}, "looked up 3 times, unclear"),
        ({"certainty": "unclear", "identity": "unproven"}, "looked up 3 times, unclear; whose phone is unproven"),
        ({"certainty": "likely", "identity": "proven"}, "looked up 3 times, visit likely"),
        ({"certainty": "reported"}, "reported to a lead"),
    ],
)
def test_a_lookup_is_never_called_a_visit(modules, heading, words):
    said = modules(
        'async (heading) => (await import("/web/headings.js")).seen({ count: 3, ...heading })',
        heading,
    )
    assert said == words
