"""Opens exported alerts offline, without any page of the collector's: verify the device's signature, then open.

What the signature proves is that the holder of the device key given beside the alert made it; that this is the key of
that device is the collector's word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from custody.errors import CustodyError
from protocol.errors import ProtocolError
from protocol.messages import AlertHeader, Evidence, Heading, Message, decode, decode_header
from protocol.sealing import Place, Purpose, open_envelope
from protocol.signing import verify_alert


class ExportedAlert(Message, frozen=True):
    """An alert as the collector exports it, bytes in base64; `reference` is the incident's number, where known."""

    header: bytes
    heading: bytes
    evidence: bytes
    signature: bytes
    device_public_key: bytes
    reference: str = ""


class Export(Message, frozen=True):
    """The whole file."""

    alerts: tuple[ExportedAlert, ...]


@dataclass(frozen=True)
class Opened:
    """What one alert says, its device's signature verified."""

    header: AlertHeader
    heading: Heading
    evidence: Evidence
    reference: str

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return {
            "reference": self.reference,
            "header": msgspec.to_builtins(self.header),
            "heading": msgspec.to_builtins(self.heading),
            "evidence": msgspec.to_builtins(self.evidence),
            "signature": "verified",
        }


def read_export(data: bytes) -> Export:
    """Return the exported alerts; raises CustodyError naming what is not understood."""
    try:
        return msgspec.json.decode(data, type=Export)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise CustodyError(f"this is no export of alerts: {fault}") from None


def open_all(export: Export, private_key: bytes) -> tuple[list[Opened], list[str]]:
    """Return what opened, and a sentence for each alert that did not; `private_key` has 64 bytes."""
    opened, refused = [], []
    for number, alert in enumerate(export.alerts, start=1):
        try:
            opened.append(_open(alert, private_key))
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


def _open(alert: ExportedAlert, private_key: bytes) -> Opened:
    verify_alert(alert.device_public_key, alert.signature, alert.header, alert.heading, alert.evidence)
    header = decode_header(alert.header)
    heading = open_envelope(alert.heading, private_key, _place("heading", header, alert.header))
    evidence = open_envelope(alert.evidence, private_key, _place("evidence", header, alert.header))
    return Opened(header, decode(heading, Heading), decode(evidence, Evidence), alert.reference)


def _place(purpose: Purpose, header: AlertHeader, exact: bytes) -> Place:
    return Place(purpose=purpose, subject=header.device, record=header.record, header=exact)
