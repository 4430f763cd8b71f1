"""Says what a name leads to: of several categories the gravest response counts, unless policy puts it out of scope."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from rules.model import Response, Verdict
from rules.policy import Decision, Policy, PrivateTime

_GRAVITY: dict[Response, int] = {"flag": 0, "remind": 2, "total": 3, "ignore": 4}
"""Where a name is in several categories, the gravest response counts; an urgent flag is graver than any."""

Effect = Literal["nothing", "incident", "reminder", "counted", "background", "other"]
Cause = Literal["not_started", "never_collected", "private_time", "rule", "background", "no_category"]


class Weighed(msgspec.Struct, frozen=True):
    """The category that counts, and the decision for it."""

    category: str
    decision: Decision


class Outcome(msgspec.Struct, frozen=True):
    """What happens for one group at one instant, why, and by which lines of the policy.

    `other`: only minutes, and only in the total that tells nothing apart. `background`: minutes of no person's use;
    never of what is flagged. `weighed` is what the rule says, also where
    private time keeps it from acting.
    """

    effect: Effect
    cause: Cause
    private_time: PrivateTime
    weighed: Weighed | None
    lines: tuple[str, ...]


def weigh(verdict: Verdict, policy: Policy, group: str, at: datetime) -> Weighed | None:
    """The decision that counts for a verdict at that instant; None where no category matched.

    A protected verdict is never flagged, whatever else matched and whatever a policy says: seeking help must be safe.
    """
    found: Weighed | None = None
    rank = len(_GRAVITY) + 1
    for category in verdict.categories:
        decision = policy.decide(category, group, at, verdict.name)
        if verdict.protected and decision.response in ("flag", "remind"):
            continue
        gravity = _GRAVITY[decision.response] + (decision.response == "flag" and not decision.urgent)
        if gravity < rank:
            found, rank = Weighed(category, decision), gravity
    return found


def what_happens(verdict: Verdict, policy: Policy, group: str, at: datetime) -> Outcome:
    """What a device of this group does with such an observation, in the order in which the agent asks."""
    private = policy.private_time(group, at)
    weighed = weigh(verdict, policy, group, at)
    private_lines = (_private_line(policy, group),)
    if not policy.started(at):
        return Outcome("nothing", "not_started", private, weighed, (policy.where("start_date"),))
    if verdict.kind == "host" and policy.excluded(verdict.name):
        return Outcome("nothing", "never_collected", private, weighed, (policy.where("never_collect"),))
    if private == "drop_all":
        return Outcome("nothing", "private_time", private, weighed, private_lines)
    if private == "urgent_only":
        if weighed is None or weighed.decision.response != "flag" or not weighed.decision.urgent:
            return Outcome("nothing", "private_time", private, weighed, private_lines)
        return Outcome("incident", "rule", private, weighed, (weighed.decision.line, *private_lines))
    if verdict.background and (weighed is None or weighed.decision.response != "flag"):
        return Outcome("background", "background", private, weighed, ())
    if weighed is None:
        return Outcome("other", "no_category", private, None, ())
    effects: dict[Response, Effect] = {"flag": "incident", "remind": "reminder", "total": "counted", "ignore": "other"}
    return Outcome(effects[weighed.decision.response], "rule", private, weighed, (weighed.decision.line,))


def _private_line(policy: Policy, group: str) -> str:
    known = policy.group(group)
    if known is None:
        return f"{policy.file_name} names no group {group}: its private time is dropped, and all of its time is private"
    said = "" if ("groups", group, "private_time") in policy.lines else " where nothing is said"
    own = ("groups", group, "working_hours")
    hours = policy.where(*own) if own in policy.lines else policy.where("working_hours")
    return (
        f'{policy.where("groups", group, "private_time")}: private_time = "{known.private_time}"{said}; hours: {hours}'
    )
