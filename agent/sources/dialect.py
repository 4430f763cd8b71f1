"""How one family of browsers keeps its history: the words and the query that differ, and nothing else.

The query is put together here from each family's fixed parts, so that one place shows what is ever fetched: an id, a
time, the host (cut from the address inside SQLite by the `host` function), and three marks. There is no title, path
or address among the columns.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from agent.observation import Family
from rules.hosts import host_of_url

# Long enough for any host with a port; a `data:` address of megabytes is cut before it leaves the database.
URL_BYTES = 4096


class Visit(msgspec.Struct, frozen=True):
    """One row of a history. `at` counts microseconds since the browser's own epoch.

    `host` is None for what is not http(s) or has no host name. `synced`: the browser marks it as another device's.
    `own`: a page that the person at this device opened (the family's file says which kinds these are). `seconds` is
    how long the browser says that the visit lasted, or None.
    """

    id: int
    at: int
    host: str | None
    synced: bool
    own: bool
    seconds: float | None


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """The fixed words of one family; SQL expressions see the visit as `v` and its address row as `u`."""

    family: Family
    file_name: str
    epoch: datetime
    visits: str
    urls: str
    url_of_visit: str
    time: str
    # From the columns that this version of the browser has to the SQL of each mark.
    synced: Callable[[frozenset[str]], str]
    own: Callable[[frozenset[str]], str]
    seconds: Callable[[frozenset[str]], str]
    # Whether a row can't have been made here, from (at, last read, now), all in the browser's own microseconds.
    foreign: Callable[[int, int | None, int], bool] = lambda _at, _last_read, _now: False

    def select(self, columns: frozenset[str]) -> str:
        """The query for rows after an id, oldest first; `until` and `floor` leave out what was handled before."""
        return (
            f"SELECT v.id, {self.time}, host(CAST(substr(u.url, 1, {URL_BYTES}) AS BLOB)), "  # noqa: S608 - fixed words
            f"{self.synced(columns)}, {self.own(columns)}, {self.seconds(columns)} "
            f"FROM {self.visits} v LEFT JOIN {self.urls} u ON u.id = v.{self.url_of_visit} "
            f"WHERE v.id > :after AND (v.id > :until OR {self.time} > :floor) ORDER BY v.id LIMIT :limit"
        )

    def moment(self, at: int) -> datetime | None:
        """The browser's time as aware UTC, or None where it is outside what a date can be."""
        try:
            return self.epoch + timedelta(microseconds=at)
        except OverflowError:
            return None

    def microseconds(self, moment: datetime) -> int:
        """An aware time as microseconds since this family's epoch."""
        return (moment - self.epoch) // timedelta(microseconds=1)


def host_of_stored(url: bytes | None) -> str | None:
    """The host of an address as SQLite hands it over; None for whatever has none. Never raises."""
    if not isinstance(url, bytes) or url[:4].lower() != b"http":
        return None
    text = url.decode("utf-8", "replace")
    if len(url) >= URL_BYTES and not _authority_ends(text):
        return None  # cut inside the authority: what is left could read as another host
    return host_of_url(text)


def _authority_ends(text: str) -> bool:
    rest = text.partition("://")[2]
    return any(mark in rest for mark in "/\\?#")
