"""Live traffic of sample devices to a running collector: enrolled with a token, signed, over HTTP, for a while."""

from __future__ import annotations

import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from protocol.limits import MESSAGE_VERSION
from protocol.messages import EnrolReply, EnrolRequest, Message, PeopleAnswer, PeopleQuestion, Receipts, decode, encode
from protocol.signing import DeviceKey, sign_request
from server import sample
from server.errors import SetUpError
from server.sample_records import Sender, all_stored, heartbeat, totals

SECONDS_MAX = 24 * 3600
"""Live traffic stops by itself after a day at most."""


def drive(url: str, token: str, *, devices: int, seconds: float, progress: Callable[[str], None]) -> int:
    """Enrol sample devices and send heartbeats and totals for a while; returns how many records were stored."""
    chance = random.Random(sample.SEED)  # noqa: S311 - a sample
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
                all_stored(receipts)
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
