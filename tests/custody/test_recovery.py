"""Any two of three shares bring the recovery key back, and one does not."""

from __future__ import annotations

import pytest

from custody import recovery
from custody.errors import CustodyError
from protocol.sealing import halves, key_id, public_of

PUBLIC, SHARES = recovery.make()
TEXTS = [recovery.share_text(number, words) for number, words in enumerate(SHARES, start=1)]


@pytest.mark.parametrize("two", [(0, 1), (0, 2), (1, 2)])
def test_any_two_shares_make_the_key_again(two):
    secret = recovery.combine([TEXTS[at] for at in two])
    assert public_of(secret) == PUBLIC.public_key
    assert key_id(PUBLIC.public_key) == PUBLIC.key_id


def test_the_shares_hold_neither_half_but_what_both_are_derived_from():
    seeds = [bytes(32), bytes([1]) * 32]
    made = [recovery.make(lambda _, seed=seed: seed) for seed in seeds]
    privates = [recovery.combine(shares[:2]) for _, shares in made]
    parts = [*seeds, *(half for private in privates for half in halves(private))]
    assert len(set(parts)) == 6


def test_shares_may_be_typed_from_paper_in_capitals_and_lines():
    typed = [share.upper().replace(" ", "\n", 5) for share in SHARES[:2]]
    assert recovery.combine(typed) == recovery.combine(TEXTS[:2])


@pytest.mark.parametrize(
    "given",
    [
        list,
        lambda: [TEXTS[0]],
        lambda: [TEXTS[0], TEXTS[0]],
        lambda: TEXTS,
        lambda: [TEXTS[0], "academic acid acne"],
        lambda: [TEXTS[0], SHARES[1].rsplit(" ", 1)[0]],
        lambda: [TEXTS[0], recovery.make()[1][1]],
        lambda: ["", ""],
    ],
    ids=["none", "one", "one twice", "three", "short", "cut", "of two ceremonies", "empty"],
)
def test_too_few_mixed_or_damaged_shares_are_refused(given):
    with pytest.raises(CustodyError, match="don't make the recovery key"):
        recovery.combine(given())
