"""The list formats that can be read, one file each; every parser turns one line into the host names it lists.

A format is a function that makes a fresh `LineParser` for one file (RPZ and CSV remember earlier lines). A parser
returns no name for a comment, and raises EntryRefused, with the reason, for a line it can't keep.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rules.formats import adblock, csv_table, domains, hosts_file, rpz, ut1

LineParser = Callable[[str], Sequence[str]]

FORMATS: dict[str, Callable[[], LineParser]] = {
    "adblock": adblock.parser,
    "csv": csv_table.parser,
    "domains": domains.parser,
    "hosts": hosts_file.parser,
    "rpz": rpz.parser,
    "ut1": ut1.parser,
}
