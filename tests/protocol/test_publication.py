"""Published rules are trusted only with every signature, in date and in one shape."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from securesystemslib.signer import Signature
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, Role, Root, TargetFile, Targets

from protocol.errors import NotTrusted
from protocol.publication import (
    CUSTODIANS_DELEGATED,
    DELEGATED,
    EXPIRES_AFTER,
    METADATA_MAX_BYTES,
    Recipient,
    RecipientList,
    check_recipients,
    dated,
    decode_recipients,
    delegations,
    same_account,
    verify,
)
from protocol.rolekeys import new_key, public_half, sign
from protocol.sealing import key_id

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def recipient(number, role="lead", **more):
    public = bytes([number]) * 64
    return Recipient(key_id(public), public, role, f"{role} {number}", **more)


# --- who a case is sealed to ------------------------------------------------------------------------------------


def test_a_case_is_sealed_to_leads_in_scope_and_always_to_recovery():
    listed = RecipientList(1, False, (recipient(1), recipient(2, groups=("staff",)), recipient(3, "recovery")))
    assert [one.label for one in listed.for_case("staff", "sam")] == ["lead 1", "lead 2", "recovery 3"]
    assert [one.label for one in listed.for_case("learners", "sam")] == ["lead 1", "recovery 3"]


def test_a_case_is_never_sealed_to_the_lead_it_is_about():
    listed = RecipientList(
        1, False, (recipient(1, never_about=("alex",)), recipient(2, "deputy"), recipient(3, "recovery"))
    )
    assert [one.label for one in listed.for_case("staff", "Alex")] == ["deputy 2", "recovery 3"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("alex", "ALEX", True),
        ("CORP\\alex", "alex", True),
        ("alex@corp.example", "alex", True),
        ("CORP\\alex", "corp\\Alex", True),
        ("CORP\\alex", "OTHER\\alex", False),
        ("alex", "alexa", False),
    ],
)
def test_accounts_are_the_same_person_where_in_doubt(one, other, same):
    assert same_account(one, other) is same


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d | {"extra": 1}, "unknown field"),
        (lambda d: d | {"version": 0}, "Expected `int` >= 1"),
        (lambda d: d | {"recipients": d["recipients"][:1]}, "needs a lead's or deputy's key and the recovery key"),
        (lambda d: d | {"recipients": d["recipients"][1:]}, "needs a lead's or deputy's key and the recovery key"),
        (lambda d: d | {"recipients": [*d["recipients"], d["recipients"][0]]}, "names a key twice"),
        (lambda d: d | {"recipients": [d["recipients"][0] | {"key_id": "0" * 32}, *d["recipients"][1:]]}, "a wrong id"),
        (lambda d: d | {"recipients": d["recipients"] * 20}, "length <= 32"),
    ],
)
def test_a_malformed_list_is_refused_by_name(change, sentence):
    whole = msgspec.to_builtins(RecipientList(1, False, (recipient(1), recipient(2, "recovery"))))
    with pytest.raises(NotTrusted, match=sentence):
        decode_recipients(msgspec.json.encode(change(whole)))


# --- who must sign ----------------------------------------------------------------------------------------------


class House:
    """Metadata of a small organisation, to be changed by a test before it is signed."""

    def __init__(self, threshold=2, people=2):
        self.custodians = [new_key() for _ in range(people)]
        self.it, self.snapshot, self.timestamp = new_key(), new_key(), new_key()
        names = {public_half(key, "c").key_id: public_half(key, "c").key() for key in self.custodians}
        it = public_half(self.it, "IT").key()
        online = {name: public_half(getattr(self, name), name).key() for name in ("snapshot", "timestamp")}
        expires, extra = dated("root", NOW)
        roles = {name: Role(sorted(names), threshold) for name in ("root", "targets")}
        roles |= {name: Role([key.keyid], 1) for name, key in online.items()}
        keys = names | {key.keyid: key for key in online.values()}
        self.pieces = {"root": Metadata(Root(1, None, expires, keys, roles, True, dict(extra)))}
        given = delegations(names, {it.keyid: it}, threshold)
        self.pieces["targets"] = Metadata(Targets(1, None, expires, {}, given, dict(extra)))
        for name in DELEGATED:
            self.pieces[name] = Metadata(Targets(1, None, expires, {}, None, dict(extra)))

    def verify(self, now=NOW, signers=2):
        for name, piece in self.pieces.items():
            for key in [self.it] if name == "packs" else self.custodians[:signers]:
                sign(piece, key)
        texts = {name: piece.to_bytes() for name, piece in self.pieces.items()}
        return verify([texts.pop("root")], texts, now=now)

    def list(self, role, path):
        target = TargetFile.from_data(path, b"x", ["sha256"])
        target.unrecognized_fields["custom"] = {"version": 1}
        self.pieces[role].signed.targets[path] = target
        return target


def test_two_custodians_and_it_make_a_trusted_whole():
    house = House()
    trusted = house.verify()
    assert not trusted.pilot
    assert trusted.packs_keys == (house.it.public_key().public_bytes_raw(),)
    assert trusted.signed_at == NOW
    assert trusted.expires() == NOW + EXPIRES_AFTER["root"]


def test_one_signature_of_two_is_not_enough():
    with pytest.raises(NotTrusted, match="root metadata isn't signed"):
        House().verify(signers=1)


def test_one_custodian_is_a_pilot():
    assert House(threshold=1, people=1).verify().pilot


@pytest.mark.parametrize("pilot", [True, False])
def test_a_list_that_hides_or_invents_a_pilot_is_refused(pilot):
    trusted = House(threshold=1 if pilot else 2).verify()
    with pytest.raises(NotTrusted, match="pilot"):
        check_recipients(RecipientList(1, not pilot, ()), trusted)
    check_recipients(RecipientList(1, pilot, ()), trusted)
    with pytest.raises(NotTrusted, match="another version"):
        check_recipients(RecipientList(2, pilot, ()), trusted)


def test_expired_metadata_is_refused_unless_it_is_in_force_already():
    late = NOW + EXPIRES_AFTER["root"] + timedelta(seconds=1)
    with pytest.raises(NotTrusted, match="expired"):
        House().verify(now=late)
    assert House().verify(now=None).versions["root"] == 1


def test_top_level_targets_lists_no_file():
    house = House()
    house.list("targets", "recipients/recipients.json")
    with pytest.raises(NotTrusted, match="may only delegate"):
        house.verify()


@pytest.mark.parametrize("role", CUSTODIANS_DELEGATED)
def test_no_role_of_the_custodians_may_need_fewer_signatures(role):
    house = House()
    house.pieces["targets"].signed.delegations.roles[role].threshold = 1
    with pytest.raises(NotTrusted, match=f"delegation of {role} is to other keys or fewer signatures"):
        house.verify()


@pytest.mark.parametrize("role", CUSTODIANS_DELEGATED)
def test_no_role_of_the_custodians_may_belong_to_it(role):
    house = House(threshold=1)
    given = house.pieces["targets"].signed.delegations
    given.roles[role].keyids = given.roles["packs"].keyids
    with pytest.raises(NotTrusted, match=f"delegation of {role} is to other keys"):
        house.verify()


def test_a_delegation_wider_than_its_folder_is_refused():
    house = House()
    house.pieces["targets"].signed.delegations.roles["packs"].paths = ["*/*"]
    with pytest.raises(NotTrusted, match="wider than its folder"):
        house.verify()


def test_a_role_more_or_less_is_refused():
    house = House()
    given = house.pieces["targets"].signed.delegations
    given.roles["more"] = DelegatedRole("more", given.roles["packs"].keyids, 1, terminating=True, paths=["more/*"])
    with pytest.raises(NotTrusted, match="and nothing else"):
        house.verify()


def test_a_delegate_may_not_delegate_further():
    house = House()
    key = public_half(house.it, "").key()
    roles = {"more": DelegatedRole("more", [key.keyid], 1, terminating=True, paths=["packs/*"])}
    house.pieces["packs"].signed.delegations = Delegations({key.keyid: key}, roles)
    with pytest.raises(NotTrusted, match="delegates further"):
        house.verify()


@pytest.mark.parametrize(
    ("role", "path"),
    [
        ("packs", "policy/policy.toml"),
        ("packs", "packs/../policy.toml"),
        ("packs", "packs/Curated.pack"),
        ("recipients", "recipients/more.json"),
        ("policy", "policy/curated.pack"),
        ("releases", "releases/.hidden"),
    ],
)
def test_each_role_publishes_only_what_is_its_own(role, path):
    house = House()
    house.list(role, path)
    with pytest.raises(NotTrusted, match="not its to publish"):
        house.verify()


def test_a_file_without_a_version_is_refused():
    house = House()
    house.list("packs", "packs/curated.pack").unrecognized_fields["custom"] = {"version": True}
    with pytest.raises(NotTrusted, match="has no version"):
        house.verify()


def test_one_custodians_key_under_two_names_does_not_count_twice():
    house = House()
    root, given = house.pieces["root"].signed, house.pieces["targets"].signed.delegations
    first = public_half(house.custodians[0], "").key_id
    (second,) = (keyid for keyid in root.roles["root"].keyids if keyid != first)
    for keys in (root.keys, given.keys):
        keys[second].keyval["public"] = keys[first].keyval["public"]
    texts = {}
    for name, piece in house.pieces.items():
        sign(piece, house.it if name == "packs" else house.custodians[0])
        if name != "packs":
            piece.signatures[second] = Signature(second, piece.signatures[first].signature)
        texts[name] = piece.to_bytes()
    with pytest.raises(NotTrusted, match="two custodians share one key"):
        verify([texts.pop("root")], texts, now=NOW)


def test_a_custodians_key_may_not_be_the_collectors():
    house = House(threshold=1)
    root = house.pieces["root"].signed
    root.roles["timestamp"].keyids = [root.roles["root"].keyids[0]]
    with pytest.raises(NotTrusted, match="also the collector's"):
        house.verify()


def test_consistent_snapshots_cannot_be_turned_off():
    house = House()
    house.pieces["root"].signed.consistent_snapshot = False
    with pytest.raises(NotTrusted, match="consistent snapshots"):
        house.verify()


def test_metadata_without_its_date_or_too_large_is_refused():
    house = House()
    house.pieces["policy"].signed.unrecognized_fields.clear()
    with pytest.raises(NotTrusted, match="doesn't say when it was made"):
        house.verify()
    with pytest.raises(NotTrusted, match="larger than"):
        verify([b" " * (METADATA_MAX_BYTES + 1)], {}, now=NOW)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"signatures":[],"signed":{"_type":"root"}}'])
def test_what_is_no_root_is_refused(data):
    with pytest.raises(NotTrusted, match="can't be read"):
        verify([data], {}, now=NOW)
