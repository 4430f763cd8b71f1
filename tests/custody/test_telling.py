"""Reads the whole sheet of a proposal: its sections, who has signed and must still, and until when it is valid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from custody.draft import Draft
from custody.proposal import Changes, packs, policy, recipients, waiting
from custody.telling import tell
from protocol.rolekeys import decode_public_key

NOW = datetime.now(UTC)


def headings(sheet):
    return [section.heading for section in sheet.changes]


def test_a_policy_is_told_in_sentences_first_then_line_by_line_then_its_files(custodians):
    draft = Draft(custodians.ceremony)
    old = draft.target(draft.in_force("policy").signed.targets["policy/policy.toml"]).decode()
    changed = custodians.folder / "policy.toml"
    changed.write_text(old.replace('gambling = "flag"', 'gambling = "total"'))
    sheet = tell(draft, policy(draft, [changed], NOW), None, NOW)
    assert headings(sheet) == [
        "The policy (policy, version 3)",
        "Less is collected or flagged",
        "Line by line: policy.toml",
        "Files of the policy",
    ]


def test_the_lists_of_a_policy_are_counted_too(custodians):
    draft = Draft(custodians.ceremony)
    fewer = custodians.folder / "protected.pack"
    fewer.write_bytes((custodians.folder / "rules" / "nameable.pack").read_bytes())
    lines = [
        str(line) for section in tell(draft, policy(draft, [fewer], NOW), None, NOW).changes for line in section.lines
    ]
    assert "CHANGED: policy/protected.pack" in " ".join(lines)
    assert any("Health, list health: 0 added" in line for line in lines)
    assert not any("policy in force" in line for line in lines), "the policy's own lists are never on trial"


def test_packs_are_told_with_their_standing_under_the_policy_in_force(custodians):
    draft = Draft(custodians.ceremony)
    other = custodians.folder / "imported.pack"
    other.write_bytes((custodians.folder / "rules" / "packs" / "curated.pack").read_bytes())
    sheet = tell(draft, packs(draft, [other], NOW), None, NOW)
    lines = [str(line) for section in sheet.changes for line in section.lines]
    assert any("On trial: the policy in force does not name this pack" in line for line in lines)
    assert headings(sheet)[-1] == "How imported.pack was made"


def test_the_signer_is_told_who_signed_and_who_must_still(custodians):
    draft = Draft(custodians.ceremony)
    custodians.sign("recipients", "--groups", "Alex=staff")
    second = decode_public_key((custodians.folder / "second.public.json").read_bytes()).ed25519
    sheet = tell(draft, waiting(draft), second, NOW)
    assert [str(line) for line in sheet.signers] == ["Signed by custodian. Still needed: 1 of second (you)."]


def test_what_else_expires_soon_is_told_beside_the_validity(custodians):
    draft = Draft(custodians.ceremony)
    later = NOW + timedelta(days=350)
    sheet = tell(draft, recipients(draft, Changes(), later), None, later)
    assert str(sheet.validity[0]).startswith("Valid until")
    assert {str(line).split()[0] for line in sheet.validity[1:]} == {"root", "targets", "policy", "releases", "packs"}
    assert {line.tone for line in sheet.validity[1:]} == {"warning"}
