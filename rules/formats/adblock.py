"""Ad-block style: `||domain^` lines; every other kind of rule is refused, since only whole hosts can be matched."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rules.errors import EntryRefused

# Options that leave a rule meaning "this whole site".
WHOLE_SITE_OPTIONS = frozenset({"all", "doc", "document", "important", "popup"})


def parser() -> Callable[[str], Sequence[str]]:
    """A parser for one ad-block style list."""
    return parse_line


def parse_line(line: str) -> Sequence[str]:
    """The domain of a `||domain^` rule; raises EntryRefused for a rule that names anything less than a site."""
    rule = line.strip()
    if not rule or rule.startswith(("!", "[Adblock", "[adblock", "# ")) or rule == "#":
        return ()
    if rule.startswith("@@"):
        raise EntryRefused("an exception rule, not an entry")
    if not rule.startswith("||"):
        raise EntryRefused("not a ||domain^ rule")
    rule, _, options = rule[2:].partition("$")
    if options and not set(options.split(",")) <= WHOLE_SITE_OPTIONS:
        raise EntryRefused("options that match only part of a site")
    name, end, rest = rule.partition("^")
    if not end or rest not in ("", "|"):
        raise EntryRefused("not a ||domain^ rule")
    return (name,)
