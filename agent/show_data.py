"""The command `show-data`: what is held about the caller on this device, the rules for them and their rights.

The service knows who asks from the kernel, so nobody sees another's totals, and the words about flags are the same
whether there were none or many, so nobody learns of a case from them.

Exit 0: shown. 1: the service does not answer (what is the same for everybody is shown all the same).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from agent.config import DEFAULT_DATA_DIR
from agent.held import Held
from agent.held_words import as_notice, unavailable
from agent.notice import FLAG_WORDS, Notice, as_text
from agent.session.address import socket_path
from agent.session.desktops import has_screen
from agent.session.errors import ServiceRefused, ServiceUnreachable
from agent.session.link import ask
from agent.session.messages import Ask
from agent.session.showing import Sheet
from rules.rights import RIGHTS, WITHHELD, WITHHELD_CLOSING

_MINUTE_SECONDS = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `fairwatch-agent show-data` takes."""
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_DIR, help="where the agent keeps its files")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print one JSON object, with your totals day by day")
    how.add_argument("--days", action="store_true", help="print your totals day by day as well")
    how.add_argument("--window", action="store_true", help="show it in a window, where there is a display")


def run(args: argparse.Namespace) -> int:
    """Show what is held about the caller; returns 0, or 1 when the service does not answer."""
    totals: list[dict[str, Any]] | None = None
    told, reason = b"", ""
    try:
        told = ask(socket_path(args.data_dir), Ask(what="held"))
        held = msgspec.json.decode(told, type=Held)
        if args.json or args.days:
            totals = json.loads(ask(socket_path(args.data_dir), Ask(what="own_totals")))
    except ServiceRefused as refused:
        held, reason = None, f"the service says: {refused} Try again in a minute."
    except (ServiceUnreachable, ValueError):
        held, reason = None, "the service is not running here, so it can't be asked."
    if args.json:
        sys.stdout.write(_as_json(json.loads(told) if held is not None else None, totals))
    elif not (args.window and _in_a_window(_notice(held, reason))):
        days = days_in_words(totals) if args.days and totals is not None else ""
        sys.stdout.write(f"{as_text(_notice(held, reason))}{days}")
    if held is None:
        sys.stderr.write(f"fairwatch-agent show-data: {reason.rstrip('.')}\n")
        return 1
    return 0


def days_in_words(totals: list[dict[str, Any]]) -> str:
    """Return the totals as lines for a person to read, a day and a name or category each."""
    return "".join(["Day by day:\n", *(f"  {_line(total)}\n" for total in totals)])


def _notice(held: Held | None, reason: str) -> Notice:
    return as_notice(held) if held is not None else unavailable(reason)


def _in_a_window(notice: Notice) -> bool:
    """Show it in a window; gives whether there was one."""
    from agent.session.notice_window import show

    return has_screen(os.environ) and show(Sheet(notice=notice))


def _as_json(held: dict[str, Any] | None, totals: list[dict[str, Any]] | None) -> str:
    said = {
        "held": held,
        "totals": totals,
        "documents": held["documents"] if held is not None else None,
        "flags": FLAG_WORDS,
        "may_be_left_out": [*WITHHELD, WITHHELD_CLOSING],
        "rights": RIGHTS,
    }
    return json.dumps(said, ensure_ascii=False) + "\n"


def _line(total: dict[str, Any]) -> str:
    what = total.get("name") or total.get("category", "other")
    minutes = float(total.get("seconds", 0)) / _MINUTE_SECONDS
    visits = int(total.get("visits", 0))
    times = f", {visits} visit{'s' if visits != 1 else ''}" if visits else ""
    return f"{total.get('day', '')}  {what} ({total.get('category', 'other')}): {minutes:.0f} min{times}"
