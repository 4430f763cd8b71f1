r"""Which accounts a group's patterns mean: `l-*@example.org`, `LEARNERS\*`, where `*` stands for any characters."""

from __future__ import annotations

from typing import Self

import msgspec

PATTERN_MAX_CHARS = 100
"""Longer than any sign-in name with its domain; it bounds the work of comparing patterns with each other."""

PATTERNS_MAX = 50
"""Patterns of one group: an organisation has a few naming schemes, and every pair of patterns is compared."""

_NOT_STARS = "?[]"


class PatternRefused(ValueError):
    """A text is no account pattern; the message says why and what would be."""


class AccountPattern(msgspec.Struct, frozen=True):
    r"""A pattern as it is written, and its two parts, folded: the name, and the domain, empty for any.

    A domain counts as it is written: `LEARNERS\anna` and `anna@learners.example.org` may be one person to the
    organisation, but only two patterns say so.
    """

    text: str
    name: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the pattern that a text is; raises PatternRefused.

        One without `*` would name a person, and a policy is public; one of stars alone would mean everybody.
        """
        if not text.strip() or text != text.strip() or not text.isprintable() or len(text) > PATTERN_MAX_CHARS:
            raise PatternRefused(f"expected a pattern of at most {PATTERN_MAX_CHARS} characters, as in l-*@example.org")
        if any(mark in text for mark in _NOT_STARS):
            raise PatternRefused("only * stands for other characters, as in l-*@example.org")
        if "*" not in text:
            raise PatternRefused("it names one person, and a policy names nobody; expected a *, as in l-*@example.org")
        if text.count("\\") + text.count("@") > 1:
            raise PatternRefused("expected DOMAIN\\name or name@domain with *, not both, as in LEARNERS\\*")
        name, domain = parts(text)
        if not name or (("\\" in text or "@" in text) and not domain):
            raise PatternRefused("a part is empty; expected a pattern, as in l-*@example.org or LEARNERS\\*")
        if not (name + domain).strip("*"):
            raise PatternRefused("it means every account; leave it out: whom no pattern means has the device's group")
        return cls(text, name, domain)

    def covers(self, account: str) -> bool:
        """Whether it means this account. Case does not count; a pattern with a domain means no account without one."""
        name, domain = parts(account)
        return _fits(self.name, name) and (not self.domain or _fits(self.domain, domain))

    def meets(self, other: AccountPattern) -> bool:
        """Whether there can be an account that both mean."""
        apart = self.domain and other.domain and not _meet(self.domain, other.domain)
        return not apart and _meet(self.name, other.name)


def parts(account: str) -> tuple[str, str]:
    r"""Return the folded name and domain of `DOMAIN\name`, `name@domain`, `AzureAD\name@domain` or a bare name."""
    folded = account.strip().casefold()
    domain, slash, name = folded.partition("\\")
    if slash and "@" not in name:
        return name, domain
    name, _, domain = (name if slash else folded).partition("@")
    return name, domain


def _fits(pattern: str, text: str) -> bool:
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    *middle, last = rest
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _meet(one: str, other: str) -> bool:
    """Whether some text fits both: from the ends backwards, whether what is left of each can be the same text."""
    below = [True, *(False for _ in other)]
    for place in range(1, len(other) + 1):
        below[place] = below[place - 1] and other[-place] == "*"
    for mark in reversed(one):
        row = [below[0] and mark == "*"]
        for place in range(1, len(other) + 1):
            theirs = other[-place]
            starred = "*" in (mark, theirs)  # one of the two ends, or stands for what the other has here
            row.append(below[place] or row[place - 1] if starred else mark == theirs and below[place - 1])
        below = row
    return below[-1]
