"""The command `status`: asks the running service how the agent is, and says it in words or as JSON.

Exit 0: the service answered. 1: it is not running, which is said too (`{"running": false}`), since a device on which
nothing watches must not look like one on which all is well. 1 too when it runs but refuses to answer just now.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from agent.config import DEFAULT_DATA_DIR
from agent.noticed_words import SENTENCES
from agent.session.address import socket_path
from agent.session.errors import ServiceRefused, ServiceUnreachable
from agent.session.link import ask
from agent.session.messages import Ask


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `fairwatch-agent status` takes."""
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_DIR, help="where the agent keeps its files")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print the state of the agent; returns 0, or 1 when the service does not answer."""
    try:
        found: dict[str, Any] = {"running": True, **json.loads(ask(socket_path(args.data_dir), Ask(what="status")))}
    except ServiceRefused as refused:
        if args.json:
            sys.stdout.write(json.dumps({"running": True, "refused": str(refused)}) + "\n")
        sys.stderr.write(f"fairwatch-agent status: the service runs, but says: {refused} Try again in a minute.\n")
        return 1
    except (ServiceUnreachable, ValueError):
        if args.json:
            sys.stdout.write('{"running": false}\n')
        sys.stderr.write("fairwatch-agent status: the service is not running here, so nothing is watched or sent\n")
        return 1
    sys.stdout.write((json.dumps(found, ensure_ascii=False) if args.json else in_words(found)) + "\n")
    return 0


def in_words(found: dict[str, Any]) -> str:
    """Return the state as lines for a person to read. The spool is a word, never a count of what waits."""
    lines = ["The Fairwatch service is running."]
    for source in found.get("sources", ()):
        reason = f" ({source['reason']})" if source.get("reason") else ""
        lines.append(f"  {source['name']}: {source['state']}{reason}")
    lines.append(f"Spool: {found.get('spool', 'unknown')}.")
    lines.append(f"Last contact with the collector: {found.get('last_contact') or 'none yet'}.")
    if found.get("clock_offset_seconds"):
        lines.append(f"This device's clock is {found['clock_offset_seconds']} s behind the collector's.")
    known = {str(word): sentence for word, sentence in SENTENCES.items()}
    lines += [known.get(word, f"The service noticed {word}.") for word in found.get("notices", ())]
    versions = (f"{what} {version}" for what, version in found.get("versions", {}).items())
    lines.append(f"Versions: {', '.join(versions) or 'none'}.")
    return "\n".join(lines)
