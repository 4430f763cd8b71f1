"""RPZ zones (BIND's response policy format): the host names whose answers the zone changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rules.errors import EntryRefused

_record = re.compile(
    r"(?P<owner>\S+)\s+(?:\d+[smhdw]?\s+)?(?:(?:IN|CH|HS)\s+)?(?:\d+[smhdw]?\s+)?(?P<type>[A-Z]+)\s+(?P<data>\S.*)",
    re.IGNORECASE,
)
_zone_types = frozenset({"SOA", "NS"})
_rule_types = frozenset({"CNAME", "A", "AAAA", "TXT"})
_not_names = (".rpz-ip", ".rpz-client-ip", ".rpz-nsip", ".rpz-nsdname")


def parser() -> Callable[[str], Sequence[str]]:
    """A parser for one zone file; it remembers the origin and open parentheses."""
    return _Zone().parse_line


class _Zone:
    def __init__(self) -> None:
        self._origin = ""
        self._inside_parentheses = False

    def parse_line(self, line: str) -> Sequence[str]:
        text = line.partition(";")[0].rstrip()
        if self._inside_parentheses:
            self._inside_parentheses = ")" not in text
            return ()
        if not text.strip():
            return ()
        if text.startswith("$"):
            return self._directive(text)
        if "(" in text and ")" not in text:
            self._inside_parentheses = True
        if text[0].isspace() or text[0] == "@":
            return ()  # a further record of the owner above, or of the zone itself
        return self._rule(text)

    def _directive(self, text: str) -> Sequence[str]:
        word, *values = text.split()
        if word.upper() == "$ORIGIN" and values:
            self._origin = values[0].lower().rstrip(".")
        elif word.upper() != "$TTL":
            raise EntryRefused("a directive that is not followed")
        return ()

    def _rule(self, text: str) -> Sequence[str]:
        found = _record.fullmatch(text)
        if found is None:
            raise EntryRefused("not a zone record")
        record_type = found["type"].upper()
        if record_type in _zone_types:
            if record_type == "SOA" and found["owner"].endswith("."):
                self._origin = self._origin or found["owner"].lower().rstrip(".")
            return ()
        if record_type not in _rule_types:
            raise EntryRefused("a record type that names no site")
        if found["data"].strip().lower().rstrip(".") == "rpz-passthru":
            raise EntryRefused("an exception rule, not an entry")
        return (self._name(found["owner"].lower()),)

    def _name(self, owner: str) -> str:
        name = owner
        if owner.endswith("."):
            name = owner.rstrip(".")
            if self._origin:
                name = name.removesuffix("." + self._origin)
        if name.endswith(_not_names):
            raise EntryRefused("an address or name server rule: not matchable by host name")
        return name.removeprefix("*.")
