"""Enrolment tokens say what IT wished, and are refused where a device could not trust them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest

from custody.errors import CustodyError
from custody.tokens import span
from protocol import tokens


def token(organisation, *more, key="it.pem", collector="http://localhost:8460"):
    secret = ("--passphrase-file", organisation.folder / "passphrase")
    place = ("--publication", organisation.ceremony, "--out", organisation.folder)
    words = ("--key", organisation.folder / key, "--group", "learners", "--collector", collector)
    return organisation.custody("token", *words, *place, *secret, *more)


def test_a_token_names_root_group_and_least_versions_and_the_collector_knows_it_by_hash(custodians):
    assert token(custodians, "--expires", "12h", "--uses", "3") == 0
    now = datetime.now(UTC)
    it_keys = custodians.publish().packs_keys()
    made = tokens.verify((custodians.folder / "token.txt").read_text(), it_keys, now)
    root = (custodians.ceremony / "publication" / "metadata" / "1.root.json").read_bytes()
    assert (made.root, made.root_version, made.group) == (hashlib.sha256(root).hexdigest(), 1, "learners")
    assert made.minimum == {"root": 1, "targets": 1, "recipients": 2, "policy": 2, "releases": 1, "packs": 1}
    assert timedelta(hours=11) < made.expires - now < timedelta(hours=13)
    data = (custodians.folder / "token-registration.json").read_bytes()
    registration = tokens.verify_registration(data, it_keys, now)
    assert (registration.token, registration.uses) == (made.token, 3)
    assert registration.secret_hash == tokens.secret_hash(made.secret)
    assert made.secret not in data.decode()
    assert (custodians.folder / "token.txt").stat().st_mode & 0o777 == 0o600


def test_two_tokens_have_two_secrets(pilot):
    secrets = set()
    for _ in range(2):
        assert token(pilot) == 0
        secrets.add(tokens.read((pilot.folder / "token.txt").read_text()).secret)
        (pilot.folder / "token.txt").unlink()
    assert len(secrets) == 2


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"key": "second.pem"}, "not IT's"),
        ({"collector": "ftp://c.example"}, "no collector's address"),
        ({"collector": "https://c.example"}, "without --certificate"),
    ],
)
def test_a_token_that_could_not_be_trusted_is_not_made(custodians, capsys, more, sentence):
    assert token(custodians, **more) == 2
    assert sentence in capsys.readouterr().err
    assert not (custodians.folder / "token.txt").exists()


@pytest.mark.parametrize(
    "more", [("--expires", "soon"), ("--certificate", "xyz"), ("--uses", "0"), ("--group", "No One")]
)
def test_what_no_token_can_say_is_refused_in_one_line(custodians, capsys, more):
    assert token(custodians, *more) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_no_token_is_made_before_all_have_signed(custodians, capsys):
    for path in (custodians.ceremony / "publication" / "metadata").glob("*.packs.json"):
        path.unlink()
    assert token(custodians, "--json") == 2
    assert "still lacks IT's signature" in capsys.readouterr().err


def test_spans_are_days_or_hours():
    assert (span("30d"), span("12h")) == (timedelta(days=30), timedelta(hours=12))
    for wrong in ("", "30", "d", "-1d", "0d", "1w", "999999d"):
        with pytest.raises(CustodyError):
            span(wrong)


def test_json_names_the_files(pilot, capsys):
    assert token(pilot, "--json") == 0
    assert set(json.loads(capsys.readouterr().out)) >= {"token", "registration"}
