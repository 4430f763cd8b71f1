"""Drops what policy puts out of scope, before anything is written: nothing of it is classified, counted or kept."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import msgspec

from agent.bundle import Bundle
from agent.observation import TRIP_SOURCE, Observation

LOOK_AHEAD_SECONDS = 600.0
"""How far ahead private time is looked for where the source can't say how long: longer than any visit is counted."""

LONGEST_SECONDS = 86_400.0
"""No interval is longer than a day, whatever a source says: a broken clock must not make a year of use."""

_MINUTE = timedelta(minutes=1)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An observation in scope. `counted_seconds` is how long from its start may be counted: never into private time.

    `urgent_only`: it lies in private time in which only urgent flags count, and must never be tallied.
    """

    observation: Observation
    counted_seconds: float
    urgent_only: bool


def minimise(observation: Observation, bundle: Bundle | None, group: str) -> Kept | None:
    """The observation if policy has it in scope, else None.

    Without rules, or with nobody to seal to, nothing is observed: what could only be lost must not be collected.
    """
    if bundle is None or not bundle.can_seal:
        return None
    policy = bundle.policy
    if not policy.started(observation.started):
        return None
    if observation.kind == "host" and policy.excluded(observation.name):
        return None
    if observation.source == TRIP_SOURCE:
        # Of no person, so there is nobody's private time to keep.
        return Kept(observation=observation, counted_seconds=0.0, urgent_only=False)
    private = policy.private_time(group, observation.started)
    if private == "drop_all":
        return None
    observation = _sane(observation)
    wanted = LOOK_AHEAD_SECONDS if observation.seconds is None else observation.seconds
    return Kept(
        observation=observation,
        counted_seconds=0.0 if private != "none" else _until_private(bundle, group, observation.started, wanted),
        urgent_only=private == "urgent_only",
    )


def _until_private(bundle: Bundle, group: str, started: datetime, wanted_seconds: float) -> float:
    """The seconds from `started` to the next private minute, `wanted_seconds` at most."""
    ended = started + timedelta(seconds=wanted_seconds)
    minute = started.replace(second=0, microsecond=0) + _MINUTE
    while minute < ended:
        if bundle.policy.private_time(group, minute) != "none":
            return (minute - started).total_seconds()
        minute += _MINUTE
    return wanted_seconds


def _sane(observation: Observation) -> Observation:
    """The same with a length that a sum can take and an account name that JSON can hold."""
    seconds, person = observation.seconds, observation.person
    if seconds is not None:
        seconds = min(max(seconds, 0.0), LONGEST_SECONDS) if math.isfinite(seconds) else None
    if not person.isascii():
        person = person.encode("utf-8", "replace").decode("utf-8")
    if seconds == observation.seconds and person == observation.person:
        return observation
    return msgspec.structs.replace(observation, seconds=seconds, person=person)
