"""CSV (by comma, semicolon or tab) with a column of host names; a table without such a column is refused."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence

from rules.errors import EntryRefused, HostRefused, ListError
from rules.hosts import normalise_host

HOST_COLUMNS = ("domain", "host", "hostname", "host_name", "fqdn", "site", "name", "entry")
_DELIMITERS = ",;\t"


def parser() -> Callable[[str], Sequence[str]]:
    """A parser for one table; the first row says which column holds the host names."""
    return _Table().parse_line


class _Table:
    def __init__(self) -> None:
        self._column: int | None = None
        self._delimiter = ","

    def parse_line(self, line: str) -> Sequence[str]:
        if not line.strip() or line.startswith("#"):
            return ()
        if self._column is None:  # the first row tells the delimiter: the one that cuts it into most cells
            self._delimiter = max(_DELIMITERS, key=line.count)
        try:
            row = [cell.strip() for cell in next(csv.reader([line], delimiter=self._delimiter, strict=True))]
        except (csv.Error, StopIteration):
            raise EntryRefused("not a row of CSV") from None
        if self._column is None:
            self._column = _host_column(row)
            if self._column >= 0:
                return ()
            self._column = 0  # no header: the first row is an entry already
        if len(row) <= self._column:
            raise EntryRefused("a row without the host name's column")
        return (row[self._column],) if row[self._column] else ()


def _host_column(row: list[str]) -> int:
    """Which column holds host names; -1 where there is no header but the first cell is a host name."""
    names = [cell.lower().lstrip("\ufeff") for cell in row]
    for wanted in HOST_COLUMNS:
        if wanted in names:
            return names.index(wanted)
    try:
        if "." in normalise_host(names[0]):
            return -1
    except HostRefused:
        pass
    raise ListError(f"no column of host names: expected one called {', '.join(HOST_COLUMNS[:3])} in the first row")
