"""Only what custodians and IT signed comes into force, whatever the collector serves."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import ClassVar
from uuid import UUID

import msgspec
import pytest
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from agent import keys, updates
from agent.errors import CollectorRefused, CollectorUnreachable
from agent.http import Collector, Fetched
from protocol.errors import NotTrusted, Refused
from protocol.messages import EnrolmentToken
from protocol.publication import DELEGATED, OFFLINE, RECIPIENTS_TARGET, Recipient, dated, decode_recipients, delta_path
from protocol.rolekeys import from_pem, new_key, public_half, sign
from protocol.sealing import KEY_BYTES, key_id, public_of
from protocol.tokens import write
from rules import delta
from rules.writer import PackWriter
from server.publish import Publication, init_online_keys

NOW = datetime.now(UTC)
PASSPHRASE = "quiet lamp river seven ocean bread"


@dataclass
class Served:
    """A collector as the device meets it: what it published, and what a hostile one puts over it."""

    publication: Publication
    over: dict[str, bytes | Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bytes: int = 0

    def get(self, path, *, etag=None, max_bytes=0):
        name = path.removeprefix("/publication/")
        self.asked.append(name)
        data = self.over.get(name, self.publication.read(name))
        if isinstance(data, Exception):
            raise data
        if data is None:
            raise CollectorRefused("not_found", retry=True, status=404)
        if len(data) > max_bytes:
            raise CollectorUnreachable("the answer is longer than it may be")
        tag = f'"{hashlib.sha256(data).hexdigest()}"'
        if etag == tag:
            return Fetched(b"", tag, unchanged=True)
        self.bytes += len(data)
        return Fetched(data, tag, unchanged=False)


@dataclass
class Device:
    """A device's data folder and the collector it asks."""

    folder: object
    served: Served
    root: str
    minimum: dict[str, int] = field(default_factory=dict)

    def check(self, now=None):
        return updates.check(
            self.folder, self.served, root=self.root, minimum=self.minimum, now=now or datetime.now(UTC)
        )

    def load(self):
        return updates.load(self.folder, self.root)


def device_of(organisation, publication, folder):
    anchor = (organisation.ceremony / "publication" / "metadata" / "1.root.json").read_bytes()
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / "anchor.json").write_bytes(anchor)
    return Device(folder, Served(publication), hashlib.sha256(anchor).hexdigest())


@pytest.fixture
def device(custodians, tmp_path):
    """Return a device that has taken in what two custodians and IT signed."""
    made = device_of(custodians, custodians.publish(), tmp_path / "device")
    assert made.check().state == "new"
    return made


def online_key(organisation, name):
    return from_pem((organisation.collector / "keys" / f"{name}.pem").read_bytes(), None)


def hostile(organisation, device, versions=None, expires_from=None, **pieces):
    """Let the collector, which has its own two keys, serve other metadata under a snapshot that names it."""
    published = device.served.publication.published()
    numbers = {**published.versions, **(versions or {})}
    texts = {}
    for name in ("targets", *DELEGATED):
        if name in pieces:
            texts[name] = pieces[name].to_bytes()
            numbers[name] = pieces[name].signed.version
        else:
            texts[name] = device.served.publication.read(f"metadata/{numbers[name]}.{name}.json")
        device.served.over[f"metadata/{numbers[name]}.{name}.json"] = texts[name]
    when = expires_from or datetime.now(UTC)
    expires, extra = dated("snapshot", when)
    meta = {f"{n}.json": MetaFile.from_data(numbers[n], text, ["sha256"]) for n, text in texts.items()}
    snapshot = Metadata(Snapshot(50, None, expires, meta, extra))
    sign(snapshot, online_key(organisation, "snapshot"))
    expires, extra = dated("timestamp", when)
    stamp = Metadata(Timestamp(50, None, expires, MetaFile.from_data(50, snapshot.to_bytes(), ["sha256"]), extra))
    sign(stamp, online_key(organisation, "timestamp"))
    device.served.over["metadata/50.snapshot.json"] = snapshot.to_bytes()
    device.served.over["metadata/timestamp.json"] = stamp.to_bytes()


def person_key(organisation, name):
    place = {
        "custodian": organisation.ceremony / "private" / "custodian.pem",
        "second": organisation.folder / "second.pem",
    }
    return from_pem(place.get(name, organisation.folder / f"{name}.pem").read_bytes(), PASSPHRASE)


def with_an_own_recipient(device):
    """Return the next recipients metadata with the collector's key in the list, unsigned, and serve its file."""
    listed = device.load().recipients
    public = public_of(os.urandom(KEY_BYTES))
    mine = Recipient(key_id(public), public, "lead", "collector")
    wide = msgspec.structs.replace(listed, version=3, recipients=(*listed.recipients, mine))
    data = msgspec.json.encode(wide)
    target = TargetFile.from_data(RECIPIENTS_TARGET, data, ["sha256"])
    target.unrecognized_fields["custom"] = {"version": 3}
    device.served.over[f"targets/recipients/{target.hashes['sha256']}.recipients.json"] = data
    expires, extra = dated("recipients", datetime.now(UTC))
    return Metadata(Targets(3, None, expires, {RECIPIENTS_TARGET: target}, None, extra))


def assert_kept(device, reason):
    before = device.load()
    result = device.check()
    assert (result.state, device.load().recipients) == ("kept", before.recipients)
    assert reason in result.reason
    assert updates.read_state(device.folder).problem == result.reason
    after = device.load()
    assert (after.recipients_version, after.policy_version, after.packs) == (
        before.recipients_version,
        before.policy_version,
        before.packs,
    )


# --- what is right ----------------------------------------------------------------------------------------------


def test_what_was_signed_is_in_force_as_one_bundle(device):
    bundle = device.load()
    assert [one.role for one in bundle.recipients.recipients] == ["recovery", "lead"]
    assert (bundle.recipients_version, bundle.policy_version, bundle.packs) == (2, 2, {"curated": 1})
    assert bundle.can_seal
    assert bundle.rules.classify("host", "www.bet365.com").categories == ("gambling",)
    assert device.check().state == "unchanged"


def test_a_new_list_replaces_the_old_one_whole(custodians, device):
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    assert device.check().state == "new"
    assert device.load().recipients.recipients[1].groups == ("staff",)
    assert device.load().recipients_version == 3


def test_a_pilot_says_so_in_its_signed_list(pilot, tmp_path):
    device = device_of(pilot, pilot.publish(), tmp_path / "device")
    assert device.check().state == "new"
    assert device.load().recipients.pilot


def test_without_a_list_of_recipients_nothing_is_in_force(custodians, device, tmp_path):
    fresh = device_of(custodians, device.served.publication, tmp_path / "fresh")
    assert fresh.load() is None


def test_root_and_targets_can_be_renewed_and_followed(custodians, device):
    assert custodians.sign("renew") == 0
    assert custodians.sign(key="second") == 0
    custodians.publish()
    result = device.check()
    assert (result.state, result.versions["root"], result.versions["targets"]) == ("new", 2, 2)
    assert device.load() is not None


def test_an_unreachable_collector_changes_nothing_and_is_told(device):
    device.served.over["metadata/timestamp.json"] = CollectorUnreachable("no answer")
    assert_kept(device, "did not answer")
    assert updates.read_state(device.folder).age(datetime.now(UTC)) < timedelta(minutes=1)


# --- a hostile collector ----------------------------------------------------------------------------------------


def test_a_recipient_added_by_the_collector_is_refused_unsigned(custodians, device):
    hostile(custodians, device, recipients=with_an_own_recipient(device))
    assert_kept(device, "signed by as many of the right keys")


@pytest.mark.parametrize("signers", [("custodian",), ("it",), ("custodian", "it"), ("stranger", "other stranger")])
def test_a_recipient_added_with_too_few_or_wrong_keys_is_refused(custodians, device, signers):
    piece = with_an_own_recipient(device)
    for name in signers:
        sign(piece, new_key() if "stranger" in name else person_key(custodians, name))
    hostile(custodians, device, recipients=piece)
    assert_kept(device, "signed by as many of the right keys")


def test_the_collectors_own_keys_sign_no_recipients(custodians, device):
    piece = with_an_own_recipient(device)
    for name in ("snapshot", "timestamp"):
        sign(piece, online_key(custodians, name))
    hostile(custodians, device, recipients=piece)
    assert_kept(device, "signed by as many of the right keys")


def test_two_custodians_signatures_would_have_been_taken(custodians, device):
    piece = with_an_own_recipient(device)
    for name in ("custodian", "second"):
        sign(piece, person_key(custodians, name))
    hostile(custodians, device, recipients=piece)
    assert device.check().state == "new"
    assert device.load().recipients.recipients[-1].label == "collector"


def redelegated(device, key, threshold=1):
    data = device.served.publication.read("metadata/1.targets.json")
    piece = Metadata[Targets].from_bytes(data)
    mine = public_half(key, "mine").key()
    piece.signed.delegations.keys[mine.keyid] = mine
    piece.signed.delegations.roles["recipients"] = DelegatedRole(
        "recipients", [mine.keyid], threshold, terminating=True, paths=["recipients/*"]
    )
    piece.signed.version = 2
    piece.signatures.clear()
    return piece


@pytest.mark.parametrize("signers", [(), ("custodian",), ("custodian", "it")])
def test_a_redelegation_of_recipients_with_too_few_signatures_is_refused(custodians, device, signers):
    key = new_key()
    targets, piece = redelegated(device, key), with_an_own_recipient(device)
    for name in signers:
        sign(targets, person_key(custodians, name))
    sign(piece, key)
    hostile(custodians, device, targets=targets, recipients=piece)
    assert_kept(device, "signed by as many of the right keys")


def test_even_custodians_cannot_hand_recipients_to_somebody_else(custodians, device):
    key = new_key()
    targets, piece = redelegated(device, key), with_an_own_recipient(device)
    for name in ("custodian", "second"):
        sign(targets, person_key(custodians, name))
    sign(piece, key)
    hostile(custodians, device, targets=targets, recipients=piece)
    assert_kept(device, "the delegation of recipients is to other keys or fewer signatures")


def test_a_delegate_that_delegates_further_is_refused(custodians, device):
    old = Metadata[Targets].from_bytes(device.served.publication.read("metadata/1.packs.json"))
    key = public_half(new_key(), "").key()
    old.signed.delegations = Delegations(
        {key.keyid: key}, {"more": DelegatedRole("more", [key.keyid], 1, terminating=True, paths=["packs/*"])}
    )
    old.signed.version = 2
    sign(old, person_key(custodians, "it"))
    hostile(custodians, device, packs=old)
    assert_kept(device, "")


def test_a_pack_signer_cannot_publish_a_policy_or_a_list(custodians, device):
    old = Metadata[Targets].from_bytes(device.served.publication.read("metadata/1.packs.json"))
    data = b"[categories]"
    target = TargetFile.from_data("policy/policy.toml", data, ["sha256"])
    target.unrecognized_fields["custom"] = {"version": 2}
    old.signed.targets["policy/policy.toml"] = target
    old.signed.version = 2
    sign(old, person_key(custodians, "it"))
    hostile(custodians, device, packs=old)
    assert_kept(device, "which is not its to publish")


def test_a_root_with_the_collectors_keys_is_refused(custodians, device):
    root = Metadata[Root].from_bytes(device.served.publication.read("metadata/1.root.json"))
    key = new_key()
    mine = public_half(key, "mine").key()
    root.signed.version = 2
    root.signed.keys[mine.keyid] = mine
    for role in ("root", "targets"):
        root.signed.roles[role].keyids = [mine.keyid]
        root.signed.roles[role].threshold = 1
    root.signatures.clear()
    sign(root, key)
    device.served.over["metadata/2.root.json"] = root.to_bytes()
    device.served.publication.refresh(datetime.now(UTC))
    assert_kept(device, "signed by as many of the right keys")


def test_rolled_back_rules_under_a_new_snapshot_are_refused(custodians, device):
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    assert device.check().state == "new"
    hostile(custodians, device, versions={"recipients": 2})
    assert_kept(device, "older or other version")


def test_a_rollback_is_refused_even_when_the_clients_memory_was_lost(custodians, device):
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    assert device.check().state == "new"
    shutil.rmtree(device.folder / "rules" / "trust")
    hostile(custodians, device, versions={"recipients": 2})
    assert_kept(device, "recipients version 2, which is older than version 3")


def test_a_rolled_back_timestamp_is_refused(custodians, device):
    old = device.served.publication.read("metadata/timestamp.json")
    device.served.publication.refresh(datetime.now(UTC))
    assert device.check().state == "unchanged"
    device.served.over["metadata/timestamp.json"] = old
    assert_kept(device, "older or other version")


def test_a_frozen_collector_is_noticed_and_what_is_in_force_stays(custodians, tmp_path):
    publication = custodians.publish(NOW - timedelta(days=1))
    device = device_of(custodians, publication, tmp_path / "device")
    first = device.check()
    assert first.state == "new"
    later = device.check(now=NOW + timedelta(days=2))
    assert (later.state, "expired" in later.reason) == ("kept", True)
    assert device.load() is not None
    assert updates.read_state(device.folder).age(NOW + timedelta(days=2)) > timedelta(days=1)


def test_expired_rules_are_never_newly_taken(custodians, tmp_path):
    publication = custodians.publish(NOW - timedelta(days=3))
    device = device_of(custodians, publication, tmp_path / "device")
    result = device.check()
    assert (result.state, "expired" in result.reason) == ("kept", True)
    assert device.load() is None


def test_a_clock_turned_back_does_not_make_an_expired_list_good_again(custodians, tmp_path):
    publication = custodians.publish()
    device = device_of(custodians, publication, tmp_path / "device")
    assert device.check(now=NOW + timedelta(days=1)).state == "new"
    state = updates.read_state(device.folder)
    late = NOW + timedelta(days=30)
    updates._write_state(device.folder / "rules", msgspec.structs.replace(state, not_before=late))
    result = device.check(now=NOW - timedelta(days=365))
    assert (result.state, "expired" in result.reason) == ("kept", True)


def test_a_timestamp_dated_far_ahead_does_not_shut_out_what_follows(custodians, device):
    hostile(custodians, device, expires_from=datetime.now(UTC) + timedelta(days=20_000))
    device.check()
    assert updates.read_state(device.folder).not_before <= datetime.now(UTC)


def test_versions_signed_far_ahead_are_recovered_from_with_new_online_keys(custodians, device):
    hostile(custodians, device, versions={})
    far = Metadata[Snapshot].from_bytes(device.served.over["metadata/50.snapshot.json"])
    far.signed.version = 2**31
    far.signed.meta["recipients.json"].version = 2**31
    far.signatures.clear()
    sign(far, online_key(custodians, "snapshot"))
    expires, extra = dated("timestamp", datetime.now(UTC))
    meta = MetaFile.from_data(2**31, far.to_bytes(), ["sha256"])
    stamp = Metadata(Timestamp(2**31, None, expires, meta, extra))
    sign(stamp, online_key(custodians, "timestamp"))
    device.served.over |= {
        f"metadata/{2**31}.snapshot.json": far.to_bytes(),
        "metadata/timestamp.json": stamp.to_bytes(),
    }
    assert_kept(device, "")
    device.served.over.clear()
    assert_kept(device, "older or other version")  # the honest collector is shut out, until the custodians sign

    shutil.rmtree(custodians.collector)
    init_online_keys(custodians.collector)
    online = custodians.collector / "keys" / "online-keys.json"
    assert custodians.sign("renew", "--online-keys", online) == 0
    assert custodians.sign(key="second") == 0
    custodians.publish()
    assert device.check().state == "new"
    assert device.load().recipients_version == 3


def test_a_damaged_newer_root_that_lies_about_does_not_stop_updates(custodians, device):
    (device.folder / "rules" / "trust" / "root_history" / "2.root.json").write_bytes(b"damaged")
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    assert device.check().state == "new"


def test_mixed_versions_are_refused(custodians, device):
    old = device.served.publication.read("metadata/2.recipients.json")
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    device.served.over["metadata/3.recipients.json"] = old
    assert_kept(device, "isn't what was signed")


@pytest.mark.parametrize("name", ["metadata/timestamp.json", "metadata/2.snapshot.json", "metadata/3.recipients.json"])
def test_a_flipped_byte_is_refused(custodians, device, name):
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    data = bytearray(device.served.publication.read(name))
    data[-20] ^= 1
    device.served.over[name] = bytes(data)
    assert_kept(device, "")
    del device.served.over[name]
    assert device.check().state == "new"


def test_a_flipped_byte_in_a_list_is_refused(custodians, device):
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    role = json.loads(device.served.publication.read("metadata/3.recipients.json"))
    digest = role["signed"]["targets"][RECIPIENTS_TARGET]["hashes"]["sha256"]
    name = f"targets/recipients/{digest}.recipients.json"
    device.served.over[name] = device.served.publication.read(name).replace(b"Alex", b"Alec")
    assert_kept(device, "isn't what was signed")


@pytest.mark.parametrize("name", ["metadata/timestamp.json", "metadata/2.root.json", "metadata/2.snapshot.json"])
def test_endless_data_is_refused(custodians, device, name):
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    device.served.over[name] = b" " * 3_000_000
    assert_kept(device, "")
    assert device.load().recipients_version == 2


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{" * 5000,
        b'{"signed":{"_type":"timestamp"}}',
        b'{"signatures":[],"signed":{"_type":"root"}}',
        b"<html>Sign in to the network</html>",
    ],
)
def test_what_is_no_metadata_is_refused_without_a_crash(device, text):
    device.served.over["metadata/timestamp.json"] = text
    assert_kept(device, "")


def test_a_policy_that_this_agent_cannot_read_is_refused(custodians, device):
    odd = custodians.folder / "policy.toml"
    odd.write_text("organisation = 7\n")
    assert custodians.sign("policy", odd) == 2


# --- on the device's own disk -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "policy.toml",
        "recipients.json",
        "rules/packs/curated.pack",
        "rules/protected.pack",
        "rules/categories.toml",
        "metadata/recipients.json",
        "metadata/1.root.json",
    ],
)
def test_a_locally_edited_file_is_refused_and_put_right_by_the_next_check(device, name):
    path = device.folder / "rules" / "current" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    assert device.load() is None
    assert device.check().state == "new"
    assert device.load() is not None


def test_a_removed_set_is_put_back_by_the_next_check(device):
    (device.folder / "rules" / "current").unlink()
    assert device.load() is None
    assert device.check().state == "new"
    assert device.load() is not None


def test_a_pack_put_beside_the_signed_ones_is_refused(device):
    packs = device.folder / "rules" / "current" / "rules" / "packs"
    shutil.copy(packs / "curated.pack", packs / "more.pack")
    assert device.load() is None


def test_an_older_set_put_back_by_hand_is_refused(custodians, device):
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    assert device.check().state == "new"
    link = device.folder / "rules" / "current"
    link.unlink()
    link.symlink_to("sets/1")
    assert device.load() is None


def test_a_set_from_another_organisation_is_refused(device, pilot, tmp_path):
    other = device_of(pilot, pilot.publish(), tmp_path / "other")
    assert other.check().state == "new"
    link = device.folder / "rules" / "current"
    link.unlink()
    link.symlink_to(other.folder / "rules" / "current")
    assert device.load() is None


def test_a_half_taken_set_is_never_in_force(custodians, device):
    custodians.sign("policy", custodians.folder / "rules" / "nameable.pack")
    custodians.sign(key="second")
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    role = json.loads(device.served.publication.read("metadata/3.recipients.json"))
    digest = role["signed"]["targets"][RECIPIENTS_TARGET]["hashes"]["sha256"]
    device.served.over[f"targets/recipients/{digest}.recipients.json"] = CollectorUnreachable("no answer")
    assert_kept(device, "did not answer")
    assert device.load().policy_version == 2


def test_old_sets_are_forgotten(custodians, device):
    for group in ("staff", "learners", "partners"):
        custodians.sign("recipients", "--groups", f"Alex={group}")
        custodians.sign(key="second")
        custodians.publish()
        assert device.check().state == "new"
    assert len(list((device.folder / "rules" / "sets").iterdir())) == updates.KEPT_SETS


# --- deltas -----------------------------------------------------------------------------------------------------


def made_pack(folder, first, count):
    with PackWriter([("gambling", "made")], folder) as writer:
        for number in range(first, first + count):
            writer.add(f"casino{number}.example", 0)
        writer.write(folder / "made.pack")
    return (folder / "made.pack").read_bytes()


@pytest.fixture
def changed(custodians, device):
    """Put a large pack in force, and publish one of which a hundredth changed; returns the new pack and its delta."""
    curated = custodians.packs()
    old, new = made_pack(custodians.folder, 0, 20_000), made_pack(custodians.folder, 200, 20_000)
    custodians.put_packs(curated | {"packs/made.pack": old})
    custodians.publish()
    assert device.check().state == "new"
    before, after = (hashlib.sha256(each).hexdigest() for each in (old, new))
    name = delta_path("packs/made.pack", before, after)
    made = delta.make(old, new)
    custodians.put_packs(curated | {"packs/made.pack": new, name: made})
    custodians.publish()
    device.served.asked.clear()
    device.served.bytes = 0
    return SimpleNamespace(
        pack=f"targets/packs/{after}.made.pack",
        delta=f"targets/packs/{hashlib.sha256(made).hexdigest()}.{name.partition('/')[2]}",
        new=new,
        in_place=device.folder / "rules" / "current" / "rules" / "packs" / "made.pack",
    )


def test_a_changed_pack_arrives_as_a_delta_in_a_tenth_of_its_size_with_all_that_proves_it(device, changed):
    assert device.check().state == "new"
    assert changed.in_place.read_bytes() == changed.new
    assert device.load().packs == {"curated": 3, "made": 3}
    assert [match.entry for match in device.load().rules.classify("host", "casino20100.example").trial] == [
        "casino20100.example"
    ]
    assert [name for name in device.served.asked if name.startswith("targets/")] == [changed.delta]
    assert device.served.bytes <= len(changed.new) / 10


def test_what_has_not_changed_is_not_fetched_again(custodians, device):
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    device.served.asked.clear()
    assert device.check().state == "new"
    (fetched,) = [name for name in device.served.asked if name.startswith("targets/")]
    assert fetched.endswith(".recipients.json")


@pytest.mark.parametrize("wrong", ["missing", "no answer", "garbage", "too long", "edited here", "gone here"])
def test_where_a_delta_fails_the_whole_pack_is_fetched(device, changed, wrong):
    over = device.served.over
    match wrong:
        case "missing":
            over[changed.delta] = CollectorRefused("not_found", retry=True, status=404)
        case "no answer":
            over[changed.delta] = CollectorUnreachable("no answer")
        case "garbage":
            over[changed.delta] = bytes(2000)
        case "too long":
            over[changed.delta] = bytes(10_000_000)
        case "edited here":
            changed.in_place.write_bytes(b"edited")
        case "gone here":
            changed.in_place.unlink()
    assert device.check().state == "new"
    assert changed.in_place.read_bytes() == changed.new
    assert changed.pack in device.served.asked
    assert not list(changed.in_place.parent.glob("*.delta"))


@pytest.mark.parametrize("signed", [b"FWDELTA1 and then nothing", "another result"])
def test_a_delta_that_it_signed_wrongly_leads_to_the_whole_pack(custodians, device, changed, signed):
    curated = {path: data for path, data in custodians.packs().items() if path == "packs/curated.pack"}
    old = changed.in_place.read_bytes()
    new = made_pack(custodians.folder, 300, 20_000)
    name = delta_path("packs/made.pack", hashlib.sha256(old).hexdigest(), hashlib.sha256(new).hexdigest())
    made = signed if isinstance(signed, bytes) else delta.make(old, new + new)
    version = custodians.put_packs(curated | {"packs/made.pack": new, name: made})
    role = (custodians.ceremony / "publication" / "metadata" / f"{version}.packs.json").read_bytes()
    hostile(custodians, device, packs=Metadata[Targets].from_bytes(role))
    for path, data in (("packs/made.pack", new), (name, made)):
        folder, _, file = path.rpartition("/")
        device.served.over[f"targets/{folder}/{hashlib.sha256(data).hexdigest()}.{file}"] = data
    assert device.check().state == "new"
    assert changed.in_place.read_bytes() == new


def test_where_neither_delta_nor_pack_can_be_had_what_is_in_force_stays(device, changed):
    device.served.over[changed.delta] = bytes(2000)
    device.served.over[changed.pack] = CollectorUnreachable("no answer")
    assert_kept(device, "did not answer")


# --- a new device -----------------------------------------------------------------------------------------------


def token_of(organisation, publication, **changes):
    versions = publication.published().versions
    root = publication.read("metadata/1.root.json")
    token = EnrolmentToken(
        1,
        UUID(int=7),
        "s",
        "http://localhost",
        "",
        hashlib.sha256(root).hexdigest(),
        1,
        "staff",
        NOW + timedelta(days=1),
        1,
        dict(versions),
    )
    token = msgspec.structs.replace(token, **changes)
    return write(token, person_key(organisation, "it")), token


def test_a_new_device_pins_its_root_and_takes_the_rules_in(custodians, tmp_path):
    publication = custodians.publish()
    text, token = token_of(custodians, publication)
    updates.first_root(text, token, Served(publication), tmp_path, lambda: datetime.now(UTC))
    assert updates.load(tmp_path, token.root).recipients_version == 2


def test_a_new_device_refuses_a_root_that_the_token_does_not_name(custodians, tmp_path):
    publication = custodians.publish()
    text, token = token_of(custodians, publication, root="0" * 64)
    with pytest.raises(NotTrusted, match="not the one that the enrolment token names"):
        updates.first_root(text, token, Served(publication), tmp_path, lambda: datetime.now(UTC))
    assert updates.load(tmp_path, token.root) is None


def test_a_new_device_refuses_a_rolled_back_list_by_the_tokens_least_versions(custodians, tmp_path):
    publication = custodians.publish()
    old = Publication(custodians.folder / "copy")
    shutil.copytree(custodians.collector, custodians.folder / "copy")
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    text, token = token_of(custodians, publication)
    assert token.minimum["recipients"] == 3
    with pytest.raises(NotTrusted, match="recipients version 2, which is older than version 3"):
        updates.first_root(text, token, Served(old), tmp_path, lambda: datetime.now(UTC))
    assert updates.load(tmp_path, token.root) is None


def test_a_token_that_it_did_not_sign_is_refused(custodians, tmp_path):
    publication = custodians.publish()
    _, token = token_of(custodians, publication)
    with pytest.raises(Refused, match="token_bad_signature"):
        updates.first_root(write(token, new_key()), token, Served(publication), tmp_path, lambda: datetime.now(UTC))


def test_the_command_refuses_a_device_that_is_not_enrolled(tmp_path, capsys):
    from agent.__main__ import main

    assert main(["update", "--data-dir", str(tmp_path)]) == 2
    assert "fairwatch-agent enrol" in capsys.readouterr().err


def test_the_list_is_never_taken_from_a_file_that_names_a_key_twice(device):
    data = (device.folder / "rules" / "current" / "recipients.json").read_bytes()
    listed = decode_recipients(data)
    twice = msgspec.structs.replace(listed, recipients=(*listed.recipients, listed.recipients[0]))
    with pytest.raises(NotTrusted, match="names a key twice"):
        decode_recipients(msgspec.json.encode(twice))


# --- the command, over real HTTP --------------------------------------------------------------------------------


@pytest.fixture
def enrolled(custodians, tmp_path):
    """Return a device enrolled with a collector that serves the publication over loopback, and that collector."""
    publication = custodians.publish()

    class Handler(BaseHTTPRequestHandler):
        endless = False
        dripping = False
        asked: ClassVar[list[str]] = []
        wire_bytes = 0

        def do_GET(self):
            Handler.asked.append(self.path)
            Handler.wire_bytes += len(self.raw_requestline) + len(bytes(self.headers))
            data = publication.read(self.path.removeprefix("/publication/"))
            tag = f'"{hashlib.sha256(data or b"").hexdigest()[:16]}"'
            same = self.headers.get("If-None-Match") == tag and not Handler.endless
            self.send_response(404 if data is None else 304 if same else 200)
            self.send_header("ETag", tag)
            Handler.wire_bytes += sum(len(line) for line in self._headers_buffer) + 2
            self.end_headers()
            body = b"" if same else data or b""
            Handler.wire_bytes += len(body)
            with suppress(OSError):
                while Handler.dripping:
                    self.wfile.write(b" ")
                    time.sleep(0.05)
                self.wfile.write(body)
                while Handler.endless:
                    self.wfile.write(b" " * 65536)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    text, token = token_of(custodians, publication, collector=address)
    folder = tmp_path / "agent"
    own = keys.make_keys(folder)
    updates.first_root(text, token, Served(publication), folder, lambda: datetime.now(UTC))
    identity = keys.Identity(
        device=UUID(int=9), group="staff", collector=address, certificate="", root=token.root, root_version=1,
        minimum=token.minimum, enrolled_at=NOW, key=own.key, spool_key=own.spool_key,
    )  # fmt: skip
    keys.save(identity, folder)
    yield folder, server, Handler
    server.shutdown()
    server.server_close()


def update(folder):
    command = [sys.executable, "-m", "agent", "update", "--data-dir", str(folder), "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_takes_new_rules_in_from_a_real_collector(custodians, enrolled):
    folder, server, handler = enrolled
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    done = update(folder)
    assert (done.returncode, json.loads(done.stdout)["state"]) == (0, "new")
    assert updates.load(folder).recipients_version == 3
    handler.endless = True
    done = update(folder)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    handler.endless = False
    server.shutdown()
    server.server_close()
    done = update(folder)
    assert (done.returncode, "did not answer" in done.stderr, "127.0.0.1" in done.stderr) == (1, True, False)
    assert updates.load(folder).recipients_version == 3


def over_http(folder, seconds=60.0):
    identity = keys.load(folder)
    collector = Collector(identity.collector, total_seconds=seconds)
    try:
        return updates.check(folder, collector, root=identity.root, minimum=identity.minimum, now=datetime.now(UTC))
    finally:
        collector.close()


def test_a_check_with_nothing_new_costs_one_small_request(custodians, enrolled):
    folder, _, handler = enrolled
    assert over_http(folder).state == "unchanged"
    handler.asked.clear()
    handler.wire_bytes = 0
    before = updates.read_state(folder).fresh_at
    assert over_http(folder).state == "unchanged"
    assert handler.asked == ["/publication/metadata/timestamp.json"]
    assert handler.wire_bytes < 600
    assert updates.read_state(folder).fresh_at > before
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    assert over_http(folder).state == "new"


def test_a_collector_that_drips_is_given_up_in_one_line_and_what_is_in_force_stays(enrolled):
    folder, _, handler = enrolled
    handler.dripping = True
    begun = time.monotonic()
    result = over_http(folder, seconds=0.5)
    assert (result.state, result.reason) == ("kept", "the collector did not answer")
    assert time.monotonic() - begun < 10
    assert updates.load(folder) is not None


# --- asking cheaply ---------------------------------------------------------------------------------------------


def test_a_timestamp_that_was_fetched_is_not_fetched_twice(device):
    device.served.publication.refresh(datetime.now(UTC))
    device.served.asked.clear()
    assert device.check().state == "unchanged"
    assert device.served.asked.count("metadata/timestamp.json") == 1


def test_an_unchanged_timestamp_does_not_outlive_its_expiry(device):
    state = device.check(now=NOW + timedelta(days=3))
    assert (state.state, "expired" in state.reason) == ("kept", True)
    assert device.load() is not None


@pytest.mark.parametrize("lost", ["trust/timestamp.json", "trust/root.json", "trust/snapshot.json", "trust/packs.json"])
def test_a_lost_memory_is_fetched_again_although_nothing_changed(device, lost):
    (device.folder / "rules" / lost).unlink()
    assert device.check().state == "unchanged"
    assert (device.folder / "rules" / lost).exists()


def test_a_collector_that_always_says_unchanged_can_only_delay(custodians, device):
    class Stubborn(Served):
        def get(self, path, *, etag=None, max_bytes=0):
            if etag is not None:
                return Fetched(b"", etag, unchanged=True)
            return super().get(path, etag=etag, max_bytes=max_bytes)

    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    device.served = Stubborn(custodians.publish())
    assert device.check().state == "unchanged"
    late = device.check(now=NOW + timedelta(days=3))
    assert (late.state, "expired" in late.reason) == ("kept", True)


@pytest.mark.parametrize("tag", ['"a\r\nX: y"', "no quotes", '"' + "x" * 200 + '"', None])
def test_a_tag_that_is_none_is_not_remembered(device, tag):
    class Odd(Served):
        def get(self, path, *, etag=None, max_bytes=0):
            assert etag != tag or tag is None
            return msgspec.structs.replace(super().get(path, max_bytes=max_bytes), etag=tag)

    device.served.publication.refresh(datetime.now(UTC))
    device.served = Odd(device.served.publication)
    assert device.check().state == "unchanged"
    assert updates.read_state(device.folder).etag == ""
    assert device.check().state == "unchanged"


# --- clocks -----------------------------------------------------------------------------------------------------


@pytest.fixture
def lives_to(custodians, device):
    """Let one piece of metadata, signed by its own people, expire at a time, and the others long after it."""

    def make(name, when):
        pieces, versions = {}, {}
        if name in DELEGATED or name == "targets":
            version = device.served.publication.published().versions[name]
            piece = Metadata[Targets].from_bytes(device.served.publication.read(f"metadata/{version}.{name}.json"))
            piece.signed.version += 1
            piece = with_an_own_recipient(device) if name == "recipients" else piece
            piece.signed.expires = when
            piece.signatures.clear()
            for key in ("it",) if name == "packs" else ("custodian", "second"):
                sign(piece, person_key(custodians, key))
            pieces[name] = piece
        hostile(custodians, device, versions, **pieces)
        if name == "root":
            root = Metadata[Root].from_bytes(device.served.publication.read("metadata/1.root.json"))
            root.signed.version, root.signed.expires = 2, when
            root.signatures.clear()
            for key in ("custodian", "second"):
                sign(root, person_key(custodians, key))
            device.served.over["metadata/2.root.json"] = root.to_bytes()
        if name in ("snapshot", "timestamp"):
            snapshot = Metadata[Snapshot].from_bytes(device.served.over["metadata/50.snapshot.json"])
            stamp = Metadata[Timestamp].from_bytes(device.served.over["metadata/timestamp.json"])
            (snapshot if name == "snapshot" else stamp).signed.expires = when
            snapshot.signatures.clear()
            stamp.signatures.clear()
            sign(snapshot, online_key(custodians, "snapshot"))
            stamp.signed.snapshot_meta = MetaFile.from_data(50, snapshot.to_bytes(), ["sha256"])
            sign(stamp, online_key(custodians, "timestamp"))
            device.served.over["metadata/50.snapshot.json"] = snapshot.to_bytes()
            device.served.over["metadata/timestamp.json"] = stamp.to_bytes()

    return make


@pytest.mark.parametrize("name", [*OFFLINE, "snapshot", "timestamp"])
def test_each_role_is_taken_until_it_expires_and_not_after(device, lives_to, name):
    """The day before is fine, the day after is not: the service keeps what it has, and says since when."""
    expiry = (NOW + timedelta(hours=30)).replace(microsecond=0)
    lives_to(name, expiry)
    assert device.check(now=expiry - timedelta(days=1)).reason == ""
    before = device.load()
    late = device.check(now=expiry + timedelta(days=1))
    assert (late.state, "expired" in late.reason, "\n" in late.reason) == ("kept", True, False)
    assert device.load().recipients == before.recipients
    assert updates.read_state(device.folder).age(expiry + timedelta(days=1)) == timedelta(days=2)


@pytest.mark.parametrize("name", [*OFFLINE, "snapshot", "timestamp"])
def test_a_clock_turned_back_behind_an_expiry_takes_nothing_that_had_expired(device, lives_to, name):
    expiry = (NOW + timedelta(hours=30)).replace(microsecond=0)
    lives_to(name, expiry)
    state = updates.read_state(device.folder)
    seen = msgspec.structs.replace(state, not_before=expiry + timedelta(days=1))
    updates._write_state(device.folder / "rules", seen)
    result = device.check(now=expiry - timedelta(days=1))
    assert (result.state, "expired" in result.reason) == ("kept", True)
    assert updates.read_state(device.folder).not_before == seen.not_before


def test_the_last_signed_time_never_falls(custodians, device):
    first = updates.read_state(device.folder).not_before
    device.check(now=NOW - timedelta(days=400))
    assert updates.read_state(device.folder).not_before == first
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    custodians.publish()
    device.check(now=NOW - timedelta(days=400))
    assert updates.read_state(device.folder).not_before >= first
