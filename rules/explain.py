"""fairwatch-rules explain: says what a name is, by which lists, and what the policy does about it, by which line."""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from rules.apps import is_app, normalise_app
from rules.compiler import compile_shipped
from rules.engine import Rules, pack_id
from rules.errors import AppRefused, HostRefused, RulesError, nearest_known
from rules.hosts import host_of_url, normalise_host
from rules.hours import describe
from rules.index import Index
from rules.model import APP_PLATFORMS, Kind, Match, Taxonomy, TrialMatch, Verdict
from rules.outcome import Outcome, what_happens
from rules.policy import Group, Policy

POLICY_FILE = "policy.toml"


class PackState(msgspec.Struct, frozen=True):
    """One pack beside the policy: whether it acts, and by which line, or why it is on trial."""

    id: str
    entries: int
    acts: bool
    why: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `explain` takes."""
    parser.add_argument("name", metavar="NAME", help="a host name or an app identity")
    parser.add_argument("--rules", type=Path, metavar="DIR", help="a rules folder; without it, the shipped rules")
    parser.add_argument("--pack", type=Path, action="append", default=[], metavar="PACK", help="a further pack to try")
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="a policy; without it, the rules folder's, else the shipped one"
    )
    parser.add_argument("--group", metavar="GROUP", help="a group of the policy; without it, each")
    parser.add_argument("--at", metavar="TIME", help='as in "2026-11-22 21:30", in the policy\'s time zone')
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Says what a name is, by which entry of which lists, and what the policy does about it, by which line."""
    kind, name = name_asked(arguments.name)
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.rules
        if folder is None:
            folder = Path(scratch)
            compile_shipped(folder)
        policy = _policy(arguments.policy, folder)
        groups = groups_asked(policy, arguments.group)
        at = instant_asked(arguments.at, policy.timezone, datetime.now(UTC))
        packs = [_state_of(policy, path) for path in sorted((folder / "packs").glob("*.pack"))]
        rules = Rules.open(folder, arguments.pack, policy=policy)
        try:
            rules.verify()
            verdict = rules.classify(kind, name)
        finally:
            rules.close()
    if arguments.json:
        print(json.dumps(as_data(verdict, policy, groups, at, packs)))
    else:
        print("\n".join(as_lines(verdict, policy, groups, at, packs)))
    return 0


def name_asked(text: str) -> tuple[Kind, str]:
    """The kind and the one spelling of what was typed; refuses with the nearest thing that would be understood."""
    expected = "expected a host name, as in example.org, or an app identity, as in linux:exe:anydesk"
    try:
        return ("app", normalise_app(text)) if is_app(text) else ("host", normalise_host(text))
    except (AppRefused, HostRefused) as refused:
        platform, colon, rest = text.partition(":")
        near = nearest_known(platform, APP_PLATFORMS) if colon and re.fullmatch("[A-Za-z]+", platform) else None
        host = host_of_url(text) or host_of_url(f"https://{text}")
        meant = host if near is None else f"{near}:{rest}" if near != platform else None
        hint = f" (did you mean {meant!r}?)" if meant is not None else ""
        raise RulesError(f"{text!r}: {refused}; {expected}{hint}") from None


def groups_asked(policy: Policy, group: str | None) -> tuple[str, ...]:
    """The group asked for, or all of the policy's; refuses one that the policy does not name."""
    if group is None:
        return policy.group_names
    if group in policy.group_names:
        return (group,)
    near = nearest_known(group.lower(), policy.group_names)
    hint = f" (did you mean {near!r}?)" if near is not None else ""
    raise RulesError(f"no group is called {group!r}{hint}; known: {', '.join(policy.group_names)}")


def instant_asked(text: str | None, timezone: str, now: datetime) -> datetime:
    """The instant that a text such as "2026-11-22 21:30" means in the policy's time zone; `now` where there is none.

    Aware UTC. Refuses a time that the clocks skip; of one that they show twice the first is meant.
    """
    if text is None:
        return now
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise RulesError(f'--at: expected a time, as in "2026-11-22 21:30"; found {text!r}') from None
    if re.fullmatch(r"\d{4}-?(\d{2}-?\d{2}|W\d{2}(-?\d)?)", text.strip()):
        raise RulesError(f'--at: expected a time of day too, as in "{at:%Y-%m-%d} 21:30"; found {text!r}')
    if at.tzinfo is not None:
        return at
    meant = at.replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC)
    if meant.astimezone(ZoneInfo(timezone)).replace(tzinfo=None) != at:
        raise RulesError(
            f"--at: the clocks of {timezone} skip {at:%H:%M} on {at:%Y-%m-%d}; ask an hour before or after"
        )
    return meant


def pack_state(policy: Policy, pack_id: str, entries: int) -> PackState:
    """Whether a pack of so many entries acts under this policy, and why."""
    promotion = policy.promotion(pack_id)
    if promotion is None:
        return PackState(pack_id, entries, acts=False, why=f"[packs] of {policy.file_name} does not name it")
    line = f"{policy.file_name} line {promotion.line}"
    if policy.acts(pack_id, entries):
        return PackState(pack_id, entries, acts=True, why=f"{line}: up to {promotion.most_entries:,} entries")
    why = f"it has grown past the {promotion.most_entries:,} entries that {line} allows"
    return PackState(pack_id, entries, acts=False, why=why)


def as_data(
    verdict: Verdict,
    policy: Policy,
    groups: Iterable[str],
    at: datetime,
    packs: Sequence[PackState],
) -> dict[str, Any]:
    """All of it for a program."""
    outcomes = {group: what_happens(verdict, policy, group, at) for group in groups}
    return {
        "name": verdict.name,
        "kind": verdict.kind,
        "categories": list(verdict.categories),
        "matched": verdict.matched,
        "protected": verdict.protected,
        "named_in_totals_as": verdict.nameable_as,
        "matches": [_match(match) for match in verdict.matches],
        "trial": [_match(match) | {"pack": match.pack} for match in verdict.trial],
        "packs": msgspec.to_builtins(packs),
        "excluded": verdict.kind == "host" and policy.excluded(verdict.name),
        "started": policy.started(at),
        "at": at.astimezone(ZoneInfo(policy.timezone)).isoformat(),
        "timezone": policy.timezone,
        "groups": {
            group: {
                "private_time": outcome.private_time,
                "effect": outcome.effect,
                "cause": outcome.cause,
                "category": outcome.weighed.category if outcome.weighed is not None else None,
                "words": _effect(outcome, policy, group),
                "lines": list(outcome.lines),
                "decisions": {
                    category: msgspec.to_builtins(policy.decide(category, group, at, verdict.name))
                    for category in verdict.categories
                },
            }
            for group, outcome in outcomes.items()
        },
    }


def as_lines(
    verdict: Verdict,
    policy: Policy,
    groups: Iterable[str],
    at: datetime,
    packs: Sequence[PackState],
) -> list[str]:
    """All of it for a person, line by line."""
    lines = [f"{verdict.name}", *_what_it_is(verdict, policy.taxonomy)]
    lines += [line for match in verdict.trial for line in _tried(match, policy.taxonomy)]
    local = at.astimezone(ZoneInfo(policy.timezone))
    for group in groups:
        outcome = what_happens(verdict, policy, group, at)
        known = policy.group(group)
        lines += [
            "",
            f"{known.name if known is not None else group}, {_moment(local)} ({policy.timezone})",
            f"  {_effect(outcome, policy, group)}",
            *(f"    by {line}" for line in outcome.lines),
        ]
        if outcome.cause == "private_time" and outcome.weighed is not None:
            decision = outcome.weighed.decision
            lines += [f"  In working hours: {_response(outcome, policy.taxonomy)}", f"    by {decision.line}"]
    waiting = [pack for pack in packs if not pack.acts]
    if waiting:
        lines += ["", "Packs on trial, which flag, remind and name nothing:"]
        lines += [f"  {pack.id} ({pack.entries:,} entries): {pack.why}" for pack in waiting]
    return lines


def _policy(path: Path | None, folder: Path) -> Policy:
    own = folder / POLICY_FILE
    if path is None:
        path = own if own.is_file() else Path(__file__).with_name(POLICY_FILE)
    try:
        return Policy.parse(path.read_text("utf-8"), path.name, Taxonomy.load(folder / "categories.toml"))
    except UnicodeDecodeError:
        raise RulesError(f"{path.name}: not UTF-8 text") from None


def _state_of(policy: Policy, path: Path) -> PackState:
    index = Index.open(path)
    try:
        return pack_state(policy, pack_id(index), index.entries)
    finally:
        index.close()


def _match(match: Match) -> dict[str, Any]:
    return {"category": match.category, "entry": match.entry, "lists": list(match.lists), "agree": len(match.lists)}


def _what_it_is(verdict: Verdict, taxonomy: Taxonomy) -> list[str]:
    if not verdict.matches:
        return ["  In no category: no list that acts names it or anything above it."]
    lines = [f"  {_by(match, taxonomy)}." for match in verdict.matches]
    if verdict.protected:
        lines.append("  It is protected: never flagged, whatever any list or policy says.")
    if verdict.nameable_as is not None:
        lines.append(f"  Totals may name it, as {verdict.nameable_as}.")
    return lines


def _tried(match: TrialMatch, taxonomy: Taxonomy) -> list[str]:
    return [
        f"  On trial: {_by(match, taxonomy)}.",
        f"    It does nothing until a policy promotes the pack {match.pack}.",
    ]


def _by(match: Match, taxonomy: Taxonomy) -> str:
    agree = len(match.lists)
    lists = f"{agree} list{'' if agree == 1 else 's'} {'names' if agree == 1 else 'agree on'}: {', '.join(match.lists)}"
    return f"{taxonomy.get(match.category).name} ({match.category}) by the entry {match.entry}, which {lists}"


def _moment(local: datetime) -> str:
    return f"{local:%A} {local.day} {local:%B %Y} at {local:%H:%M}"


def _effect(outcome: Outcome, policy: Policy, group: str) -> str:
    if outcome.cause == "not_started":
        return f"Nothing is collected: it begins on {policy.start.day} {policy.start:%B %Y}."
    if outcome.cause == "never_collected":
        return "Nothing is collected: the policy names it, or a name above it, as never collected."
    if outcome.cause == "private_time":
        return f"Nothing happens: it is private time{_outside(policy.group(group))}{_but(outcome)}."
    if outcome.cause == "background":
        return "It is background traffic: its minutes count apart, as nobody's use."
    if outcome.cause == "no_category":
        return "Nothing tells it apart: its minutes are only part of “other”."
    words = _response(outcome, policy.taxonomy)
    if outcome.private_time == "urgent_only":
        return f"It is private time{_outside(policy.group(group))}, but this is urgent. {words}"
    return words


def _outside(group: Group | None) -> str:
    hours = describe(group.working_hours) if group is not None else ""
    return f" (working hours: {hours})" if hours else " at all hours"


def _but(outcome: Outcome) -> str:
    return (
        "; only what is urgent is flagged then"
        if outcome.private_time == "urgent_only"
        else "; everything is dropped then"
    )


def _response(outcome: Outcome, taxonomy: Taxonomy) -> str:
    weighed = outcome.weighed
    assert weighed is not None  # every outcome that a rule makes has one
    decision, name = weighed.decision, taxonomy.get(weighed.category).name
    if decision.response == "flag":
        urgency = "an urgent" if decision.urgent else "a routine"
        repeats = span(decision.window_seconds)
        return (
            f"It is flagged: {urgency} incident ({name}) for the safeguarding lead; repeats within {repeats} are one."
        )
    if decision.response == "remind":
        return (
            f"The person is told once {decision.daily_minutes} minutes of {name} are used up that day; nothing is sent "
            "but monthly minutes that show no person."
        )
    if decision.response == "total" and taxonomy.get(weighed.category).sensitive:
        return f"Only minutes are counted ({name}), as part of “other”, since the category is sensitive."
    if decision.response == "total":
        return f"Only minutes are counted ({name}), for monthly figures that show no person."
    return f"It is ignored ({name}): nothing tells it apart, its minutes are only part of “other”."


def span(seconds: int) -> str:
    """A number of seconds in words: "15 minutes", "1 hour", "1 hour 30 minutes"."""
    minutes = timedelta(seconds=seconds) // timedelta(minutes=1)
    parts = [(minutes // 60, "hour"), (minutes % 60, "minute")]
    return " ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count) or "no time"
