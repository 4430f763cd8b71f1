"""Make a sample organisation live: three months of use and cases, through the very ingest that devices use.

`--data-dir D` writes the history into a collector's own database (making the collector where there is none). `--to URL`
enrols sample devices with a token and sends live records over HTTP. All of it is marked as sample data.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec

from protocol import leadkeys, sealing
from protocol.limits import BATCH_MAX_RECORDS, MESSAGE_VERSION, TOTALS_MAX_ROWS
from protocol.messages import (
    Alert,
    AlertHeader,
    Batch,
    EnrolReply,
    EnrolRequest,
    Evidence,
    Heading,
    Heartbeat,
    MatchedBy,
    Message,
    Parcel,
    PeopleAnswer,
    PeopleQuestion,
    Receipts,
    Seen,
    SourceState,
    UsageRow,
    UsageTotals,
    decode,
    encode,
)
from protocol.signing import DeviceKey, sign_alert, sign_request
from server import sample
from server.errors import SetUpError

Progress = Callable[[str], None]
SEED = 2026
_PARTS: tuple[sealing.Purpose, ...] = ("heading", "evidence")
SECONDS_MAX = 24 * 3600
"""Live traffic stops by itself after a day at most."""


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


# --- what a device says ------------------------------------------------------------------------------------------


def alert(sender: Sender, case: sample.Case, keys: Sequence[bytes], versions: tuple[int, int]) -> None:
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
        heading = sealing.seal(encode(_heading(case)), keys, places["heading"])
        evidence = sealing.seal(encode(_evidence(case, ended, versions[1])), keys, places["evidence"])
        return Alert(header, heading, evidence, sign_alert(sender.key, header, heading, evidence))

    sender.put_with("alert", make)


def _heading(case: sample.Case) -> Heading:
    return Heading(version=1, category=case.category, person=case.account, kind="host", count=case.count)


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
        SourceState("foreground", "unknown", "The session uses Wayland, which does not say which app is in front.")
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


# --- history, into the database ----------------------------------------------------------------------------------


def write_history(now: datetime, progress: Progress, seed: int = SEED) -> None:
    """Write forty devices, three months of use and sixty cases into the collector whose settings are loaded.

    Cases are sealed to the signed recipients, or, where nothing is signed yet, to the leads' keys that are there.
    Raises SetUpError when there is nobody to seal to.
    """
    from server import ingest
    from server.store.models import Device, Organisation

    chance = random.Random(seed)  # noqa: S311 - a sample, made to be the same each time
    keys, versions = _readers()
    fleet = sample.devices()
    senders = []
    for place, each in enumerate(fleet):
        key = DeviceKey.generate()
        device = Device(
            name=each.name,
            group=each.group,
            public_key=key.public_key().public_bytes_raw(),
            platform="Linux (sample)",
            enrolled_at=now - timedelta(days=sample.DAYS, minutes=place),
            sample=True,
        )
        device.save(force_insert=True)
        senders.append(Sender(device.pk, key, each.group))
    Organisation.objects.update(sample=True)
    for place, (each, sender) in enumerate(zip(fleet, senders, strict=True), start=1):
        _write_device(sender, each, now, chance, versions)
        progress(f"sample use: device {place} of {len(fleet)}")
    cases = sample.cases(fleet, now, chance)
    for place, case in enumerate(cases, start=1):
        sender = senders[case.device]
        alert(sender, case, keys, versions)
        received = case.started + timedelta(seconds=chance.randint(3, 90))
        for batch in sender.batches():
            _all_stored(ingest.take(batch, sender.device, min(received, now)))
        progress(f"sample cases: {place} of {len(cases)}")
    _close(cases, now)


def _write_device(
    sender: Sender, each: sample.SampleDevice, now: datetime, chance: random.Random, versions: tuple[int, int]
) -> None:
    from server import ingest, people

    last_seen = now - timedelta(minutes=chance.randint(1, 40))
    if chance.random() < 0.1:
        last_seen = now - timedelta(days=chance.randint(6, 20))
    ids: dict[tuple[str, str], UUID] = {}
    every = sorted(sample.uses(each, last_seen.date(), chance), key=lambda use: use.day)
    for month, uses in groupby(every, key=lambda use: f"{use.day:%Y-%m}"):
        answer = people.answer(PeopleQuestion(MESSAGE_VERSION, month, each.accounts), now)
        ids |= {(month, account): person for account, person in answer.ids.items()}
        totals(sender, uses, ids)
    heartbeat(sender, last_seen, versions, troubled=chance.random() < 0.12)
    for batch in sender.batches():
        _all_stored(ingest.take(batch, sender.device, last_seen))


def _close(cases: Sequence[sample.Case], now: datetime) -> None:
    """Close the older cases as a lead would: a sealed outcome, and a line in the audit log."""
    from server import incidents
    from server.store.models import Incident, User

    lead = User.objects.filter(role="lead", lead_keys__active=True).first()
    if lead is None:
        return
    there = {incident.started: incident for incident in Incident.objects.filter(sample=True)}
    for case in cases:
        if not case.closed:
            continue
        incident, at = there[case.started], case.started + timedelta(hours=3)
        note = uuid4()
        content = {
            "version": 1,
            "kind": "outcome",
            "text": "Sample: spoke with the person and agreed what happens next.",
            "finding": "concern",
            "outcome": "advice",
            "author": lead.get_full_name(),
            "at": f"{min(at, now):%Y-%m-%dT%H:%M:%SZ}",
        }
        place = sealing.Place(purpose="note", subject=incident.pk, record=note, header=b"")
        envelope = sealing.seal(msgspec.json.encode(content), _readers()[0], place)
        incidents.close(lead, incident.pk, note, envelope, now=min(at, now))


def _readers() -> tuple[list[bytes], tuple[int, int]]:
    from server.leadkeys import signed_list
    from server.store.models import LeadKey

    listed = signed_list()
    if listed is not None:
        return [one.public_key for one in listed.recipients], (listed.version, 1)
    keys = [bytes(row.public_key) for row in LeadKey.objects.filter(active=True)]
    if not keys:
        raise SetUpError("nobody can open cases here yet: make a lead's key first, then run simulate again")
    return keys, (1, 1)


def _all_stored(receipts: Receipts) -> None:
    refused = [receipt for receipt in receipts.receipts if receipt.result not in {"stored", "duplicate"}]
    if refused:
        raise SetUpError(f"the collector refused sample data: {refused[0].code} {refused[0].detail}")


# --- live, over HTTP ---------------------------------------------------------------------------------------------


def drive(url: str, token: str, *, devices: int, seconds: float, progress: Progress, seed: int = SEED) -> int:
    """Enrol sample devices and send heartbeats and totals for a while; returns how many records were stored."""
    chance = random.Random(seed)  # noqa: S311 - a sample
    fleet = sample.devices()[:devices]
    senders = [_enrol(url, token, each) for each in fleet]
    stored, end = 0, time.monotonic() + min(seconds, SECONDS_MAX)
    while True:
        for each, sender in zip(fleet, senders, strict=True):
            now = datetime.now(UTC)
            question = PeopleQuestion(MESSAGE_VERSION, f"{now:%Y-%m}", each.accounts)
            ids = {
                (question.month, account): person
                for account, person in _post(url, "/v1/people", question, sender, PeopleAnswer).ids.items()
            }
            use = sample.Use(chance.choice(each.accounts), now.date(), "host", "streaming", "youtube.com", 60, 1)
            totals(sender, [use], ids)
            heartbeat(sender, now, (1, 1), troubled=False)
            for batch in sender.batches():
                receipts = _post(url, "/v1/records", batch, sender, Receipts)
                _all_stored(receipts)
                stored += len(receipts.receipts)
        progress(f"{stored} records stored from {len(fleet)} sample devices")
        if time.monotonic() >= end:
            return stored
        time.sleep(min(1.0, max(0.0, end - time.monotonic())))


def _enrol(url: str, token: str, each: sample.SampleDevice) -> Sender:
    key = DeviceKey.generate()
    request = EnrolRequest(MESSAGE_VERSION, token, key.public_key().public_bytes_raw(), each.name, "Linux (sample)")
    reply = _ask(url, "/v1/enrol", encode(request), key, "enrol", EnrolReply)
    return Sender(reply.device, key, reply.group)


def _post(url: str, path: str, message: Message, sender: Sender, kind: type[Any]) -> Any:
    return _ask(url, path, encode(message), sender.key, str(sender.device), kind)


def _ask(url: str, path: str, body: bytes, key: DeviceKey, key_id: str, kind: type[Any]) -> Any:
    address = url.rstrip("/") + path
    if not address.startswith(("http://", "https://")):
        raise SetUpError(f"{url}: the collector's address starts with https:// (or http:// on this machine)")
    headers = sign_request("POST", address, body, key=key, key_id=key_id, at=datetime.now(UTC))
    request = urllib.request.Request(address, body, {**headers, "Content-Type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - the scheme was checked
            return decode(answer.read(), kind)
    except urllib.error.HTTPError as fault:
        raise SetUpError(f"the collector refused: {fault.read(300).decode(errors='replace')}") from None
    except OSError as fault:
        raise SetUpError(f"{url} can't be reached ({type(fault).__name__}): is the collector running there?") from None


# --- the command -------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `fairwatch-server simulate`."""
    parser.add_argument("--to", metavar="URL", help="or drive live traffic to a running collector")
    parser.add_argument("--token-file", type=Path, help="with --to: an enrolment token for the sample devices")
    parser.add_argument("--devices", type=int, default=5, help="with --to: how many sample devices (1 to 40)")
    parser.add_argument("--seconds", type=float, default=10.0, help="with --to: how long (a day at most)")


def say(line: str) -> None:
    """Show progress on stderr: over itself on a terminal, else nothing but the last word of each part."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)  # noqa: T201


def make_lead_keys() -> dict[str, str]:
    """Give every lead and deputy without a key one, made here for the sample; returns the words by user name."""
    from server import leadkeys as kept
    from server.store.models import User

    words = {}
    for user in User.objects.filter(role__in=("lead", "deputy"), lead_keys__isnull=True):
        words[user.username] = leadkeys.make_passphrase()
        kept.keep(user, encode(leadkeys.make(words[user.username])))
    return words


def run(given: argparse.Namespace) -> int:
    """Write the history, or drive live traffic; returns 0."""
    if given.to is not None:
        if given.token_file is None:
            raise SetUpError("--to needs --token-file: an enrolment token for the sample devices")
        if not 1 <= given.devices <= len(sample.devices()):
            raise SetUpError(f"--devices is 1 to {len(sample.devices())}")
        try:
            token = given.token_file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise SetUpError(f"{given.token_file} can't be read as a token") from None
        stored = drive(given.to, token, devices=given.devices, seconds=given.seconds, progress=say)
        say("")
        print(f"{stored} records stored")  # noqa: T201
        return 0
    words = _prepare(given.data_dir)
    write_history(datetime.now(UTC), say)
    say("")
    print(f"Wrote 40 sample devices, {sample.DAYS} days and {sample.CASES} sealed cases into {given.data_dir}")  # noqa: T201
    for name, passphrase in words.items():
        print(f"{name} unlocks with: {passphrase}")  # noqa: T201
    return 0


def _prepare(data_dir: Path) -> dict[str, str]:
    """Set the collector up, making it where there is none, with a lead who can open the sample."""
    from server.start import require

    if not (data_dir / "keys" / "django").is_file():
        from server.initialise import initialise

        initialise(data_dir, name="Sample Training Provider", zone="Europe/London", url="http://localhost:8460")
    require(data_dir)
    from server.store.models import Device, User

    if Device.objects.filter(sample=True).exists():
        raise SetUpError(f"{data_dir} holds the sample already; nothing was changed")
    if not User.objects.filter(role="lead").exists():
        User.objects.create_user("sample-lead", role="lead", display_name="Sample lead")
    return make_lead_keys()
