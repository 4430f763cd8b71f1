"""Public suffixes (co.uk, blogspot.com): names under which strangers register, so never one site's entry."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rules.errors import HostRefused
from rules.hosts import normalise_host


class PublicSuffixes:
    """The public suffix list (publicsuffix.org), for whole-name questions only, which is what a long list needs.

    `named` are private suffixes (hosting platforms) that may be an entry after all, because somebody said so.
    """

    def __init__(self, lines: Iterable[str], named: frozenset[str] = frozenset()) -> None:
        self._named = named
        self._exact: set[str] = set()
        self._below: set[str] = set()
        self._exceptions: set[str] = set()
        for line in lines:
            rule = line.strip()
            if rule and not rule.startswith("//"):
                self._add(rule.split()[0])

    @classmethod
    def shipped(cls, named: frozenset[str] = frozenset()) -> PublicSuffixes:
        """The list that the publicsuffixlist package carries; imported late, since only building needs it."""
        from publicsuffixlist import PSLFILE

        return cls(Path(PSLFILE).read_text("utf-8").splitlines(), named)

    @property
    def may_hold(self) -> set[str]:
        """Every name of more than one label that `holds` may answer yes for by itself: a quick first question."""
        return {name for name in self._exact | self._below if "." in name}

    @property
    def may_hold_below(self) -> set[str]:
        """Every parent directly below which `holds` may answer yes."""
        return self._below

    def holds(self, host: str) -> bool:
        """Whether this normalised host is itself a public suffix; every name of one label is."""
        if host in self._exact or host in self._below:  # *.kobe.jp makes kobe.jp nobody's own too
            return host not in self._named
        parent = host.partition(".")[2]
        if not parent:
            return True
        return parent in self._below and host not in self._exceptions and host not in self._named

    def _add(self, rule: str) -> None:
        kind, text = self._exact, rule
        if rule.startswith("*."):
            kind, text = self._below, rule[2:]
        elif rule.startswith("!"):
            kind, text = self._exceptions, rule[1:]
        try:
            kind.add(normalise_host(text))
        except HostRefused:
            return  # a rule that no host name can meet
