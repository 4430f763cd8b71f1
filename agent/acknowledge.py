"""The command `acknowledge`: shows what the caller is asked to read, or says that they have read it.

For who has no window: the same as its button. Whose acknowledgement it is, the service knows from the kernel.
Exit 0: printed, or acknowledged. 1: the service does not answer. 2: there is no such document for the caller.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from agent.config import DEFAULT_DATA_DIR
from agent.notice import as_text
from agent.reading import ToRead, as_notice
from agent.session.address import socket_path
from agent.session.errors import ServiceRefused, ServiceUnreachable
from agent.session.link import ask
from agent.session.messages import Acknowledged, Ask, DocumentShown


class _Told(msgspec.Struct):
    """What the service answers, as far as this needs it."""

    waiting: tuple[ToRead, ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `fairwatch-agent acknowledge` takes."""
    parser.add_argument("document", nargs="?", help="the document's id; without one, what waits for you is printed")
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_DIR, help="where the agent keeps its files")


def run(args: argparse.Namespace) -> int:
    """Print what waits for the caller, or acknowledge one of them."""
    path, question = socket_path(args.data_dir), Ask(what="documents")
    try:
        waiting = msgspec.json.decode(ask(path, question), type=_Told).waiting
        if args.document is None:
            sys.stdout.write("\n".join(map(_in_words, waiting)) or "Nothing waits for you to be read.\n")
            for one in waiting:
                ask(path, question, DocumentShown(document=one.id, shown=one.shown))
            return 0
        wanted = next((one for one in waiting if one.id == args.document), None)
        if wanted is None:
            known = ", ".join(one.id for one in waiting) or "none"
            sys.stderr.write(
                f"fairwatch-agent acknowledge: {args.document!r} does not wait for you; what does: {known}\n"
            )
            return 2
        left = msgspec.json.decode(
            ask(path, question, Acknowledged(document=wanted.id, shown=wanted.shown)), type=_Told
        )
    except (ServiceRefused, ServiceUnreachable, msgspec.DecodeError):
        sys.stderr.write("fairwatch-agent acknowledge: the service does not answer; try again in a minute\n")
        return 1
    if any(one.id == wanted.id for one in left.waiting):
        sys.stderr.write("fairwatch-agent acknowledge: it could not be kept just now; try again in a minute\n")
        return 1
    sys.stdout.write(f"Acknowledged: {wanted.title}, version {wanted.version}.\n")
    return 0


def _in_words(one: ToRead) -> str:
    return f"{as_text(as_notice(one))}When you have read it: fairwatch-agent acknowledge {one.id}\n"
