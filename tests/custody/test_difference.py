"""What is about to be signed is shown in words, and nothing of it is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tuf.api.metadata import Metadata, TargetFile, Targets

from custody import difference
from protocol.publication import Recipient, RecipientList, dated, delegations
from protocol.rolekeys import new_key, public_half
from protocol.sealing import key_id

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def listed(version, *recipients, pilot=False):
    return RecipientList(version, pilot, recipients)


def recipient(number, label, **more):
    public = bytes([number]) * 64
    return Recipient(key_id(public), public, "lead", label, **more)


def test_each_recipient_is_new_gone_changed_or_only_named():
    old = listed(1, recipient(1, "Alex"), recipient(2, "Sam"), recipient(3, "Kim"))
    new = listed(2, recipient(1, "Alex"), recipient(3, "Kim", groups=("staff",)), recipient(4, "Jo"))
    lines = "\n".join(map(str, difference.of_recipients(old, new)))
    assert "NEW, can open evidence from now on: Jo" in lines
    assert "GONE, can't open anything sealed from now on: Sam" in lines
    assert "CHANGED from: Kim (lead; all groups)" in lines
    assert "to: Kim (lead; only staff)" in lines
    assert "NEW, can open evidence from now on: Alex" not in lines


def test_the_same_label_with_another_key_is_new_and_gone():
    lines = list(map(str, difference.of_recipients(listed(1, recipient(1, "Alex")), listed(2, recipient(2, "Alex")))))
    assert sum("NEW" in line for line in lines) == sum("GONE" in line for line in lines) == 1


def test_a_pilot_and_an_empty_beginning_are_said():
    first = map(str, difference.of_recipients(None, listed(1, recipient(1, "Alex"), pilot=True)))
    assert "pilot" in "\n".join(first)
    assert "observe nothing" in "\n".join(map(str, difference.of_recipients(None, None)))


def test_a_new_key_is_to_be_compared_aloud():
    old, new = listed(1, recipient(1, "Alex")), listed(2, recipient(1, "Alex"), recipient(2, "Sam"))
    lines = list(difference.of_recipients(old, new))
    assert next(line.key for line in lines if "NEW" in line.text) == difference.grouped(key_id(bytes([2]) * 64))
    assert any("aloud" in line.text for line in lines)
    assert not any("aloud" in line.text for line in difference.of_recipients(new, new))


def test_it_s_key_is_shown_whole_and_told_when_it_is_another():
    custodian, former, latter = (public_half(new_key(), name) for name in ("Sam", "Jo", "Jo"))

    def targets(it):
        expires, extra = dated("targets", NOW)
        given = delegations({custodian.key_id: custodian.key()}, {it.key_id: it.key()}, 1)
        return Targets(1, None, expires, {}, given, extra)

    first = [str(line) for line in difference.of_targets(None, targets(former))]
    assert [line for line in first if difference.grouped(former.ed25519) in line and "IT: Jo" in line]
    changed = list(difference.of_targets(targets(former), targets(latter)))
    assert [line.tone for line in changed if difference.grouped(latter.ed25519) in str(line)] == ["new"]


def test_files_are_new_gone_and_changed():
    def file(path, data):
        return TargetFile.from_data(path, data, ["sha256"])

    old = {"releases/a": file("releases/a", b"a"), "packs/x.pack": file("packs/x.pack", b"x")}
    new = {"releases/a": file("releases/a", b"b"), "packs/y.pack": file("packs/y.pack", b"y")}
    lines = list(map(str, difference.of_files(old, new)))
    assert [line for line in lines if "packs/x.pack" in line] == ["GONE: packs/x.pack"]
    assert any(line.startswith("NEW: packs/y.pack (1 bytes") for line in lines)
    assert any(line.startswith("CHANGED: releases/a (1 bytes") for line in lines)


def test_nothing_changed_is_said_too():
    same = {"packs/x.pack": TargetFile.from_data("packs/x.pack", b"x", ["sha256"])}
    assert list(map(str, difference.of_files(same, same))) == ["No file changes; the signature is renewed."]


def test_a_date_far_from_this_clock_is_warned_of():
    expires, extra = dated("policy", NOW)
    piece = Metadata(Targets(1, None, expires, {}, None, extra))
    assert list(difference.of_clock(piece, NOW + timedelta(hours=3))) == []
    assert "WARNING" in next(difference.of_clock(piece, NOW - timedelta(days=2))).text


def warnings(*recipients):
    lines = difference.of_recipients(None, listed(1, *recipients))
    return [str(line) for line in lines if line.tone == "warning" and "Compare" not in str(line)]


def test_each_lead_is_asked_for_their_accounts():
    (warning,) = warnings(recipient(1, "Alex"), recipient(2, "Sam", never_about=("sam",)))
    assert "The accounts of Alex are not given" in warning
    assert "--never-about 'Alex=ACCOUNT,ACCOUNT'" in warning


def test_a_list_that_leaves_a_case_about_somebody_to_the_recovery_key_alone_warns():
    alone = warnings(recipient(1, "Alex", never_about=("alex", "alex@example.org")))
    assert len(alone) == 2
    assert "Nobody can open a case about alex but with the recovery key" in alone[0]
    two = recipient(1, "Alex", never_about=("alex",)), recipient(2, "Sam", never_about=("sam",))
    assert warnings(*two) == []
    same = recipient(1, "Alex", never_about=("alex",)), recipient(2, "Sam", never_about=("COLLEGE\\Alex", "sam"))
    assert any("about alex but" in line for line in warnings(*same))


def test_a_group_that_no_lead_is_for_warns_and_a_partners_lead_counts_only_for_theirs():
    partner = recipient(1, "Pat", groups=("partners",), never_about=("pat",))
    found = warnings(partner)
    assert any("a case about pat in the group partners" in line for line in found)
    assert any("Nobody can open a case in any other group" in line for line in found)
    lead = recipient(2, "Sam", never_about=("sam",))
    (warning,) = warnings(partner, lead)
    assert warning.startswith("Nobody can open a case about sam in any other group but with the recovery key")
