"""Proposes without touching the folder: what is only shown leaves no trace and takes no version."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from custody.draft import Draft
from custody.errors import CustodyError
from custody.proposal import Changes, policy, recipients, waiting

NOW = datetime.now(UTC)


def files(custodians):
    return {path: path.read_bytes() for path in custodians.ceremony.rglob("*") if path.is_file()}


def test_a_proposal_writes_nothing(custodians):
    before, draft = files(custodians), Draft(custodians.ceremony)
    made = recipients(draft, Changes(groups={"Alex": ("staff",)}), NOW)
    assert made.pieces["recipients"].signed.version == 3
    assert files(custodians) == before
    target = made.pieces["recipients"].signed.targets["recipients/recipients.json"]
    assert b"staff" in made.read(draft, target)


def test_a_policy_is_read_with_its_own_taxonomy(custodians):
    draft = Draft(custodians.ceremony)
    taxonomy = custodians.folder / "categories.toml"
    text = (custodians.folder / "rules" / "categories.toml").read_text()
    taxonomy.write_text(text.replace("[gambling]", "[wagering]"))
    with pytest.raises(CustodyError, match=r"gambling.*nothing was signed"):
        policy(draft, [taxonomy], NOW)


def test_nothing_waits_where_all_is_signed(custodians):
    with pytest.raises(CustodyError, match="nothing here waits"):
        waiting(Draft(custodians.ceremony))
