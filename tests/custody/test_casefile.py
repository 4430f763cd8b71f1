"""The case file on paper says what the case says, in the organisation's zone, and takes any letters."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import pytest

from custody import casefile, opening
from protocol import rewraps
from protocol.documents import seal_signed
from protocol.messages import decode_header
from protocol.publication import Recipient, RecipientList
from protocol.sealing import KEY_BYTES, Place, key_id, public_of

LEAD, DEPUTY = os.urandom(KEY_BYTES), os.urandom(KEY_BYTES)
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
SAID = {"version": 1, "kind": "note", "text": "Rang the tutor.", "author": "Sam", "at": "2026-06-30T23:30:00Z"}


def exported(alert, *notes, rewrapped=()):
    """An export of one case of the lead's, with notes and re-wraps."""
    one = alert([public_of(LEAD)]) | {"reference": "FW-2026-00042"}
    incident = decode_header(base64.b64decode(one["header"])).alert
    one["notes"] = [msgspec.to_builtins(make(incident)) for make in notes]
    one["rewraps"] = [msgspec.to_builtins(make(one, incident)) for make in rewrapped]
    whole = {"alerts": [one], "organisation": "Bright Path Training", "zone": "Europe/London"}
    return opening.read_export(json.dumps(whole).encode())


def note(author=LEAD, readers=(LEAD,), **changes):
    text = msgspec.json.encode({**SAID, **changes})
    keys = [public_of(key) for key in readers]
    return lambda incident: seal_signed("note", text, keys, incident, uuid4(), author)


def letting_in(purpose):
    def make(one, incident):
        head, envelope = base64.b64decode(one["header"]), base64.b64decode(one[purpose])
        header = decode_header(head)
        place = Place(purpose=purpose, subject=header.device, record=header.record, header=head)
        return rewraps.rewrap(envelope, place, incident, public_of(DEPUTY), LEAD)

    return make


def words_of(pdf, tmp_path):
    path = tmp_path / "case.pdf"
    path.write_bytes(pdf)
    done = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True, timeout=30)
    return done.stdout.decode()


def test_notes_and_outcomes_open_once_their_signature_holds_and_are_refused_otherwise(alert):
    stranger = os.urandom(KEY_BYTES)
    outcome = {"kind": "outcome", "finding": "concern", "outcome": "channel", "text": "Agreed with the head."}
    export = exported(alert, note(), note(**outcome), note(author=stranger, text="nothing in it"))
    lead = Recipient(key_id(public_of(LEAD)), public_of(LEAD), "lead", "Sam Okafor")
    opened, refused = opening.open_all(export, LEAD, RecipientList(2, True, (lead,)))
    assert refused == []
    first, second, third = opened[0].notes
    assert (first.said.text, first.signer) == ("Rang the tutor.", "Sam Okafor")
    assert next(iter(casefile.note_lines(second))) == (
        "outcome: A true concern, Referred: Prevent or Channel. Agreed with the head."
    )
    assert third.said is None
    assert "NOT TO BE TRUSTED" in third.refused
    assert "nothing in it" not in json.dumps(opened[0].as_json(), default=str)


def test_a_reader_who_was_let_in_later_opens_it_and_may_have_written(alert):
    late = note(author=DEPUTY, readers=(LEAD, DEPUTY), text="I take over.")
    export = exported(alert, note(), late, rewrapped=[letting_in("heading"), letting_in("evidence")])
    (case,), refused = opening.open_all(export, DEPUTY)
    assert refused == []
    assert case.evidence.seen[0].name == "www.bet365.com"
    assert [one.said.text if one.said else one.refused[-20:] for one in case.notes] == [
        "opened with this key", "I take over."
    ]  # fmt: skip
    without = exported(alert, late)
    (case,), _ = opening.open_all(without, LEAD)
    assert "NOT TO BE TRUSTED" in case.notes[0].refused


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_the_paper_says_what_the_case_says_with_numbered_pages(alert, tmp_path):
    outcome = note(kind="outcome", finding="concern", outcome="channel", text="Agreed with the head.")
    export = exported(alert, note(), outcome)
    opened, _ = opening.open_all(export, LEAD)
    words = words_of(casefile.pdf(export, opened, ["an old list"], NOW), tmp_path)
    for word in (
        "FW-2026-00042", "Bright Path Training", "sam", "Gambling", "www.bet365.com", "bet365.com", "Rang the tutor.",
        "A true concern, Referred: Prevent or Channel", "Agreed with the head.", "an old list", "Page 1 of",
        "1 July 2026, 00:30", "1 July 2026, 13:00", "Europe/London",
    ):  # fmt: skip
        assert word in words, word


def test_the_paper_names_the_phone_and_the_gateway_that_signed_or_else_the_laptop(alert, tmp_path):
    export = exported(alert)
    for names, told in (
        (
            {"device": "Sam's phone", "gateway": "dns-1"},
            ("Phone", "Sam's phone", "Seen by gateway", "dns-1", "The gateway's"),
        ),
        ({"device": "LAPTOP-7"}, ("Device", "LAPTOP-7", "The device's signature")),
    ):
        named = msgspec.structs.replace(export, alerts=(msgspec.structs.replace(export.alerts[0], **names),))
        opened, _ = opening.open_all(named, LEAD)
        words = words_of(casefile.pdf(named, opened, [], NOW), tmp_path)
        for word in told:
            assert word in words, word
        assert ("gateway" in words) == ("gateway" in names)


@pytest.mark.parametrize("fonts", [casefile.FONTS, None], ids=["with DejaVu", "without"])
def test_any_letters_and_long_texts_make_a_paper_and_no_crash(alert, tmp_path, monkeypatch, fonts):
    monkeypatch.setattr(casefile, "FONTS", fonts or tmp_path)
    text = "Żółć Ελλάδα Привет مرحبا 你好 🙂 \u202e\u0000\ud7ff ﬀ\n" * 40 + "x" * 2000
    export = exported(alert, note(text=text))
    opened, _ = opening.open_all(export, LEAD)
    assert casefile.pdf(export, opened, [text], NOW).startswith(b"%PDF")


def test_nothing_opened_is_said_on_the_paper_too(alert, tmp_path):
    export = exported(alert)
    assert casefile.pdf(export, [], ["it was altered"], NOW).startswith(b"%PDF")


def test_the_command_writes_it_for_its_owner_alone(pilot, alert, export, tmp_path, capsys):
    lead = json.loads((pilot.folder / "lead.json").read_text())["public_key"]
    path = export(alert([base64.b64decode(lead)]))
    pdf = tmp_path / "case.pdf"
    secret = ("--key", pilot.folder / "lead.json", "--passphrase-file", pilot.folder / "passphrase")
    assert pilot.custody("open", path, *secret, "--pdf", pdf) == 0
    assert pdf.read_bytes().startswith(b"%PDF")
    assert pdf.stat().st_mode & 0o077 == 0
    assert pilot.custody("open", path, *secret, "--pdf", pdf) == 2
