"""`fairwatch-server partners`: list the register of partner organisations, or change it."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from server.errors import SetUpError
from server.start import require

if TYPE_CHECKING:
    from server.partners import Standing

_DATES = {
    "agreement": "agreement_on",
    "policy": "policy_on",
    "training": "training_on",
    "due": "due_on",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `partners` takes."""
    parser.add_argument(
        "action", choices=("list", "set", "end"), nargs="?", default="list", help="default: %(default)s"
    )
    parser.add_argument("name", nargs="?", help="with set and end: the partner's name")
    parser.add_argument("--lead", help="with set: their safeguarding lead")
    parser.add_argument("--contact", help="with set: how to reach them")
    parser.add_argument("--agreement", metavar="DATE", help="with set: when the data-sharing agreement was signed")
    parser.add_argument("--policy", metavar="DATE", help="with set: when they confirmed the policy")
    parser.add_argument("--training", metavar="DATE", help="with set: when they confirmed their training")
    parser.add_argument("--due", metavar="DATE", help='with set: when to ask again, or "" for a year after the oldest')
    parser.add_argument("--json", action="store_true", help="with list: print JSON")


def run(args: argparse.Namespace) -> int:
    """List, or change; 0 once it is done, also where something is due."""
    given = {name: getattr(args, name) for name in ("lead", "contact", *_DATES) if getattr(args, name) is not None}
    if args.action == "list" and (args.name is not None or given):
        raise SetUpError("a name and details go with set")
    if args.action != "list" and (args.name is None or args.json):
        raise SetUpError(f"{args.action} needs a partner's name" if args.name is None else "--json goes with list")
    if args.action == "end" and given:
        raise SetUpError("details go with set")
    details: dict[str, Any] = {name: text for name, text in given.items() if name not in _DATES}
    details |= {_DATES[name]: _day(name, text) for name, text in given.items() if name in _DATES}
    require(args.data_dir)
    now = datetime.now(UTC)
    if args.action == "list":
        return _list(now, as_json=args.json)
    return _set(args.name, details, now) if args.action == "set" else _end(args.name, now)


def _day(name: str, text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SetUpError(f"--{name} must be a day like 2026-07-31, not {text!r}") from None


def _list(now: datetime, *, as_json: bool) -> int:
    from server import partners

    found = partners.register(now)
    if as_json:
        told = {"partners": [_as_json(one) for one in found], "not_in_the_register": partners.unregistered()}
        print(json.dumps(told))  # noqa: T201
        return 0
    lines = [_line(one) for one in found] or ["no partners yet"]
    lines += [f"not in the register, but in the list of people: {name}" for name in partners.unregistered()]
    sys.stdout.write("\n".join([*lines, ""]))
    return 0


def _line(one: Standing) -> str:
    missing = f"; never confirmed: {', '.join(one.missing)}" if one.missing else ""
    return f"{one.state:<8} {one.details.name} (lead: {one.details.lead or 'none'}), due {one.due_on or '?'}{missing}"


def _as_json(one: Standing) -> dict[str, object]:
    said = {**asdict(one.details), "due_on": one.due_on, "missing": list(one.missing), "state": one.state}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in said.items()}


def _set(name: str, details: dict[str, Any], now: datetime) -> int:
    from server import partners

    known = partners.named(name)
    if known is None:
        partners.add(None, partners.Details(name, **details), now)
        print(f"{name}: added")  # noqa: T201
        return 0
    before = partners.one(known.pk, now).details
    partners.change(None, known.pk, replace(before, **details), now, seen=known.changed_at)
    print(f"{known.name}: changed")  # noqa: T201
    return 0


def _end(name: str, now: datetime) -> int:
    from server import partners

    known = partners.named(name)
    if known is None:
        raise SetUpError(f"no partner is called {name!r}")
    partners.end(None, known.pk, now)
    print(f"{known.name}: ended")  # noqa: T201
    return 0
