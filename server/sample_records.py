"""What a sample device says: sealed alerts, totals and heartbeats, made just as an agent makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from protocol import sealing
from protocol.grouping import tags
from protocol.limits import BATCH_MAX_RECORDS, MESSAGE_VERSION, TOTALS_MAX_ROWS
from protocol.messages import (
    Alert,
    AlertHeader,
    Batch,
    Evidence,
    Heading,
    Heartbeat,
    MatchedBy,
    Message,
    Parcel,
    Receipts,
    Seen,
    SourceState,
    UsageRow,
    UsageTotals,
    encode,
)  # fmt: skip
from protocol.signing import DeviceKey, sign_alert
from server import sample
from server.errors import SetUpError

_PARTS: tuple[sealing.Purpose, ...] = ("heading", "evidence")


@dataclass
class Sender:
    """A sample device with its key and its counter, and what it says."""

    device: UUID
    key: DeviceKey
    group: str
    counter: int = 0
    parcels: list[Parcel] = field(default_factory=list)

    def put(self, kind: str, message: Message) -> None:
        """Add a record to the next batch."""
        self.put_with(kind, lambda _record, _counter: message)

    def put_with(self, kind: str, make: Callable[[UUID, int], Message]) -> None:
        """Add a record that holds its own id and counter."""
        self.counter += 1
        record = uuid4()
        body = msgspec.Raw(encode(make(record, self.counter)))
        self.parcels.append(Parcel(record, self.counter, kind, MESSAGE_VERSION, body))

    def batches(self) -> Iterable[Batch]:
        """Yield what was put, in batches, and forget it."""
        waiting, self.parcels = self.parcels, []
        for start in range(0, len(waiting), BATCH_MAX_RECORDS):
            yield Batch(MESSAGE_VERSION, self.device, tuple(waiting[start : start + BATCH_MAX_RECORDS]))


def alert(
    sender: Sender, case: sample.Case, keys: Sequence[bytes], versions: tuple[int, int], grouping_key: bytes
) -> None:
    """Put a sealed alert of a case, as an agent would make it; `versions` are of recipients and policy."""
    ended = case.started + timedelta(minutes=case.minutes)

    def make(record: UUID, counter: int) -> Message:
        header = encode(
            AlertHeader(
                version=1,
                record=record,
                counter=counter,
                alert=record,
                revision=0,
                device=sender.device,
                signer=sender.device,
                group=sender.group,
                urgent=case.urgent,
                started=case.started,
                ended=ended,
                sealed_to=tuple(sealing.key_id(key) for key in keys),
                recipients_version=versions[0],
                policy_version=versions[1],
            )
        )
        places = {
            part: sealing.Place(purpose=part, subject=sender.device, record=record, header=header) for part in _PARTS
        }
        heading = sealing.seal(encode(_heading(case, grouping_key)), keys, places["heading"])
        evidence = sealing.seal(encode(_evidence(case, ended, versions[1])), keys, places["evidence"])
        return Alert(header, heading, evidence, sign_alert(sender.key, header, heading, evidence))

    sender.put_with("alert", make)


def _heading(case: sample.Case, grouping_key: bytes) -> Heading:
    return Heading(
        version=1,
        category=case.category,
        person=case.account,
        kind="host",
        count=case.count,
        entries=tags(grouping_key, "entry", [case.entry]),
        lists=tags(grouping_key, "list", ["sample list"]),
    )


def _evidence(case: sample.Case, ended: datetime, policy_version: int) -> Evidence:
    return Evidence(
        version=1,
        category=case.category,
        person=case.account,
        kind="host",
        source="browser_history",
        count=case.count,
        seen=(Seen(f"www.{case.entry}", case.count, case.started, ended),),
        matched=(MatchedBy(case.category, case.entry, ("sample list version 1",)),),
        policy_line=f"policy: {case.category} = flag for all groups",
        policy_version=policy_version,
    )


def totals(sender: Sender, uses: Iterable[sample.Use], ids: dict[tuple[str, str], UUID]) -> None:
    """Put the totals of some uses; `ids` gives the monthly id by month and account."""
    rows = [
        UsageRow(
            ids[f"{use.day:%Y-%m}", use.account], use.day, use.kind, use.category, use.name, use.seconds, use.visits
        )
        for use in uses
    ]
    for start in range(0, len(rows), TOTALS_MAX_ROWS):
        sender.put("totals", UsageTotals(sender.device, sender.group, tuple(rows[start : start + TOTALS_MAX_ROWS])))


def heartbeat(sender: Sender, at: datetime, versions: tuple[int, int], *, troubled: bool) -> None:
    """Put a heartbeat: all well, or with a source that can't see."""
    foreground = (
        SourceState(
            "foreground",
            "unknown",
            "The session uses Wayland with a compositor that does not say which app is in front.",
        )
        if troubled
        else SourceState("foreground", "working", "")
    )
    states = (
        SourceState("browser_history", "working", ""),
        foreground,
        SourceState("processes", "working", ""),
        SourceState("rules", "working", ""),
    )
    sender.put(
        "heartbeat",
        Heartbeat(
            device=sender.device,
            group=sender.group,
            at=at.replace(microsecond=0),
            agent_version="0.1.0",
            platform="Linux (sample)",
            sources=states,
            spool="normal",
            recipients_version=versions[0],
            policy_version=versions[1],
            packs={"curated": 1},
            formats=(MESSAGE_VERSION,),
            clock_offset_seconds=0,
            notice_shown=True,
        ),
    )


def all_stored(receipts: Receipts) -> None:
    """Check that a batch was taken whole; raises SetUpError with the first refusal."""
    refused = [receipt for receipt in receipts.receipts if receipt.result not in {"stored", "duplicate"}]
    if refused:
        raise SetUpError(f"the collector refused sample data: {refused[0].code} {refused[0].detail}")
