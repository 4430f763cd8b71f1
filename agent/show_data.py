"""The command `show-data`: prints the caller's own totals, and the words about flags, which never change.

The service knows who asks from the kernel, so nobody sees another's totals, and the words about flags are the same
whether there were none or many, so nobody learns of a case from them.

Exit 0: printed. 1: the service does not answer (the words about flags are printed all the same).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from agent.config import DEFAULT_DATA_DIR
from agent.notice import FLAG_WORDS
from agent.session.address import socket_path
from agent.session.errors import ServiceRefused, ServiceUnreachable
from agent.session.link import ask
from agent.session.messages import Ask

_MINUTE_SECONDS = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `fairwatch-agent show-data` takes."""
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_DIR, help="where the agent keeps its files")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object: totals, documents, and the words about flags"
    )


def run(args: argparse.Namespace) -> int:
    """Print the caller's own totals; returns 0, or 1 when the service does not answer."""
    totals: list[dict[str, Any]] | None
    documents: dict[str, Any] | None = None
    reason = "the service is not running here, so it can't be asked"
    try:
        totals = json.loads(ask(socket_path(args.data_dir), Ask(what="own_totals")))
        documents = json.loads(ask(socket_path(args.data_dir), Ask(what="documents")))
    except ServiceRefused as refused:
        totals, reason = None, f"the service says: {refused} Try again in a minute."
    except (ServiceUnreachable, ValueError):
        totals = None
    if args.json:
        sys.stdout.write(
            json.dumps({"totals": totals, "documents": documents, "flags": FLAG_WORDS}, ensure_ascii=False) + "\n"
        )
    else:
        sys.stdout.write(f"{in_words(totals)}\n\n{documents_in_words(documents)}{FLAG_WORDS}\n")
    if totals is None:
        sys.stderr.write(f"fairwatch-agent show-data: {reason}\n")
        return 1
    return 0


def in_words(totals: list[dict[str, Any]] | None) -> str:
    """Return the totals as lines for a person to read, a day and a name or category each."""
    if totals is None:
        return "Your own totals can't be shown now."
    if not totals:
        return "Nothing about you has been counted on this device yet."
    return "\n".join(["Your own totals on this device:", *(f"  {_line(total)}" for total in totals)])


def documents_in_words(documents: dict[str, Any] | None) -> str:
    """Return what the person acknowledged and has still to read, as lines; nothing where there is neither."""
    lines = []
    for heading, one_a_line in (("acknowledged", "You acknowledged"), ("waiting", "Waiting to be read")):
        for one in (documents or {}).get(heading, ()):
            day = f" on {str(one['at'])[:10]}" if "at" in one else ""
            lines.append(f"{one_a_line}: {one['title']}, version {one['version']}{day}")
    return "\n".join([*lines, "", ""]) if lines else ""


def _line(total: dict[str, Any]) -> str:
    what = total.get("name") or total.get("category", "other")
    minutes = float(total.get("seconds", 0)) / _MINUTE_SECONDS
    visits = int(total.get("visits", 0))
    times = f", {visits} visit{'s' if visits != 1 else ''}" if visits else ""
    return f"{total.get('day', '')}  {what} ({total.get('category', 'other')}): {minutes:.0f} min{times}"
