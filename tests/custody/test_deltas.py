"""Deltas are made beside changed packs, from the last two versions, and only where they spare something."""

from __future__ import annotations

import hashlib
import random

import pytest

from custody.deltas import with_deltas
from custody.draft import Draft
from protocol.publication import delta_path
from rules import delta
from rules.writer import PackWriter

PACK = "packs/made.pack"


def version(number: int) -> bytes:
    """The same noise with another edit each time."""
    data = bytearray(random.Random(1).randbytes(20_000))
    data[number * 400 : number * 400 + 8] = b"%08d" % number
    return bytes(data)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def publish(custodians):
    """Put the next packs metadata, signed by IT, in the folder; returns its files."""

    def made(data: bytes) -> dict[str, bytes]:
        contents = with_deltas(Draft(custodians.ceremony), custodians.packs() | {PACK: data})
        custodians.put_packs(contents)
        assert custodians.packs() == contents
        return contents

    return made


def deltas(contents):
    return sorted(path for path in contents if path.endswith(".delta"))


def test_a_new_pack_has_no_deltas_and_a_changed_one_leads_from_the_last_two_versions(publish):
    assert deltas(publish(version(1))) == []
    assert deltas(publish(version(2))) == [delta_path(PACK, digest(version(1)), digest(version(2)))]
    publish(version(3))
    contents = publish(version(4))
    assert deltas(contents) == sorted(delta_path(PACK, digest(version(old)), digest(version(4))) for old in (2, 3))
    for old in (2, 3):
        made = contents[delta_path(PACK, digest(version(old)), digest(version(4)))]
        assert b"".join(delta.apply(version(old), made)) == version(4)
        assert len(made) < 400


def test_a_renewed_signature_keeps_the_deltas(publish):
    publish(version(1))
    first = publish(version(2))
    assert deltas(publish(version(2))) == deltas(first)


def test_a_delta_that_spares_little_is_left_out(publish):
    publish(version(1))
    assert deltas(publish(random.Random(2).randbytes(20_000))) == []


def test_an_older_pack_that_is_gone_from_the_folder_costs_a_delta_and_nothing_else(custodians, publish):
    publish(version(1))
    (gone,) = (custodians.ceremony / "publication" / "targets" / "packs").glob("*.made.pack")
    gone.unlink()
    draft = Draft(custodians.ceremony)
    assert deltas(with_deltas(draft, {PACK: version(2)})) == []


def test_signing_a_changed_pack_signs_its_delta_with_it_and_shows_the_pack_alone(custodians, capsys):
    file = custodians.folder / "made.pack"
    for first in (0, 3):
        with PackWriter([("gambling", "made")], custodians.folder) as writer:
            for number in range(first, first + 3000):
                writer.add(f"casino{number}.example", 0)
            writer.write(file)
        capsys.readouterr()
        assert custodians.sign("packs", file, key="it") == 0
    shown = capsys.readouterr().out
    assert "packs/made.pack" in shown
    assert ".delta" not in shown
    assert len(deltas(custodians.packs())) == 1
    assert custodians.publish().published().versions["packs"] == 3
