"""Hosts files: an address, then one or more host names; `#` begins a comment."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

from rules.errors import EntryRefused

# What hosts files list for the machine itself; none is a site.
OWN_NAMES = frozenset(
    {
        "0.0.0.0",  # noqa: S104 (a text in a list; nothing listens)
        "broadcasthost",
        "ip6-allhosts",
        "ip6-allnodes",
        "ip6-allrouters",
        "ip6-localhost",
        "ip6-localnet",
        "ip6-loopback",
        "ip6-mcastprefix",
        "local",
        "localhost",
        "localhost.localdomain",
    }
)


def parser() -> Callable[[str], Sequence[str]]:
    """A parser for one hosts file."""
    return parse_line


def parse_line(line: str) -> Sequence[str]:
    """The host names on this line; raises EntryRefused where it does not begin with an address."""
    if "#" in line:
        line = line.partition("#")[0]
    fields = line.split()
    if not fields:
        return ()
    if fields[0] not in OWN_NAMES and not _is_address(fields[0]):
        raise EntryRefused("the line does not begin with an address")
    if len(fields) == 1:
        raise EntryRefused("an address without a host name")
    return [name for name in fields[1:] if name.lower() not in OWN_NAMES]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
