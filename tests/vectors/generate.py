"""Makes the vectors again: `python tests/vectors/generate.py`. Envelopes are random, meanings stay."""

from __future__ import annotations

import base64
import hashlib
import json
import typing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.gateway import wire
from protocol import concerns, documents, messages, rewraps, sealing, signing

HERE = Path(__file__).parent
DEVICE = UUID("11111111-2222-4333-8444-555555555555")
RECORD = UUID("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee")
OTHER = UUID("99999999-bbbb-4ccc-8ddd-eeeeeeeeeeee")
LEAD = bytes(range(64))
RECOVERY = bytes(range(64, 128))
STRANGER = bytes(range(128, 192))
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(96, 128)))
AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def header() -> bytes:
    ids = tuple(sealing.key_id(sealing.public_of(key)) for key in (LEAD, RECOVERY))
    return messages.encode(
        messages.AlertHeader(
            version=1,
            record=RECORD,
            counter=7,
            alert=RECORD,
            revision=0,
            device=DEVICE,
            signer=DEVICE,
            group="learners",
            urgent=True,
            started=AT,
            ended=AT,
            sealed_to=ids,
            recipients_version=3,
            policy_version=2,
        )
    )


def place(purpose: str, record: UUID = RECORD) -> sealing.Place:
    return sealing.Place(purpose=purpose, subject=DEVICE, record=record, header=header())


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def envelopes() -> list[dict[str, object]]:
    text = b'{"version":1}'
    keys = [sealing.public_of(LEAD), sealing.public_of(RECOVERY)]
    good = sealing.seal(text, keys, place("evidence"))
    large = sealing.seal(b"x" * 5000, keys, place("evidence"))
    slot = 2 + 96
    rows = [
        ("opens with the lead's key", good, LEAD, "evidence", RECORD, text, None),
        ("opens with the recovery key", good, RECOVERY, "evidence", RECORD, text, None),
        ("a long text takes the larger size", large, LEAD, "evidence", RECORD, b"x" * 5000, None),
        ("a stranger's key", good, STRANGER, "evidence", RECORD, None, "not sealed to this key"),
        ("moved to another record", good, LEAD, "evidence", OTHER, None, "altered or belongs to another record"),
        ("moved to the heading's place", good, LEAD, "heading", RECORD, None, "altered or belongs to another record"),
        ("a flipped bit in the text", flipped(good, 900), LEAD, "evidence", RECORD, None, "altered"),
        ("a flipped bit in the wrapped key", flipped(good, 60), LEAD, "evidence", RECORD, None, "altered"),
        ("a flipped bit in the key id", flipped(good, 3), LEAD, "evidence", RECORD, None, "not sealed to this key"),
        ("version 2", b"\x02" + good[1:], LEAD, "evidence", RECORD, None, "version is not 1"),
        ("empty", b"", LEAD, "evidence", RECORD, None, "version is not 1"),
        ("cut short", good[:-1], LEAD, "evidence", RECORD, None, "length does not fit"),
        ("one byte more", good + b"\0", LEAD, "evidence", RECORD, None, "length does not fit"),
        ("no recipients", b"\x01\x00" + good[2 + 2 * 96 :], LEAD, "evidence", RECORD, None, "length does not fit"),
        (
            "a recipient twice",
            good[:2] + good[2:slot] * 2 + good[2 + 2 * 96 :],
            LEAD,
            "evidence",
            RECORD,
            None,
            "twice",
        ),
    ]
    return [
        {
            "name": name,
            "envelope": b64(envelope),
            "private_key": b64(key),
            "purpose": purpose,
            "subject": str(DEVICE),
            "record": str(record),
            "header": b64(header()),
            "text": None if plain is None else b64(plain),
            "refusal": refusal,
        }
        for name, envelope, key, purpose, record, plain, refusal in rows
    ]


def alerts() -> list[dict[str, object]]:
    keys = [sealing.public_of(LEAD), sealing.public_of(RECOVERY)]
    heading, evidence = (sealing.seal(b"{}", keys, place(part)) for part in ("heading", "evidence"))
    signature = signing.sign_alert(SIGNER, header(), heading, evidence)
    signer = SIGNER.public_key().public_bytes_raw()
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    rows = [
        ("as signed", header(), heading, evidence, signature, signer, None),
        ("another header", header()[:-1] + b" }", heading, evidence, signature, signer, "bad_record_signature"),
        ("heading and evidence exchanged", header(), evidence, heading, signature, signer, "bad_record_signature"),
        ("another device's key", header(), heading, evidence, signature, stranger, "bad_record_signature"),
        ("a signature cut short", header(), heading, evidence, signature[:-1], signer, "bad_record_signature"),
    ]
    return [
        {
            "name": name,
            "header": b64(head),
            "heading": b64(one),
            "evidence": b64(two),
            "signature": b64(sig),
            "public_key": b64(key),
            "refusal": refusal,
        }
        for name, head, one, two, sig, key, refusal in rows
    ]


def trials() -> list[dict[str, object]]:
    keys = [sealing.public_of(LEAD), sealing.public_of(RECOVERY)]
    head = messages.encode(
        messages.TrialHeader(
            version=1,
            record=RECORD,
            counter=8,
            device=DEVICE,
            signer=DEVICE,
            group="learners",
            day=AT.date(),
            sealed_to=tuple(sealing.key_id(one) for one in keys),
            recipients_version=3,
            policy_version=2,
        )
    )
    met_entries = (messages.TrialEntry("casino.example", ("gambling",), 3),)
    counts = messages.TrialCounts(
        1,
        (
            messages.TrialPack("ut1_gambling", 4, 30_000, met_entries, 2),
            messages.TrialPack("ut1_games", 1, 9_000, (), 0),
        ),
    )
    there = sealing.Place(purpose="trial", subject=DEVICE, record=RECORD, header=head)
    elsewhere = sealing.Place(purpose="trial", subject=DEVICE, record=OTHER, header=head)
    met = sealing.seal(messages.encode(counts), keys, there, largest=True)
    nothing = sealing.seal(messages.encode(messages.TrialCounts(1, ())), keys, there, largest=True)
    moved = sealing.seal(messages.encode(counts), keys, elsewhere, largest=True)
    small = sealing.seal(messages.encode(counts), keys, there)
    another = head.replace(b"2026-11-02", b"2026-11-03")
    rows: list[tuple[str, bytes, bytes, bytes, str | None]] = [
        ("with counts", head, met, signing.sign_trial(SIGNER, head, met), None),
        ("a day with nothing in it", head, nothing, signing.sign_trial(SIGNER, head, nothing), None),
        ("another day", another, met, signing.sign_trial(SIGNER, head, met), "bad_record_signature"),
        ("signed as an alert is", head, met, signing.sign_alert(SIGNER, head, met, b""), "bad_record_signature"),
        ("of the smaller size", head, small, signing.sign_trial(SIGNER, head, small), "bad_envelope"),
        ("sealed for another record", head, moved, signing.sign_trial(SIGNER, head, moved), "does not open"),
    ]
    return [
        {
            "name": name,
            "header": b64(header),
            "envelope": b64(envelope),
            "signature": b64(signature),
            "public_key": b64(SIGNER.public_key().public_bytes_raw()),
            "private_key": b64(LEAD),
            "refusal": refusal,
        }
        for name, header, envelope, signature, refusal in rows
    ]


def lead_documents() -> list[dict[str, object]]:
    keys = [sealing.public_of(LEAD), sealing.public_of(RECOVERY)]
    text = b'{"version":1,"kind":"outcome","finding":"false_alarm"}'
    good = documents.seal_signed("note", text, keys, RECORD, OTHER, LEAD)
    by_recovery = documents.seal_signed("note", text, keys, RECORD, OTHER, RECOVERY)
    forged = documents.seal_signed("note", text, keys, RECORD, OTHER, STRANGER)
    mute = documents.seal_signed("mute", text, keys, RECORD, OTHER, LEAD)
    unreadable = documents.seal_signed("note", text, [sealing.public_of(STRANGER)], RECORD, OTHER, LEAD)
    change = msgspec.structs.replace
    mixed = LEAD[:32] + STRANGER[32:]
    half = documents.seal_signed("note", text, keys, RECORD, OTHER, mixed)
    bad = "bad_lead_signature"
    rows: list[tuple[str, documents.SealedDocument, str, UUID, str | None]] = [
        ("as the lead wrote it", good, "note", RECORD, None),
        ("by another who may read the case", by_recovery, "note", RECORD, None),
        ("forged by somebody who holds no key of the case", forged, "note", RECORD, bad),
        ("forged, and said to be the lead's", change(forged, signer=good.signer), "note", RECORD, bad),
        ("the lead's, and said to be another's", change(good, signer=by_recovery.signer), "note", RECORD, bad),
        ("the lead's opening half with another signing half", half, "note", RECORD, bad),
        ("moved to another case", good, "note", DEVICE, bad),
        ("under another id", change(good, id=DEVICE), "note", RECORD, bad),
        ("a mute shown as a note", mute, "note", RECORD, bad),
        ("a note shown as a mute", good, "mute", RECORD, bad),
        ("another envelope", change(good, envelope=by_recovery.envelope), "note", RECORD, bad),
        ("a flipped bit in the envelope", change(good, envelope=flipped(good.envelope, 900)), "note", RECORD, bad),
        ("a flipped bit in the signature", change(good, signature=flipped(good.signature, 5)), "note", RECORD, bad),
        ("not for this key", unreadable, "note", RECORD, "not sealed to this key"),
    ]
    return [
        {
            "name": name,
            "purpose": purpose,
            "subject": str(subject),
            "id": str(document.id),
            "envelope": b64(document.envelope),
            "signer": b64(document.signer),
            "signature": b64(document.signature),
            "signers": [sealing.key_id(one) for one in keys],
            "private_key": b64(LEAD),
            "text": b64(text) if refusal is None else None,
            "refusal": refusal,
        }
        for name, document, purpose, subject, refusal in rows
    ]


def rewrapped() -> list[dict[str, object]]:
    """Rows of one reader's chain: whom the lead let in, whom that one did, and what lets nobody in."""
    envelope = sealing.seal(b"{}", [sealing.public_of(LEAD)], place("heading"))
    there, elsewhere = place("heading"), place("heading", OTHER)
    deputy, third = RECOVERY, bytes(range(100, 164))
    first = rewraps.rewrap(envelope, there, RECORD, sealing.public_of(deputy), LEAD)
    second = rewraps.rewrap(envelope, there, RECORD, sealing.public_of(third), deputy, wrap=first.wrap)
    change = msgspec.structs.replace
    own = change(first, signer=sealing.public_of(STRANGER))
    forged = change(own, signature=signing.sign_lead(STRANGER, "rewrap", RECORD, own.record, own.signed_part()))
    strange = change(first, recipient=sealing.public_of(STRANGER))
    as_slot = sealing.slot_of(envelope, sealing.key_id(sealing.public_of(LEAD)))
    bad = "bad_lead_signature"
    altered = "altered or belongs to another record"
    rows: list[tuple[str, rewraps.Rewrap, bytes, bytes, sealing.Place, UUID, str | None]] = [
        ("by the lead, for the deputy", first, first.wrap, deputy, there, RECORD, None),
        ("by the deputy, for a third", second, second.wrap, third, there, RECORD, None),
        ("by somebody who can't read the case", forged, first.wrap, deputy, there, RECORD, bad),
        ("the collector's own key put in", strange, first.wrap, STRANGER, there, RECORD, bad),
        ("in another case", first, first.wrap, deputy, there, OTHER, bad),
        ("of another envelope", change(first, envelope_sha256=bytes(32)), first.wrap, deputy, there, RECORD, bad),
        ("as the evidence's", change(first, purpose="evidence"), first.wrap, deputy, there, RECORD, bad),
        ("opened with another's key", first, first.wrap, third, there, RECORD, altered),
        ("another's wrap beside it", first, second.wrap, deputy, there, RECORD, altered),
        ("for another record", first, first.wrap, deputy, elsewhere, RECORD, altered),
        ("a slot of the table as a re-wrap", first, as_slot or b"", LEAD, there, RECORD, altered),
    ]
    return [
        {
            "name": name,
            "envelope": b64(envelope),
            "sealed_to": [sealing.key_id(sealing.public_of(LEAD)), sealing.key_id(sealing.public_of(deputy))],
            "incident": str(incident),
            "rewrap": msgspec.to_builtins(one),
            "wrap": b64(wrap),
            "private_key": b64(key),
            "place": {
                "purpose": where.purpose,
                "subject": str(where.subject),
                "record": str(where.record),
                "header": b64(where.header),
            },
            "refusal": refusal,
        }
        for name, one, wrap, key, where, incident, refusal in rows
    ]


def recorded() -> list[dict[str, object]]:
    """Concerns that a lead recorded by hand, as written and as a collector might alter them."""
    both = (LEAD, RECOVERY)
    one, other = concern(LEAD, RECORD, both), concern(LEAD, OTHER, both)
    forged = concern(STRANGER, RECORD, both)
    named = concern(STRANGER, RECORD, both, signer=sealing.key_id(sealing.public_of(LEAD)))
    unreadable = concern(LEAD, RECORD, (STRANGER,))
    change = msgspec.structs.replace
    routine = change(one, header=one.header.replace(b'"urgent":true', b'"urgent":false'))
    moved = change(one, header=one.header.replace(str(RECORD).encode(), str(OTHER).encode()))
    bad, closed = "bad_lead_signature", "not sealed to this key"
    rows: list[tuple[str, concerns.Concern, bytes, bytes, UUID, str | None]] = [
        ("as the lead wrote it", one, LEAD, LEAD, RECORD, None),
        ("opened with the recovery key", one, LEAD, RECOVERY, RECORD, None),
        ("shown in another case", one, LEAD, LEAD, OTHER, bad),
        ("moved to another case in its header", moved, LEAD, LEAD, OTHER, bad),
        ("made routine", routine, LEAD, LEAD, RECORD, bad),
        ("the heading of another", change(one, heading=other.heading), LEAD, LEAD, RECORD, bad),
        ("the evidence of another", change(one, evidence=other.evidence), LEAD, LEAD, RECORD, bad),
        ("a flipped bit in the heading", change(one, heading=flipped(one.heading, 900)), LEAD, LEAD, RECORD, bad),
        ("a flipped bit in the signature", change(one, signature=flipped(one.signature, 5)), LEAD, LEAD, RECORD, bad),
        ("under another lead's name", one, RECOVERY, LEAD, RECORD, bad),
        ("by a stranger, and said to be the lead's", forged, LEAD, LEAD, RECORD, bad),
        ("by a stranger whose header names the lead", named, LEAD, LEAD, RECORD, bad),
        ("the same, and the stranger's key beside it", named, STRANGER, LEAD, RECORD, bad),
        ("not for this key", unreadable, LEAD, LEAD, RECORD, closed),
    ]
    return [
        {
            "name": name,
            "incident": str(incident),
            "header": b64(said.header),
            "heading": b64(said.heading),
            "evidence": b64(said.evidence),
            "signature": b64(said.signature),
            "lead_key": b64(sealing.public_of(by)),
            "private_key": b64(reader),
            "text": {part: b64(text) for part, text in CONCERN.items()} if refusal is None else None,
            "refusal": refusal,
        }
        for name, said, by, reader, incident, refusal in rows
    ]


CONCERN = {
    "heading": messages.encode(concerns.ConcernHeading(1, "self_harm", "amira", "report", 1, "reported")),
    "evidence": messages.encode(
        concerns.ConcernEvidence(1, "self_harm", "amira", "tutor", "Said she is tired, née Öz.", "The lead", AT)
    ),
}


def concern(by: bytes, incident: UUID, readers: tuple[bytes, ...], signer: str | None = None) -> concerns.Concern:
    keys = [sealing.public_of(key) for key in readers]
    said = concerns.ConcernHeader(
        version=1,
        record=RECORD if incident == OTHER else OTHER,
        incident=incident,
        signer=signer or sealing.key_id(sealing.public_of(by)),
        group="learners",
        urgent=True,
        started=AT,
        sealed_to=tuple(sealing.key_id(key) for key in keys),
        recipients_version=3,
    )
    exact = messages.encode(said)
    heading, evidence = (
        sealing.seal(CONCERN[part], keys, concerns.place(part, said, exact)) for part in ("heading", "evidence")
    )
    return concerns.Concern(exact, heading, evidence, concerns.sign(by, exact, heading, evidence))


def requests() -> list[dict[str, object]]:
    url, body = "https://collector.example/v1/records", b'{"version":1}'
    headers = signing.sign_request("POST", url, body, key=SIGNER, key_id=str(DEVICE), at=AT)
    without = {name: value for name, value in headers.items() if name != "Signature"}
    later = AT + timedelta(minutes=6)
    elsewhere = "https://other.example/v1/records"
    rows = [
        ("as signed", "POST", url, headers, body, AT, None),
        ("four minutes later", "POST", url, headers, body, AT + timedelta(minutes=4), None),
        ("six minutes later", "POST", url, headers, body, later, "clock_wrong"),
        ("six minutes too early", "POST", url, headers, body, AT - timedelta(minutes=6), "clock_wrong"),
        ("no signature", "POST", url, without, body, AT, "unsigned"),
        ("another body", "POST", url, headers, body + b" ", AT, "bad_signature"),
        ("another host", "POST", elsewhere, headers, body, AT, "bad_signature"),
        ("another path", "POST", url.replace("records", "people"), headers, body, AT, "bad_signature"),
        ("another method", "PUT", url, headers, body, AT, "bad_signature"),
        (
            "another key id",
            "POST",
            url,
            {**headers, "Signature-Input": headers["Signature-Input"].replace(str(DEVICE), str(RECORD))},
            body,
            AT,
            "bad_signature",
        ),
        (
            "fewer components",
            "POST",
            url,
            {**headers, "Signature-Input": headers["Signature-Input"].replace(' "@path"', "")},
            body,
            AT,
            "bad_signature",
        ),
        (
            "a header that is not one",
            "POST",
            url,
            {**headers, "Signature-Input": ';keyid="x" ((('},
            body,
            AT,
            "bad_signature",
        ),
    ]
    return [
        {
            "name": name,
            "method": method,
            "url": target,
            "headers": dict(heads),
            "body": b64(data),
            "public_key": b64(SIGNER.public_key().public_bytes_raw()),
            "now": now.isoformat(),
            "refusal": refusal,
        }
        for name, method, target, heads, data, now, refusal in rows
    ]


def decodings() -> list[dict[str, object]]:
    parcel = {"record": str(RECORD), "counter": 1, "kind": "loss", "version": 1, "body": {}}
    batch = {"version": 1, "device": str(DEVICE), "records": [parcel]}
    row = {
        "person": str(OTHER),
        "day": "2026-11-02",
        "kind": "host",
        "category": "other",
        "name": None,
        "seconds": 60,
        "visits": 1,
    }
    totals = {"device": str(DEVICE), "group": "learners", "rows": [row]}
    loss = {
        "device": str(DEVICE),
        "since": "2026-11-02T09:00:00Z",
        "until": "2026-11-02T09:30:00Z",
        "totals": 2,
        "alerts": 0,
        "reason": "spool_full",
    }
    beat = {
        "device": str(DEVICE),
        "group": "learners",
        "at": "2026-11-02T09:30:00Z",
        "agent_version": "1.0",
        "platform": "Linux",
        "sources": [{"name": "browser_history", "state": "working", "reason": ""}],
        "spool": "normal",
        "recipients_version": 1,
        "policy_version": 1,
        "packs": {"gambling": 3},
        "formats": [1],
        "clock_offset_seconds": 0,
        "notice_shown": True,
    }
    phone = {
        "hash": b64(bytes(range(32))),
        "device": str(DEVICE),
        "group": "learners",
        "person": "sam",
        "since": "2026-11-02T09:00:00Z",
    }
    short = {**phone, "hash": b64(bytes(16))}
    report = {
        "device": str(OTHER),
        "at": "2026-11-02T09:30:00Z",
        "seen": {str(DEVICE): "2026-11-02T09:00:00Z"},
        "refused": {"unknown": 3},
    }
    return [
        {
            "name": name,
            "message": kind,
            "json": msgspec.json.encode(data).decode() if not isinstance(data, str) else data,
            "refusal": refusal,
        }
        for name, kind, data, refusal in [
            ("a batch", "Batch", batch, None),
            ("a batch of a later version", "Batch", {**batch, "version": 2, "new": 1}, "version_too_new"),
            ("a batch with an unknown field", "Batch", {**batch, "colour": "red"}, "malformed"),
            ("a batch with no records", "Batch", {**batch, "records": []}, "malformed"),
            ("a batch of too many records", "Batch", {**batch, "records": [parcel] * 65}, "malformed"),
            ("counter zero", "Batch", {**batch, "records": [{**parcel, "counter": 0}]}, "malformed"),
            ("no JSON", "Batch", "{", "malformed"),
            ("nothing", "Batch", "", "malformed"),
            ("totals", "UsageTotals", totals, None),
            ("totals with a path", "UsageTotals", {**totals, "rows": [{**row, "path": "/a"}]}, "malformed"),
            ("totals with a title", "UsageTotals", {**totals, "rows": [{**row, "title": "a"}]}, "malformed"),
            ("negative seconds", "UsageTotals", {**totals, "rows": [{**row, "seconds": -1}]}, "malformed"),
            (
                "more seconds than a day has",
                "UsageTotals",
                {**totals, "rows": [{**row, "seconds": 90001}]},
                "malformed",
            ),
            ("a loss", "Loss", loss, None),
            ("a time without an offset", "Loss", {**loss, "since": "2026-11-02T09:00:00"}, "malformed"),
            ("an unknown reason", "Loss", {**loss, "reason": "tired"}, "malformed"),
            ("a heartbeat of a device that notices nothing, or is older than notices", "Heartbeat", beat, None),
            (
                "a heartbeat with every notice",
                "Heartbeat",
                {**beat, "notices": list(typing.get_args(messages.HealthNotice))},
                None,
            ),
            ("a notice that is not in the list", "Heartbeat", {**beat, "notices": ["visited"]}, "malformed"),
            ("a notice with a count", "Heartbeat", {**beat, "notices": {"clock_moved": 2}}, "malformed"),
            ("ten notices", "Heartbeat", {**beat, "notices": ["clock_moved"] * 10}, "malformed"),
            ("a gateway's question", "PhonesQuestion", {"version": 1, "known": ""}, None),
            ("a question with a digest that is none", "PhonesQuestion", {"version": 1, "known": "abc"}, "malformed"),
            ("no change of phones", "PhonesAnswer", {"digest": "d" * 64, "phones": None}, None),
            ("one phone", "PhonesAnswer", {"digest": "d" * 64, "phones": [phone]}, None),
            (
                "a phone with its id",
                "PhonesAnswer",
                {"digest": "d" * 64, "phones": [{**phone, "id": "a"}]},
                "malformed",
            ),
            ("a phone with half a hash", "PhonesAnswer", {"digest": "d" * 64, "phones": [short]}, "malformed"),
            ("what a gateway tells", "PhonesReport", report, None),
            ("a report with a name", "PhonesReport", {**report, "names": ["a.example"]}, "malformed"),
        ]
    ]


def gateway() -> list[dict[str, object]]:
    """Ids of phones with where they ask, and questions as they come and as they go to a resolver (id 4660, hex)."""
    ids = ["a" * 26, "abcdefghijklmnopqrstuvwxyz", "z2345672345672345672345672"]
    plain = bytes.fromhex("00010100000100000000000003777777076578616d706c65036f726700")
    opt = bytes.fromhex("000029")
    rows: list[dict[str, object]] = [
        {
            "id": one,
            "sha256": hashlib.sha256(one.encode()).hexdigest(),
            "https": f"https://dns.example.org/d/{one}/dns-query",
            "tls": f"{one}.dns.example.org",
        }
        for one in ids
    ]
    questions = [
        ("an address, without EDNS", plain + bytes.fromhex("00010001")),
        (
            "spelled in capitals, with EDNS and DNSSEC",
            plain.upper()[:2] + plain[2:12] + plain[12:].upper() + bytes.fromhex("001c0001") + b"\0" + opt[1:]
            + bytes.fromhex("04d0000080000000"),
        ),
        (
            "padded",
            plain + bytes.fromhex("00410001") + b"\0" + opt[1:] + bytes.fromhex("04d00000000000" "08000c000400000000"),
        ),
    ]  # fmt: skip
    for name, data in questions:
        data = data[:10] + (b"\0\1" if b"\x00\x00\x29" in data[20:] else b"\0\0") + data[12:]
        read = wire.read_question(data)
        sent = wire.query(read, 4660)
        rows.append(
            {"name": name, "question": data.hex(), "asked": read.name, "type": read.qtype, "padded": read.padded,
             "sent": sent.hex(), "refusal": None}
        )  # fmt: skip
    wrong = [
        ("cut off", plain[:-3]),
        ("two questions", plain[:4] + b"\0\2" + plain[6:] + bytes.fromhex("00010001") * 2),
        ("a compression loop", plain[:12] + bytes.fromhex("c00c00010001")),
        ("another class", plain + bytes.fromhex("00010003")),
        ("another operation", plain[:2] + b"\x28\0" + plain[4:] + bytes.fromhex("00010001")),
        ("a zone transfer", plain + bytes.fromhex("00fc0001")),
    ]
    for name, data in wrong:
        try:
            wire.read_question(data)
        except wire.Malformed as fault:
            rows.append({"name": name, "question": data.hex(), "refusal": fault.rcode})
    return rows


if __name__ == "__main__":
    for name, rows in (
        ("envelopes", envelopes()),
        ("alerts", alerts()),
        ("trials", trials()),
        ("documents", lead_documents()),
        ("rewraps", rewrapped()),
        ("concerns", recorded()),
        ("requests", requests()),
        ("messages", decodings()),
        ("gateway", gateway()),
    ):
        (HERE / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n")
