"""What can go wrong with rules.

RulesError                    never worth retrying: the same input fails the same way
├── HostRefused               a text that is not a host name
├── AppRefused                a text that is not an app identity
├── EntryRefused              a line of a list that can't become an entry
├── ListError                 a whole list that can't be read
├── PackError                 a compiled pack, or a curated pack's text, that can't be used
├── TaxonomyError             categories.toml, or a category nobody knows
└── PolicyError               a policy that can't be understood
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class RulesError(Exception):
    """Something is wrong with the rules; the text is one plain sentence for a person."""

    retry_can_help: ClassVar[bool] = False


class HostRefused(RulesError):
    """This text is not a host name that could be visited; the text says why."""


class AppRefused(RulesError):
    """This text is not an app identity; the text says why."""


class EntryRefused(RulesError):
    """This line can't become an entry; the list goes on without it."""


class ListError(RulesError):
    """This list can't be read as the format it was said to be."""


class PackError(RulesError):
    """This pack is damaged, of another version, or says something that can't be."""


class TaxonomyError(RulesError):
    """A category is unknown or badly described."""


class PolicyError(RulesError):
    """A policy line that can't be understood: which file and line, what was expected, and the nearest known key."""

    def __init__(self, file_name: str, line: int | None, problem: str, nearest: str | None = None) -> None:
        self.file_name = file_name
        self.line = line
        self.problem = problem
        self.nearest = nearest
        where = file_name if line is None else f"{file_name} line {line}"
        hint = f" (did you mean {nearest!r}?)" if nearest is not None else ""
        super().__init__(f"{where}: {problem}{hint}")


def nearest_known(word: str, known: Iterable[str]) -> str | None:
    """The known word most like this one, or the one that contains it, or None where none is near."""
    words = list(known)
    found = get_close_matches(word, words, n=1, cutoff=0.6)
    if not found and len(word) > 2:
        found = [candidate for candidate in words if word in candidate]
    return found[0] if found else None
