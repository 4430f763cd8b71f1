"""The harmless test of the whole way: a reserved host goes down the same road as a visit, and leaves sealed as a test.

The collector may ask for one, and for nothing else: it names no host, no list and no person. `service`: the agent hands
the reserved host to its pipeline itself, as an observation of its own source. `visit`: for half an hour it waits until
a source sees somebody visit the test's host by hand. Nothing is taken away from what the rules say of that visit, so
that no site can hide behind the test.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import msgspec

from agent.bundle import Bundle
from agent.observation import TRIP_SOURCE, Observation
from agent.seal import Signer, for_case
from protocol import sealing
from protocol.messages import TripEvidence, TripHeader, TripReport, encode
from protocol.signing import sign_trip
from rules.model import Verdict

TRIP_HOST: Final = "fairwatch-test.invalid"
"""The reserved host (`rules/packs/trip.toml`): RFC 6761 says that it never exists, so no person visits it."""

VISIT_LABEL: Final = "fairwatch-test."
"""How a host begins that somebody visits by hand: IT points such a name of the organisation's own at any web server."""

VISIT_WITHIN: Final = timedelta(minutes=30)
"""How long a visit by hand is waited for: a hostile collector learns of none at other times."""

_REMEMBERED: Final = 64
"""Tests that were done: one that is asked for again, because its record still waits to be sent, is not done twice."""

By = Literal["service", "visit"]


class Asked(msgspec.Struct, frozen=True):
    """A test that is wanted of this device, from when and until when it counts (aware UTC)."""

    trip: UUID
    by: By
    since: datetime
    until: datetime


class Trips:
    """The test under way, in memory only. A test counts as done once its record is on the disk."""

    def __init__(self) -> None:
        self._asked: Asked | None = None
        self._done: deque[UUID] = deque(maxlen=_REMEMBERED)
        self._spooled: UUID | None = None

    def ask(self, trip: UUID, by: By, now: datetime) -> bool:
        """Take up a test; False where it was done, or is being waited for, already."""
        waits = self._asked is not None and self._asked.trip == trip
        if trip in self._done or (waits and by == "visit"):
            return False
        self._asked = Asked(trip, by, now, now + VISIT_WITHIN)
        return True

    def met(self, observation: Observation, verdict: Verdict) -> UUID | None:
        """The test that this observation is, if one is under way and it is of its kind."""
        asked = self._asked
        if asked is None or asked.trip == self._spooled:
            return None
        if asked.by == "service":
            # Only what the signed lists know: a test that did without them would prove less than it says.
            return asked.trip if observation.source == TRIP_SOURCE and verdict.trip is not None else None
        meant = observation.kind == "host" and is_by_hand(observation.name) and observation.source != TRIP_SOURCE
        return asked.trip if meant and asked.since <= observation.started <= asked.until else None

    def spooled(self, trip: UUID) -> None:
        """Its record was put, in a transaction that may still come to nothing."""
        self._spooled = trip

    def committed(self) -> None:
        """The transaction is on the disk."""
        if self._spooled is not None:
            self._done.append(self._spooled)
            self._asked = None
        self._spooled = None

    def rolled_back(self) -> None:
        """The transaction came to nothing: the test is still to be done."""
        self._spooled = None


def is_by_hand(name: str) -> bool:
    """Whether a host is one that somebody visits to test: the reserved one, or one that begins with its label."""
    return name == TRIP_HOST or name.startswith(VISIT_LABEL)


def own_visit(device: UUID, now: datetime) -> Observation:
    """The reserved host as the agent's own source hands it on: of no person."""
    return Observation(
        device=device, kind="host", name=TRIP_HOST, started=now, seconds=0.0, person="", source=TRIP_SOURCE
    )


def seal_trip(
    trip: UUID,
    observation: Observation,
    verdict: Verdict,
    bundle: Bundle,
    group: str,
    signer: Signer,
    record: UUID,
    counter: int,
) -> bytes:
    """The body of a test's record as JSON: sealed to those to whom an alert of the device's group would be."""
    recipients = for_case(bundle, group, "")
    header = encode(
        TripHeader(
            version=1,
            record=record,
            counter=counter,
            trip=trip,
            device=signer.device,
            signer=signer.device,
            group=group,
            source=observation.source,
            seen=observation.started.replace(microsecond=0),
            sealed_to=tuple(recipient.key_id for recipient in recipients),
            recipients_version=bundle.recipients_version,
            policy_version=bundle.policy_version,
        )
    )
    place = sealing.Place(purpose="trip", subject=signer.device, record=record, header=header)
    text = encode(TripEvidence(1, observation.name, verdict.trip, bundle.policy_version))
    envelope = sealing.seal(text, [recipient.public_key for recipient in recipients], place)
    return encode(TripReport(header, envelope, sign_trip(signer.key, header, envelope)))
