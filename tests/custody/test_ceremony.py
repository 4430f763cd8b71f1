"""The ceremony makes each key once, in its place, and refuses to be held wrongly."""

from __future__ import annotations

import json

import pytest

from custody.draft import Draft


def ceremony(organisation, *more):
    secret = ("--passphrase-file", organisation.folder / "passphrase", "--yes")
    online = ("--online-keys", organisation.collector / "keys" / "online-keys.json")
    return organisation.custody("ceremony", "--dir", organisation.folder / "again", *online, *secret, *more)


def test_a_pilot_makes_every_key_on_one_computer_without_asking(pilot):
    assert ceremony(pilot, "--pilot", "--it-passphrase-file", pilot.folder / "passphrase") == 0
    again = pilot.folder / "again"
    assert Draft(again).pilot
    for name in ("custodian.pem", "it.pem"):
        path = again / "private" / name
        assert b"ENCRYPTED" in path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600


def test_the_recovery_key_exists_only_as_three_shares(pilot):
    shares = sorted((pilot.ceremony / "recovery").iterdir())
    assert [share.name for share in shares] == ["share-1.txt", "share-2.txt", "share-3.txt"]
    for share in shares:
        words = [line for line in share.read_text().splitlines() if not line.startswith("#")]
        assert len(words[0].split()) == 33
        assert share.stat().st_mode & 0o777 == 0o600
    public = json.loads((pilot.ceremony / "recovery-key.json").read_text())
    assert set(public) == {"key_id", "public_key", "role", "label", "groups", "never_about"}


def test_nothing_private_is_in_the_folder_that_travels(pilot):
    for path in (pilot.ceremony / "publication").rglob("*"):
        assert path.is_dir() or b"PRIVATE" not in path.read_bytes()


def test_two_custodians_leave_it_unfinished_until_the_second_has_signed(custodians):
    others = ("--custodian", custodians.folder / "second.public.json", "--it-key", custodians.folder / "it.public.json")
    assert ceremony(custodians, *others) == 0
    draft = Draft(custodians.folder / "again")
    assert not draft.pilot
    assert draft.in_force("policy") is None
    assert draft.pending("policy") is not None
    second = ("--key", custodians.folder / "second.pem", "--passphrase-file", custodians.folder / "passphrase", "--yes")
    assert custodians.custody("sign", "--dir", custodians.folder / "again", *second) == 0
    assert draft.pending("policy") is None
    assert not (custodians.folder / "again" / "private" / "it.pem").exists()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "two custodians must sign"),
        (["--custodian", "second.public.json"], "IT's key is made on IT's computer"),
        (["--custodian", "second.public.json", "--it-key", "second.public.json"], "two of the keys given are the same"),
        (["--custodian", "passphrase", "--it-key", "it.public.json"], "no file of public keys"),
        (["--custodian", "missing", "--it-key", "it.public.json"], "can't be read"),
    ],
)
def test_too_few_or_wrong_people_found_nothing(custodians, capsys, given, sentence):
    words = [custodians.folder / word if not word.startswith("--") else word for word in given]
    assert ceremony(custodians, *words) == 2
    assert sentence in capsys.readouterr().err
    assert not (custodians.folder / "again").exists()


def test_a_second_ceremony_in_the_same_folder_is_refused(pilot, capsys):
    online = ("--online-keys", pilot.collector / "keys" / "online-keys.json")
    assert pilot.custody("ceremony", "--dir", pilot.ceremony, *online, "--pilot", "--yes") == 2
    assert "held here already" in capsys.readouterr().err


def test_a_key_file_is_never_overwritten(pilot, capsys):
    out = ("--out", pilot.folder / "it.pem", "--name", "x", "--passphrase-file", pilot.folder / "passphrase", "--yes")
    before = (pilot.folder / "it.pem").read_bytes()
    assert pilot.custody("key", *out) == 2
    assert "only copy" in capsys.readouterr().err
    assert (pilot.folder / "it.pem").read_bytes() == before
