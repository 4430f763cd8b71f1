"""The collector publishes what any device would take, and nothing else."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from protocol.publication import delta_path, file_name
from rules import delta
from server.errors import PublishRefused, SetUpError
from server.publish import Publication, init_online_keys

NOW = datetime.now(UTC)


def metadata(custodians, name, version):
    return custodians.ceremony / "publication" / "metadata" / file_name(name, version)


def test_what_two_custodians_and_it_signed_is_published_with_fresh_snapshot_and_timestamp(custodians):
    publication = custodians.publish()
    published = publication.published()
    assert published.versions == {"root": 1, "targets": 1, "recipients": 2, "policy": 2, "releases": 1, "packs": 1}
    assert not published.pilot
    assert [one.label for one in published.recipients.recipients] == ["recovery key", "Alex"]
    assert json.loads(publication.read("metadata/timestamp.json"))["signed"]["version"] == 1
    assert publication.read("metadata/2.recipients.json") is not None
    assert len(publication.packs_keys()) == 1


def test_a_pilot_is_published_as_one(pilot):
    publication = pilot.publish()
    assert publication.published().pilot
    assert publication.published().recipients.pilot


def test_one_signature_of_two_is_refused_and_nothing_is_kept(custodians):
    custodians.publish()
    custodians.sign("recipients", "--remove", "Alex", "--deputy-key", f"Eve={custodians.folder / 'lead.json'}")
    with pytest.raises(PublishRefused, match="recipients metadata isn't signed by as many"):
        custodians.publish()
    publication = Publication(custodians.collector)
    assert publication.published().versions["recipients"] == 2
    assert publication.read("metadata/3.recipients.json") is None


def test_custodians_and_it_sign_only_their_own(custodians):
    policy = custodians.folder / "rules" / "protected.pack"
    assert custodians.sign("policy", policy, key="it") == 2
    assert custodians.sign("packs", policy, key="custodian") == 2
    assert custodians.sign("recipients", key="it") == 2


def test_an_older_folder_than_what_is_published_is_refused(custodians):
    old = custodians.folder / "old"
    shutil.copytree(custodians.ceremony, old)
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")
    publication = custodians.publish()
    with pytest.raises(PublishRefused, match="recipients version 2 is older than version 3"):
        publication.accept(old, NOW)


def test_expired_metadata_is_refused(custodians):
    with pytest.raises(PublishRefused, match="expired"):
        custodians.publish(NOW + timedelta(days=396))


def test_another_text_under_a_published_version_is_refused(custodians):
    publication = custodians.publish()
    path = metadata(custodians, "policy", 2)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(PublishRefused, match="version 2 of policy is here already with another text"):
        publication.accept(custodians.ceremony, NOW)


def test_a_flipped_byte_in_a_file_is_refused(custodians):
    (pack,) = (custodians.ceremony / "publication" / "targets" / "packs").iterdir()
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(bytes(data))
    with pytest.raises(PublishRefused, match=r"packs/curated\.pack is not the one that was signed"):
        custodians.publish()


def test_a_missing_file_is_refused_by_name(custodians):
    shutil.rmtree(custodians.ceremony / "publication" / "targets" / "recipients")
    with pytest.raises(PublishRefused, match=r"recipients/recipients\.json is signed for, but missing"):
        custodians.publish()


def test_a_root_made_for_another_collector_is_refused(custodians):
    shutil.rmtree(custodians.collector / "keys")
    init_online_keys(custodians.collector)
    with pytest.raises(PublishRefused, match="made for another"):
        custodians.publish()


def test_an_empty_folder_is_refused_in_one_sentence(custodians, tmp_path):
    with pytest.raises(PublishRefused, match="there is no root metadata"):
        Publication(custodians.collector).accept(tmp_path / "nothing", NOW)


def test_refresh_signs_a_new_timestamp_and_keeps_a_young_snapshot(custodians):
    publication = custodians.publish(NOW)
    assert publication.refresh(NOW + timedelta(hours=1))
    timestamp = json.loads(publication.read("metadata/timestamp.json"))["signed"]
    assert timestamp["version"] == 2
    assert timestamp["meta"]["snapshot.json"]["version"] == 1
    assert publication.refresh(NOW + timedelta(days=5))
    timestamp = json.loads(publication.read("metadata/timestamp.json"))["signed"]
    assert timestamp["meta"]["snapshot.json"]["version"] == 2


def test_refresh_has_nothing_to_do_before_the_first_publication(custodians):
    assert Publication(custodians.collector).refresh(NOW) is False


@pytest.mark.parametrize(
    "path",
    ["../keys/timestamp.pem", "accepted.json", "metadata/../../keys/online-keys.json", "/etc/passwd", "metadata", ""],
)
def test_nothing_else_of_the_data_folder_is_served(custodians, path):
    assert custodians.publish().read(path) is None


def test_online_keys_are_made_once_and_readable_by_their_owner_alone(tmp_path):
    first = init_online_keys(tmp_path)
    assert init_online_keys(tmp_path) == first
    assert (tmp_path / "keys" / "timestamp.pem").stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in first


def test_a_published_file_that_was_changed_by_hand_is_told(custodians):
    publication = custodians.publish()
    path = custodians.collector / "rules" / "metadata" / "1.targets.json"
    path.write_bytes(path.read_bytes().replace(b'"threshold":2', b'"threshold":1'))
    with pytest.raises(SetUpError, match="changed by hand"):
        publication.packs_keys()
    (custodians.collector / "rules" / "accepted.json").write_text("{")
    with pytest.raises(SetUpError, match="changed by hand"):
        publication.refresh(NOW)


def test_a_folder_with_it_alone_signed_anew_is_taken(custodians):
    custodians.publish()
    assert custodians.sign("packs", key="it") == 0
    kept = custodians.folder / "of-it"
    (kept / "metadata").mkdir(parents=True)
    shutil.copy(metadata(custodians, "packs", 2), kept / "metadata")
    published = Publication(custodians.collector).accept(kept, NOW + timedelta(seconds=5))
    assert published.versions["packs"] == 2


def test_half_an_upload_is_never_published(custodians, monkeypatch):
    publication = custodians.publish()
    custodians.sign("recipients", "--groups", "Alex=staff")
    custodians.sign(key="second")

    def power_cut(*_):
        raise OSError("no power")

    monkeypatch.setattr(Publication, "_refresh", power_cut)
    with pytest.raises(OSError, match="no power"):
        publication.accept(custodians.ceremony, NOW)
    monkeypatch.undo()
    assert publication.published().versions["recipients"] == 2
    assert publication.refresh(NOW)
    assert publication.accept(custodians.ceremony, NOW).versions["recipients"] == 3


# --- deltas -----------------------------------------------------------------------------------------------------


def edited(custodians):
    """Return the shipped pack and another one, as files of the packs role."""
    from rules.writer import PackWriter

    old = custodians.packs()["packs/curated.pack"]
    with PackWriter([("gambling", "gambling")], custodians.folder) as writer:
        for number in range(300):
            writer.add(f"casino{number}.example", 0)
        writer.write(custodians.folder / "new.pack")
    return old, (custodians.folder / "new.pack").read_bytes()


def digest(data):
    return hashlib.sha256(data).hexdigest()


def test_a_delta_that_leads_to_its_pack_is_published_beside_it(custodians):
    old, new = edited(custodians)
    custodians.publish()
    name = delta_path("packs/curated.pack", digest(old), digest(new))
    custodians.put_packs({"packs/curated.pack": new, name: delta.make(old, new)})
    publication = custodians.publish()
    made = delta.make(old, new)
    assert publication.read(f"targets/packs/{digest(made)}.{name.partition('/')[2]}") == made


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("another result", "doesn't lead to the pack"),
        ("garbage", "can't be applied"),
        ("other pack", "leads to no pack"),
        ("no pack", "leads to no pack"),
        ("to itself", "leads to no pack"),
        ("larger", "no smaller than the pack"),
        ("odd name", "not its to publish"),
    ],
)
def test_a_delta_that_is_not_right_is_refused_and_what_is_published_stays(custodians, wrong, reason):
    old, new = edited(custodians)
    custodians.publish()
    name = delta_path("packs/curated.pack", digest(old), digest(new))
    made = delta.make(old, new)
    files = {
        "another result": {"packs/curated.pack": new, name: delta.make(old, new[:-9] + b"another 1")},
        "garbage": {"packs/curated.pack": new, name: b"garbage"},
        "other pack": {"packs/curated.pack": old, name: made},
        "no pack": {"packs/other.pack": new, name: made},
        "to itself": {"packs/curated.pack": new, delta_path("packs/curated.pack", digest(new), digest(new)): made},
        "larger": {"packs/curated.pack": new, name: bytes(len(new))},
        "odd name": {"packs/curated.pack": new, "packs/curated.1-2.delta": made},
    }[wrong]
    custodians.put_packs(files)
    with pytest.raises(PublishRefused, match=reason) as refused:
        custodians.publish()
    assert "\n" not in str(refused.value)
    assert Publication(custodians.collector).published().versions["packs"] == 1


def test_a_delta_from_a_pack_that_is_gone_is_published_for_devices_to_check(custodians):
    old, new = edited(custodians)
    shutil.rmtree(custodians.ceremony / "publication" / "targets" / "packs")
    name = delta_path("packs/curated.pack", digest(old), digest(new))
    custodians.put_packs({"packs/curated.pack": new, name: delta.make(old, new)})
    assert custodians.publish().published().versions["packs"] == 2


def test_publishing_says_when_each_part_expires(custodians):
    published = custodians.publish().published()
    assert set(published.expiries) == {"root", "targets", "recipients", "policy", "releases", "packs"}
    assert min(published.expiries.values()) == published.expires
