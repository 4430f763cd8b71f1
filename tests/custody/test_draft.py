"""The folder that custodians carry says what is signed, what waits, and refuses what was altered."""

from __future__ import annotations

import pytest

from custody.draft import Draft
from custody.errors import CustodyError


def test_a_draft_is_found_in_the_ceremonys_folder_or_in_its_own(custodians):
    for folder in (custodians.ceremony, custodians.ceremony / "publication"):
        draft = Draft(folder)
        assert draft.exists
        assert draft.trusted().versions["recipients"] == 2
        assert draft.threshold("recipients")[0] == 2
        assert draft.threshold("packs")[0] == 1


def test_the_version_in_force_stays_while_the_next_one_waits(custodians):
    draft = Draft(custodians.ceremony)
    custodians.sign("recipients", "--groups", "Alex=staff")
    assert draft.in_force("recipients").signed.version == 2
    assert draft.pending("recipients").signed.version == 3
    assert draft.trusted().versions["recipients"] == 2
    custodians.sign("recipients", "--groups", "Alex=learners")
    assert draft.pending("recipients").signed.version == 3


def test_a_folder_without_a_ceremony_is_told(tmp_path):
    draft = Draft(tmp_path)
    assert not draft.exists
    with pytest.raises(CustodyError, match="no publication here"):
        draft.root()


def test_damaged_metadata_is_named(custodians):
    path = custodians.ceremony / "publication" / "metadata" / "2.policy.json"
    path.write_bytes(b"{")
    with pytest.raises(CustodyError, match=r"2\.policy\.json: the policy metadata can't be read"):
        Draft(custodians.ceremony).in_force("policy")


def test_there_is_no_other_role(custodians):
    with pytest.raises(CustodyError, match="no role fleet"):
        Draft(custodians.ceremony).threshold("fleet")
