"""Asks before signing, with the key that is really there, whatever lies beside it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from custody.asking import Asking
from custody.consent import Signer, sign
from custody.draft import Draft
from custody.errors import CustodyError, Declined
from custody.proposal import Changes, recipients
from protocol.errors import UnlockError

NOW = datetime.now(UTC)


@pytest.fixture
def proposed(custodians):
    draft = Draft(custodians.ceremony)
    return draft, recipients(draft, Changes(groups={"Alex": ("staff",)}), NOW)


def signer(custodians, shown, answer="yes", secret="quiet lamp river seven ocean bread"):
    asking = Asking(show=shown.append, read=lambda _: answer, read_hidden=lambda _: secret)
    return Signer(asking, custodians.ceremony / "private" / "custodian.pem", None, window=False)


def test_the_difference_is_shown_before_the_question_and_the_passphrase(custodians, proposed):
    shown: list[str] = []
    done = sign(*proposed, signer(custodians, shown), NOW)
    assert (done.complete, done.waiting) == ((), ("recipients: still needed: 1 of second",))
    assert any("only staff" in line for line in shown)


def test_a_no_or_wrong_words_store_nothing(custodians, proposed):
    draft, _ = proposed
    with pytest.raises(Declined):
        sign(*proposed, signer(custodians, [], answer="no"), NOW)
    with pytest.raises(UnlockError):
        sign(*proposed, signer(custodians, [], secret="other words entirely here now"), NOW)
    assert draft.pending("recipients") is None


def test_another_persons_public_half_beside_the_key_is_noticed(custodians, proposed):
    draft, _ = proposed
    beside = custodians.ceremony / "private" / "custodian.public.json"
    beside.write_bytes((custodians.folder / "second.public.json").read_bytes())
    with pytest.raises(CustodyError, match="not the public half"):
        sign(*proposed, signer(custodians, []), NOW)
    assert draft.pending("recipients") is None


def test_without_a_public_half_beside_it_the_key_signs_all_the_same(custodians, proposed):
    (custodians.ceremony / "private" / "custodian.public.json").unlink()
    assert sign(*proposed, signer(custodians, []), NOW).waiting
