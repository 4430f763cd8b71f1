"""The set-up at the keyboard: each question with its default, what will be done, and a way back to any answer."""

from __future__ import annotations

import getpass
import shutil
import sys
import textwrap
from collections.abc import Sequence
from contextlib import suppress

from server.errors import SetUpError
from server.setup_questions import Answers, Question

with suppress(ImportError):
    import readline  # noqa: F401 - what is typed can then be edited

WIDTH_MAX = 100
"""Longer lines are hard to read, however wide the window."""


def ask(one: Question, default: str) -> str:
    """Ask until there is an answer that can be used; raises SetUpError where nobody is there to answer."""
    say(f"\n{one.words}")
    words = f"  {one.key}{f' [{default}]' if default else ''}: "
    while True:
        answer = _read(words, hidden=one.hidden) or default
        wrong = one.check(answer)
        if wrong is None:
            return answer
        print(f"  {wrong}", file=sys.stderr)  # noqa: T201


def show_answers(questions: Sequence[Question], answers: Answers) -> None:
    """Show what was answered, so that a slip is seen before anything is done."""
    print("\nThe answers:")  # noqa: T201
    width = max(len(one.key) for one in questions)
    for one in questions:
        told = "(not shown)" if one.hidden and answers[one.key] else answers[one.key] or "-"
        print(f"  {one.key:<{width}}  {told}")  # noqa: T201


def show(steps: Sequence[str], notes: Sequence[str] = ()) -> None:
    """Show what will be done, and what is to be known before."""
    print("\nThis will be done:" if steps else "\nNothing is left to do.")  # noqa: T201
    for one in steps:
        say(f"- {one}", indent="  ")
    for one in notes:
        say(f"{one[:1].upper()}{one[1:]}.")


def agree(keys: Sequence[str], *, may_go_on: bool) -> str | None:
    """Return None for a yes, or the answer that is to be given anew; raises SetUpError for a no."""
    go_on = "Type yes to go on, an answer's name to change it, or no to leave: "
    if not may_go_on:
        go_on = "Type an answer's name to change it, or no to leave: "
    while True:
        said = _read(go_on).lower()
        if said in {"no", "n", "q", "quit", "exit"}:
            raise SetUpError("nothing was changed")
        if said in {"yes", "y"} and may_go_on:
            return None
        if said in keys:
            return said
        say(f"The answers' names are {', '.join(keys)}.")


def say(text: str, *, indent: str = "") -> None:
    """Print a sentence within the terminal's width; words that are longer, such as addresses, stay whole."""
    width = min(shutil.get_terminal_size().columns, WIDTH_MAX)
    for line in text.split("\n"):
        print(  # noqa: T201
            textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        )


def _read(words: str, *, hidden: bool = False) -> str:
    try:
        return (getpass.getpass(words) if hidden and sys.stdin.isatty() else input(words)).strip()
    except KeyboardInterrupt:
        print("\nNothing was changed.")  # noqa: T201
        raise
    except (EOFError, UnicodeDecodeError):
        raise SetUpError(
            "nobody answered, and nothing was changed; give the answers as options with --yes, or in --answers FILE"
        ) from None
