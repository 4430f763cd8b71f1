"""What a lead's browser counted of a month's sealed cases: totals in clear, signed with the lead's own key.

The browser's `server/web/static/web/monthcount.js` makes the same. FORMAT.md, section 15, has the attacks.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec

from protocol.messages import Count, LeadPublicKey, Message, Month, UtcTime, Word, decode
from protocol.sealing import public_of
from protocol.signing import sign_lead, verify_lead

KINDS_MAX = 200
"""Categories of a taxonomy, or outcomes: more are no totals."""

Totals = Annotated[dict[Word, Count], msgspec.Meta(max_length=KINDS_MAX)]


class MonthTotals(Message, frozen=True):
    """How many of a month's cases were of which category, urgent and routine apart, and what came of them.

    `id` is the paper's own, new each time. Every case is in one of `urgent` and `routine`, and in `outcomes`.
    """

    version: Literal[1]
    id: UUID
    month: Month
    at: UtcTime
    urgent: Totals
    routine: Totals
    outcomes: Totals


class SignedTotals(Message, frozen=True):
    """The exact bytes of a MonthTotals in JSON, and the lead's key (64 bytes) and signature."""

    text: bytes
    signer: LeadPublicKey
    signature: Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]


def sign(text: bytes, private_key: bytes) -> SignedTotals:
    """Return totals (a MonthTotals in JSON) signed by a lead's private key (64 bytes)."""
    number = decode(text, MonthTotals).id
    return SignedTotals(text, public_of(private_key), sign_lead(private_key, "month", number, number, text))


def read(signed: SignedTotals) -> MonthTotals:
    """Return the totals once their signature holds; raises Refused.

    That the signer may hand totals in is for the caller to know.
    """
    totals = decode(signed.text, MonthTotals)
    verify_lead(signed.signer, signed.signature, "month", totals.id, totals.id, signed.text)
    return totals
