"""Exported cases open offline with the right key, and with their device's signature only."""

from __future__ import annotations

import base64
import json

import msgspec
import pytest

from protocol.leadkeys import LeadKey
from protocol.publication import Recipient


@pytest.fixture
def lead(pilot):
    return msgspec.json.decode((pilot.folder / "lead.json").read_bytes(), type=LeadKey).public_key


@pytest.fixture
def recovery(pilot):
    return msgspec.json.decode((pilot.ceremony / "recovery-key.json").read_bytes(), type=Recipient).public_key


def open_with_lead(pilot, path, *more):
    secret = ("--key", pilot.folder / "lead.json", "--passphrase-file", pilot.folder / "passphrase")
    return pilot.custody("open", path, *secret, *more)


def test_a_lead_opens_an_export_offline(pilot, lead, alert, export, capsys):
    assert open_with_lead(pilot, export(alert([lead])), "--json") == 0
    (opened,) = json.loads(capsys.readouterr().out)["alerts"]
    assert opened["signature"] == "verified"
    assert opened["heading"]["category"] == "gambling"
    assert opened["evidence"]["seen"][0]["name"] == "www.bet365.com"
    assert opened["evidence"]["matched"][0]["entry"] == "bet365.com"
    assert opened["header"]["group"] == "staff"


def test_words_for_people_say_the_same(pilot, lead, alert, export, capsys):
    assert open_with_lead(pilot, export(alert([lead]) | {"reference": "FW-2026-00042"})) == 0
    shown = capsys.readouterr().out
    assert "FW-2026-00042: gambling, sam" in shown
    assert "www.bet365.com, 2 times" in shown


@pytest.mark.parametrize("two", [(1, 2), (1, 3), (2, 3)])
def test_two_recovery_shares_open_what_the_lead_cannot(pilot, recovery, alert, export, capsys, two):
    path = export(alert([recovery]))
    assert open_with_lead(pilot, path) == 2
    assert "not sealed to this key" in capsys.readouterr().err
    shares = [word for n in two for word in ("--recovery-share", pilot.ceremony / "recovery" / f"share-{n}.txt")]
    assert pilot.custody("open", path, *shares, "--json") == 0
    assert json.loads(capsys.readouterr().out)["alerts"][0]["evidence"]["person"] == "sam"


def test_one_share_opens_nothing(pilot, recovery, alert, export, capsys):
    share = ("--recovery-share", pilot.ceremony / "recovery" / "share-1.txt")
    assert pilot.custody("open", export(alert([recovery])), *share) == 2
    assert "give 2 different ones" in capsys.readouterr().err


@pytest.mark.parametrize("part", ["header", "heading", "evidence", "signature", "device_public_key"])
def test_the_devices_signature_is_verified_before_anything_is_opened(pilot, lead, alert, export, capsys, part):
    bad = alert([lead])
    data = bytearray(base64.b64decode(bad[part]))
    data[-1] ^= 1
    bad[part] = base64.b64encode(bytes(data)).decode()
    assert open_with_lead(pilot, export(bad, alert([lead], 2)), "--json") == 2
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert len(result["alerts"]) == 1
    assert "alert 1 of 2 was not opened: bad_record_signature" in captured.err


def test_envelopes_of_another_record_are_refused(pilot, lead, alert, export, capsys):
    first, second = alert([lead]), alert([lead], 2)
    assert open_with_lead(pilot, export(first | {"evidence": second["evidence"]})) == 2
    assert "bad_record_signature" in capsys.readouterr().err


def test_an_outdated_list_of_recipients_is_warned_of(pilot, lead, alert, export, capsys):
    path = export(alert([lead], 1, recipients_version=1))
    assert open_with_lead(pilot, path) == 0
    assert capsys.readouterr().err == ""
    assert open_with_lead(pilot, path, "--publication", pilot.ceremony) == 0
    assert "list of recipients 1, but list 2 is current" in capsys.readouterr().err
    assert open_with_lead(pilot, export(alert([lead], 1, recipients_version=1), alert([lead], 2))) == 0
    assert "list of recipients 1, but list 2 is current" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"alerts":[{}]}', '{"alerts":[],"more":1}', "\x00"])
def test_what_is_no_export_is_refused_in_one_line(pilot, tmp_path, capsys, text):
    path = tmp_path / "export.json"
    path.write_text(text)
    assert open_with_lead(pilot, path) == 2
    assert "no export of alerts" in capsys.readouterr().err


def test_a_wrong_passphrase_or_no_key_is_one_clear_line(pilot, lead, alert, export, capsys):
    path = export(alert([lead]))
    (pilot.folder / "passphrase").write_text("wrong words")
    assert open_with_lead(pilot, path) == 2
    assert "passphrase does not open this key" in capsys.readouterr().err
    assert pilot.custody("open", path) == 2
    assert "two recovery shares" in capsys.readouterr().err
