"""Opens exported alerts offline, without any page of the collector's: verify the device's signature, then open.

What the device's signature proves is that the holder of the device key given beside the alert made it; that this is the
key of that device is the collector's word. Notes are shown once a lead's signature holds who may write in the case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from custody.errors import CustodyError
from protocol import concerns, rewraps
from protocol.concerns import ConcernEvidence, ConcernHeader, ConcernHeading
from protocol.documents import SealedDocument, check_signed
from protocol.errors import OpenError, ProtocolError, Refused
from protocol.leadkeys import fingerprint
from protocol.messages import AlertHeader, Evidence, Heading, Message, decode, decode_header
from protocol.publication import RecipientList
from protocol.rewraps import Rewrap
from protocol.sealing import Place, Purpose, key_id, layout, open_envelope, public_of
from protocol.signing import verify_alert


class ExportedNote(SealedDocument, frozen=True):
    """A note as the collector keeps it; `author` and `at` are its own word for who wrote it and when it came."""

    author: str = ""
    at: datetime | None = None


class ExportedAlert(Message, frozen=True):
    """An alert as the collector exports it, bytes in base64; `reference` is the incident's number, where known.

    A concern that a lead recorded by hand comes with the lead's public key (64 bytes), an alert with its device's.
    `device` and `gateway` are names as the collector has them: of the laptop or phone that it is about, and of the
    gateway that signed for a phone.
    `rewraps` are the case's: what the exporting lead's key opens by, and what proves who else may write in it.
    """

    header: bytes
    heading: bytes
    evidence: bytes
    signature: bytes
    device_public_key: bytes | None = None
    lead_public_key: bytes | None = None
    reference: str = ""
    notes: tuple[ExportedNote, ...] = ()
    rewraps: tuple[Rewrap, ...] = ()
    device: str = ""
    gateway: str = ""


class Export(Message, frozen=True):
    """The whole file; `organisation` and `zone` (of its times) are for the case file on paper."""

    alerts: tuple[ExportedAlert, ...]
    organisation: str = ""
    zone: str = "UTC"


class Said(msgspec.Struct, frozen=True):
    """What is inside a note's seal, as far as this version knows it; what is unknown is left aside."""

    text: str = ""
    kind: str = "note"
    finding: str = ""
    outcome: str = ""
    author: str = ""
    at: str = ""


@dataclass(frozen=True)
class Note:
    """One note: what it says and whose key signed it, or why it is not shown."""

    said: Said | None
    signer: str
    refused: str = ""


@dataclass(frozen=True)
class Opened:
    """What one alert or concern says, the signature of its device or lead verified."""

    header: AlertHeader | ConcernHeader
    heading: Heading | ConcernHeading
    evidence: Evidence | ConcernEvidence
    reference: str
    notes: tuple[Note, ...] = ()
    device: str = ""
    gateway: str = ""

    def words(self) -> list[str]:
        """Return it in lines for people; what a device or a lead wrote in it is not made safe for a terminal here."""
        said = self.evidence
        if isinstance(said, ConcernEvidence):
            first = f"{self.reference or self.header.record}: {said.category}, {said.person}"
            source = said.source.replace("_", " ")
            told = f"  recorded by {said.author}, {said.at}, from: {source}"
            return [first, told, *(f"  {line}" for line in said.text.splitlines())]
        return [
            f"{self.reference or self.header.record}: {said.category}, {said.person}",
            *(f"  {each.name}, {each.count} times, {each.first} to {each.last}" for each in said.seen),
            *(f"  because of {each.entry} in {', '.join(each.lists)}" for each in said.matched),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return {
            "reference": self.reference,
            "header": msgspec.to_builtins(self.header),
            "heading": msgspec.to_builtins(self.heading),
            "evidence": msgspec.to_builtins(self.evidence),
            "signature": "verified",
            "notes": [
                {"signed_by": one.signer, "refused": one.refused, **(msgspec.to_builtins(one.said) if one.said else {})}
                for one in self.notes
            ],
        }


def read_export(data: bytes) -> Export:
    """Return the exported alerts; raises CustodyError naming what is not understood."""
    try:
        return msgspec.json.decode(data, type=Export)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise CustodyError(f"this is no export of alerts: {fault}") from None


def open_all(export: Export, private_key: bytes, listed: RecipientList | None = None) -> tuple[list[Opened], list[str]]:
    """Return what opened, and a sentence for each alert that did not; `private_key` has 64 bytes.

    `listed` is the signed list of recipients, for the names of those whose keys signed the notes.
    """
    opened, refused = [], []
    names = {one.key_id: one.label for one in (listed.recipients if listed is not None else ())}
    for number, alert in enumerate(export.alerts, start=1):
        try:
            opened.append(_open(alert, private_key, names))
        except ProtocolError as fault:
            refused.append(f"alert {number} of {len(export.alerts)} was not opened: {fault}")
    return opened, refused


def outdated(opened: Sequence[Opened], current_version: int | None) -> list[str]:
    """Return a warning for each alert sealed under an older list of recipients than the current one.

    Without a publication at hand the newest list named in the export stands for the current one. An old list means
    that the device was away, or that somebody keeps news from it.
    """
    newest = current_version or max((one.header.recipients_version for one in opened), default=0)
    return [
        f"record {one.header.record}: sealed under list of recipients {one.header.recipients_version}, "
        f"but list {newest} is current: this device has not had the newer one"
        for one in opened
        if one.header.recipients_version < newest
    ]


def _open(alert: ExportedAlert, private_key: bytes, names: Mapping[str, str]) -> Opened:
    header, case, subject = _verified(alert)
    readers = rewraps.readers(header.sealed_to, case, alert.rewraps)
    mine = key_id(public_of(private_key))
    wraps = {(one.record, one.purpose): one.wrap for one in alert.rewraps if key_id(one.recipient) == mine}

    def text(purpose: Purpose, envelope: bytes) -> bytes:
        place = Place(purpose=purpose, subject=subject, record=header.record, header=alert.header)
        return open_envelope(envelope, private_key, place, wrap=_wrap(envelope, mine, wraps, header.record, purpose))

    heading: Heading | ConcernHeading
    evidence: Evidence | ConcernEvidence
    if isinstance(header, AlertHeader):
        heading = decode(text("heading", alert.heading), Heading)
        evidence = decode(text("evidence", alert.evidence), Evidence)
    else:
        heading = decode(text("heading", alert.heading), ConcernHeading)
        evidence = decode(text("evidence", alert.evidence), ConcernEvidence)
    notes = tuple(_note(note, case, private_key, readers, wraps, names) for note in alert.notes)
    return Opened(header, heading, evidence, alert.reference, notes, alert.device, alert.gateway)


def _verified(alert: ExportedAlert) -> tuple[AlertHeader | ConcernHeader, UUID, UUID]:
    """Return the header once its signature holds, the case's id, and what the envelopes' places name as subject."""
    parts = (alert.signature, alert.header, alert.heading, alert.evidence)
    if alert.lead_public_key is not None:
        concern = concerns.verify(alert.lead_public_key, *parts)
        return concern, concern.incident, concern.incident
    if alert.device_public_key is None:
        raise OpenError("neither a device's nor a lead's key is given with it, so its signature can't be checked")
    verify_alert(alert.device_public_key, *parts)
    header = decode_header(alert.header)
    return header, header.alert, header.device


def _wrap(
    envelope: bytes, mine: str, wraps: Mapping[tuple[UUID, Purpose], bytes], record: UUID, purpose: Purpose
) -> bytes | None:
    return None if mine in layout(envelope).key_ids else wraps.get((record, purpose))


def _note(
    note: ExportedNote,
    incident: UUID,
    private_key: bytes,
    readers: frozenset[str],
    wraps: Mapping[tuple[UUID, Purpose], bytes],
    names: Mapping[str, str],
) -> Note:
    number = key_id(note.signer)
    signer = names.get(number, f"key {fingerprint(note.signer)}")
    try:
        check_signed("note", note, incident, readers)
        mine = key_id(public_of(private_key))
        wrap = _wrap(note.envelope, mine, wraps, note.id, "note")
        place = Place(purpose="note", subject=incident, record=note.id, header=b"")
        text = open_envelope(note.envelope, private_key, place, wrap=wrap)
        return Note(msgspec.json.decode(text, type=Said), signer)
    except Refused:
        return Note(None, signer, f"NOT TO BE TRUSTED: a note said to be by {note.author or signer} is not signed so")
    except (OpenError, msgspec.MsgspecError, UnicodeDecodeError):
        return Note(None, signer, f"a note by {signer} can't be opened with this key")
