"""Opens older cases to a lead's key by the recovery key, offline: two shares, the desk's file, the signed list."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from custody.errors import CustodyError
from protocol.errors import KeptBack, ProtocolError
from protocol.passing_on import Parcel, RecoveredFile, RecoveryFile, pass_on
from protocol.publication import Recipient, RecipientList
from protocol.sealing import key_id, public_of


@dataclass(frozen=True)
class Recovered:
    """What was opened, how many cases stay closed to this person, and a sentence for each that could not be trusted."""

    file: RecoveredFile
    kept_back: int
    refused: tuple[str, ...]


def read_file(data: bytes) -> RecoveryFile:
    """Return the desk's file; raises CustodyError naming what is not understood."""
    try:
        return msgspec.json.decode(data, type=RecoveryFile)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise CustodyError(f"this is no recovery file of the desk: {fault}") from None


def recipient_of(file: RecoveryFile, listed: RecipientList, private_key: bytes) -> Recipient:
    """Return whom the cases would be opened to; raises CustodyError unless custodians signed their key and this one.

    Stops a collector from having everything opened to a key of its own: it names a key, the signed list says whose.
    """
    mine = key_id(public_of(private_key))
    if not any(one.key_id == mine and one.role == "recovery" for one in listed.recipients):
        raise CustodyError("these shares make another recovery key than the signed list has")
    for one in listed.recipients:
        if one.key_id == file.recipient and one.role != "recovery":
            return one
    raise CustodyError(f"the key {file.recipient} in this file is no lead's on the signed list; nothing was opened")


def recover(file: RecoveryFile, newcomer: Recipient, private_key: bytes) -> Recovered:
    """Return the re-wraps for a lead's key of the signed list; what is about them stays closed."""
    parcels: list[Parcel] = []
    refused: list[str] = []
    kept_back = 0
    for number, case in enumerate(file.cases, start=1):
        try:
            parcels.append(pass_on(case, newcomer, private_key))
        except KeptBack:
            kept_back += 1
        except ProtocolError as fault:
            refused.append(f"case {number} of {len(file.cases)} was left out: {fault}")
    return Recovered(RecoveredFile(1, newcomer.key_id, tuple(parcels)), kept_back, tuple(refused))
