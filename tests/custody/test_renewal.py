"""Rehearses what happens to keys in a long life, each to its end: do devices follow, and is the old key refused?"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from agent import updates
from agent.errors import CollectorRefused
from agent.http import Fetched
from custody.__main__ import main
from custody.draft import Draft
from protocol.publication import DELEGATED, OFFLINE, dated
from protocol.rolekeys import from_pem, sign
from server.errors import PublishRefused
from server.publish import Publication, init_online_keys

pytestmark = pytest.mark.more

NOW = datetime.now(UTC)
PASSPHRASE = "quiet lamp river seven ocean bread"


@dataclass
class Device:
    """A device's folder, the collector that it asks, and what a hostile one puts over it."""

    folder: Any
    publication: Publication
    root: str
    over: dict[str, bytes] = field(default_factory=dict)

    def get(self, path, *, etag=None, max_bytes=0):
        name = path.removeprefix("/publication/")
        data = self.over.get(name, self.publication.read(name))
        if data is None:
            raise CollectorRefused("not_found", retry=True, status=404)
        tag = f'"{hashlib.sha256(data).hexdigest()}"'
        unchanged = etag == tag and not self.over  # a hostile collector never says "unchanged"
        return Fetched(b"", tag, unchanged=True) if unchanged else Fetched(data, tag, unchanged=False)

    def check(self, now=None):
        return updates.check(self.folder, self, root=self.root, minimum={}, now=now or datetime.now(UTC))

    def load(self):
        return updates.load(self.folder, self.root)


class Life:
    """An organisation over the years: its people's commands, at any time, and its devices."""

    def __init__(self, organisation, folder):
        self.of = organisation
        self.folder = folder
        self.keys = {"custodian": organisation.ceremony / "private" / "custodian.pem"}
        self.keys |= {name: organisation.folder / f"{name}.pem" for name in ("second", "it")}

    def run(self, *words, key="custodian", now=NOW):
        secret = ("--passphrase-file", self.of.folder / "passphrase", "--yes")
        words = (*words, "--dir", self.of.ceremony, "--key", self.keys[key], *secret)
        return main([str(word) for word in words], clock=lambda: now)

    def done(self, *words, by=("custodian", "second"), now=NOW):
        """Have the first propose and sign, and the others sign too."""
        assert self.run(*words, key=by[0], now=now) == 0
        for other in by[1:]:
            assert self.run("sign", key=other, now=now) == 0

    def new_key(self, name):
        path = self.of.folder / f"{name}.pem"
        made = ("key", "--out", path, "--name", name, "--passphrase-file", self.of.folder / "passphrase", "--yes")
        assert self.of.custody(*made) == 0
        self.keys[name] = path
        return path.with_suffix(".public.json")

    def device(self, name="device"):
        folder = self.folder / name
        anchor = (self.of.ceremony / "publication" / "metadata" / "1.root.json").read_bytes()
        (folder / "rules").mkdir(parents=True)
        (folder / "rules" / "anchor.json").write_bytes(anchor)
        return Device(folder, Publication(self.of.collector), hashlib.sha256(anchor).hexdigest())

    def draft(self):
        return Draft(self.of.ceremony)

    def pem(self, name):
        return from_pem(self.keys[name].read_bytes(), PASSPHRASE)

    def signed_by(self, name, *people):
        """Return the next version of what is in force, signed by these people alone."""
        piece = self.draft().root_in_force() if name == "root" else self.draft().in_force(name)
        piece.signed.version += 1
        piece.signatures.clear()
        for person in people:
            sign(piece, self.pem(person))
        return piece

    def serve(self, device, name, piece):
        """Let the collector serve this piece under a fresh snapshot and timestamp, which it can sign."""
        if name == "root":
            device.over[f"metadata/{piece.signed.version}.root.json"] = piece.to_bytes()
            return
        versions = device.publication.published().versions
        texts = {n: device.publication.read(f"metadata/{versions[n]}.{n}.json") for n in ("targets", *DELEGATED)}
        numbers = dict(versions) | {name: piece.signed.version}
        texts[name] = piece.to_bytes()
        device.over[f"metadata/{numbers[name]}.{name}.json"] = texts[name]
        keys = {
            n: from_pem((self.of.collector / "keys" / f"{n}.pem").read_bytes(), None) for n in ("snapshot", "timestamp")
        }
        expires, extra = dated("snapshot", NOW)
        meta = {f"{n}.json": MetaFile.from_data(numbers[n], text, ["sha256"]) for n, text in texts.items()}
        snapshot = Metadata(Snapshot(900, None, expires, meta, extra))
        sign(snapshot, keys["snapshot"])
        expires, extra = dated("timestamp", NOW)
        stamp = Metadata(Timestamp(900, None, expires, MetaFile.from_data(900, snapshot.to_bytes(), ["sha256"]), extra))
        sign(stamp, keys["timestamp"])
        device.over |= {"metadata/900.snapshot.json": snapshot.to_bytes(), "metadata/timestamp.json": stamp.to_bytes()}


@pytest.fixture
def life(custodians, tmp_path):
    return Life(custodians, tmp_path)


@pytest.fixture
def three(life):
    """An organisation with three custodians and a device that has followed."""
    life.of.publish()
    life.done("custodian", "add", life.new_key("third"))
    life.of.publish()
    device = life.device()
    assert device.check().state == "new"
    return life, device


# --- custodians come and go ------------------------------------------------------------------------------------------


def test_a_custodian_is_added_and_may_sign_with_one_of_the_others(three):
    life, device = three
    assert len(life.draft().root().signed.roles["root"].keyids) == 3
    life.done("sign", "recipients", "--groups", "Alex=staff", by=("third", "custodian"))
    life.of.publish()
    assert device.check().state == "new"
    assert device.load().recipients.recipients[-1].groups == ("staff",)


def test_a_removed_custodian_signs_nothing_more(three):
    life, device = three
    before = dict(device.publication.published().versions)
    life.done("custodian", "remove", "second", by=("custodian", "third"))
    life.of.publish()
    assert device.check().state == "new"
    after = device.publication.published().versions
    assert {name for name in OFFLINE if after[name] == before[name]} == {"packs"}, "all but IT's part is signed again"
    assert life.run("sign", "recipients", key="second") == 2
    for name in ("root", "targets", "recipients", "policy", "releases"):
        for people in (("second",), ("custodian", "second"), ("third", "second")):
            fake = life.signed_by(name, *people)
            life.serve(device, name, fake)
            result = device.check()
            assert result.state == "kept", (name, people)
            assert "right keys" in result.reason, (name, people)
            device.over.clear()
            shutil.rmtree(device.folder / "rules" / "trust")
            assert device.check().state == "unchanged"


def test_what_the_removed_custodian_signed_before_is_refused_at_the_collector(three):
    life, _ = three
    life.done("custodian", "remove", "second", by=("custodian", "third"))
    life.of.publish()
    for name in ("recipients", "policy"):
        life.draft().put(name, life.signed_by(name, "custodian", "second"))
        with pytest.raises(PublishRefused, match="right keys"):
            life.of.publish()
        (life.draft().folder / "metadata" / f"{life.draft().in_force(name).signed.version + 1}.{name}.json").unlink()


def test_the_old_root_alone_brings_no_removed_key_back(three):
    life, device = three
    life.done("custodian", "remove", "second", by=("custodian", "third"))
    life.of.publish()
    assert device.check().state == "new"
    old = Metadata[Root].from_bytes(device.publication.read("metadata/2.root.json"))
    old.signed.version = 4
    old.signatures.clear()
    for person in ("second", "third"):
        sign(old, life.pem(person))
    device.over["metadata/4.root.json"] = old.to_bytes()
    assert device.check().state == "kept"
    assert device.load() is not None


def test_a_new_root_needs_the_custodians_until_now_and_those_from_now_on(life):
    life.of.publish()
    device = life.device()
    assert device.check().state == "new"
    third = life.new_key("third")
    assert life.run("custodian", "replace", "second", "--by", third) == 0
    assert life.run("sign", key="third") == 0
    assert life.draft().pending("root") is not None, "those until now: only one of the two has signed"
    with pytest.raises(PublishRefused, match="root metadata isn't signed by as many"):
        life.of.publish()
    assert life.run("sign", key="second") == 0
    life.of.publish()
    assert device.check().state == "new"


def test_a_lost_custodians_key_is_replaced_by_the_other_two(three):
    life, device = three
    life.done("custodian", "replace", "second", "--by", life.new_key("second again"), by=("custodian", "third"))
    life.of.publish()
    assert device.check().state == "new"
    life.done("sign", "recipients", "--groups", "Alex=staff", by=("second again", "third"))
    life.of.publish()
    assert device.check().state == "new"


def test_a_pilot_grows_to_two_custodians(pilot, tmp_path):
    life = Life(pilot, tmp_path)
    life.of.publish()
    device = life.device()
    assert device.check().state == "new"
    assert device.load().recipients.pilot
    life.done("custodian", "add", pilot.folder / "second.public.json")
    published = life.of.publish().published()
    assert (published.pilot, published.recipients.pilot) == (False, False)
    assert device.check().state == "new"
    assert not device.load().recipients.pilot
    fake = life.signed_by("recipients", "custodian")
    life.serve(device, "recipients", fake)
    assert "right keys" in device.check().reason


def test_with_two_custodians_none_is_removed_without_another(life, capsys):
    assert life.run("custodian", "remove", "second") == 2
    assert "two custodians must be left" in capsys.readouterr().err
    assert life.run("custodian", "remove", "nobody") == 2
    assert "no custodian is called «nobody»" in capsys.readouterr().err
    assert life.run("custodian", "add", life.of.folder / "second.public.json") == 2
    assert "already" in capsys.readouterr().err
    assert life.run("custodian", "add", life.of.folder / "it.public.json") == 2
    assert "nothing was signed" in capsys.readouterr().err
    assert life.draft().pending("root") is None


def test_a_device_that_was_away_follows_through_several_roots(life):
    life.of.publish()
    away = life.device("away")
    assert away.check().state == "new"
    for number in range(3):
        life.done("custodian", "add", life.new_key(f"guest {number}"))
        life.of.publish()
        life.done("custodian", "remove", f"guest {number}")
        life.of.publish()
    result = away.check()
    assert (result.state, result.versions["root"]) == ("new", 7)
    assert life.device("new").check().versions["root"] == 7
    assert away.load() is not None


def test_nothing_else_is_signed_while_a_change_of_keys_waits_and_it_can_be_taken_back(life, capsys):
    assert life.run("custodian", "add", life.new_key("third")) == 0
    assert life.run("sign", "recipients", "--groups", "Alex=staff") == 2
    assert "withdraw" in capsys.readouterr().err
    assert life.of.custody("withdraw", "--dir", life.of.ceremony, "--yes") == 0
    assert all(life.draft().pending(name) is None for name in OFFLINE)
    life.done("sign", "recipients", "--groups", "Alex=staff")
    life.of.publish()


# --- IT's key and the collector's keys -------------------------------------------------------------------------------


def test_its_key_is_replaced_and_the_old_one_signs_no_pack_and_no_token(life, capsys):
    life.of.publish()
    device = life.device()
    assert device.check().state == "new"
    old = life.draft().trusted().packs_keys
    life.done("sign", "renew", "--it-key", life.new_key("it again"))
    assert life.run("sign", "packs", key="it") == 2
    assert life.run("sign", "packs", key="it again") == 0
    life.of.publish()
    assert device.check().state == "new"
    assert not set(device.publication.packs_keys()) & set(old)
    life.serve(device, "packs", life.signed_by("packs", "it"))
    assert "right keys" in device.check().reason


@pytest.mark.parametrize("lost", ["keys", "everything"])
def test_lost_online_keys_are_replaced_and_the_old_ones_are_worth_nothing(life, lost):
    life.of.publish()
    device = life.device()
    assert device.check().state == "new"
    stolen = life.of.folder / "stolen"
    shutil.copytree(life.of.collector / "keys", stolen)
    shutil.rmtree(life.of.collector / "keys" if lost == "keys" else life.of.collector)
    init_online_keys(life.of.collector)
    with pytest.raises(PublishRefused, match="another snapshot key"):
        life.of.publish()
    life.done("sign", "renew", "--online-keys", life.of.collector / "keys" / "online-keys.json")
    life.of.publish()
    assert device.check().state == "new"
    shutil.rmtree(life.of.collector / "keys")
    shutil.copytree(stolen, life.of.collector / "keys")
    life.serve(device, "recipients", life.draft().in_force("recipients"))
    assert "right keys" in device.check().reason


# --- expiry ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", OFFLINE)
def test_each_part_expires_by_itself_is_warned_of_and_is_renewed(life, role, capsys):
    life.of.publish()
    device = life.device()
    assert device.check().state == "new"
    # All but this part are renewed in time.
    soon, late = NOW + timedelta(days=350), NOW + timedelta(days=396)
    others = [name for name in OFFLINE if name not in {role, "packs"}]
    capsys.readouterr()
    life.done("sign", "renew", *others, now=soon)
    if role != "packs":
        assert life.run("sign", "packs", key="it", now=soon) == 0
    warned = [line for line in capsys.readouterr().out.splitlines() if line.startswith("WARNING")]
    assert {line.split()[1] for line in warned} >= {role}, "the last signer was told"
    life.of.publish(soon)
    assert device.check(soon).state == "new"
    # A device keeps what it has when the part has expired, and says so; the collector publishes nothing new.
    with pytest.raises(PublishRefused, match=f"the {role} metadata expired"):
        life.of.publish(late)
    assert device.load() is not None
    status = ["status", "--dir", str(life.of.ceremony)]
    assert main(status, clock=lambda: late) == 0
    assert f"WARNING: {role} expired" in capsys.readouterr().out
    if role == "packs":
        assert life.run("sign", "packs", key="it", now=late) == 0
    else:
        life.done("sign", "renew", role, now=late)
    life.of.publish(late)
    assert device.check(late).state == "new"
    capsys.readouterr()
    assert main(status, clock=lambda: late) == 0
    assert f"WARNING: {role} " not in capsys.readouterr().out


def test_a_device_keeps_its_rules_past_expiry_and_takes_renewed_ones(life):
    life.of.publish()
    device = life.device()
    assert device.check().state == "new"
    late = NOW + timedelta(days=400)
    result = device.check(late)
    assert (result.state, "expired" in result.reason) == ("kept", True)
    assert device.load() is not None
    life.done("sign", "renew", now=late)
    assert life.run("sign", "packs", key="it", now=late) == 0
    life.of.publish(late)
    assert device.check(late).state == "new"


def test_status_says_until_when_and_who_must_still_sign(life, capsys):
    life.run("sign", "recipients", "--groups", "Alex=staff")
    capsys.readouterr()
    assert life.of.custody("status", "--dir", life.of.ceremony) == 0
    shown = capsys.readouterr().out
    assert "recipients: version 2, valid until" in shown
    assert "version 3 waits for 1 of second" in shown
    assert "Nothing expires within 60 days" in shown


def test_only_what_custodians_sign_is_renewed_by_them(life, capsys):
    assert life.run("sign", "renew", "packs") == 2
    assert "custodians can't renew «packs»" in capsys.readouterr().err
    assert life.run("sign", "renew", key="it") == 2
    assert "this key may not sign" in capsys.readouterr().err


def test_an_unfinished_ceremony_changes_no_keys(custodians, tmp_path, capsys):
    life = Life(custodians, tmp_path)
    metadata = custodians.ceremony / "publication" / "metadata"
    piece = Metadata[Root].from_bytes((metadata / "1.root.json").read_bytes())
    piece.signatures.pop(next(iter(piece.signatures)))
    piece.to_file(str(metadata / "1.root.json"))
    assert life.run("custodian", "add", life.new_key("third")) == 2
    assert "the ceremony is not finished" in capsys.readouterr().err


def test_what_is_signed_again_says_the_same(life):
    """Renewing changes dates and versions; no file but the list's own version."""
    before = {name: life.draft().in_force(name) for name in DELEGATED}
    life.done("sign", "renew")
    for name in ("policy", "releases"):
        after = life.draft().in_force(name)
        assert isinstance(after.signed, Targets)
        assert after.signed.version == before[name].signed.version + 1
        assert after.signed.targets == before[name].signed.targets
