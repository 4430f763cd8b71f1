"""Looks every few seconds which names Windows' DNS client has come to keep; of answers nothing is decoded.

It keeps what any program of this machine looked up, for as long as the answer allows, and tells neither which program
asked nor for whom. It also keeps the names of the hosts file, which nobody looked up: those are left out, as is all
that was there when one began to look.

`DnsGetCacheDataTable` is described nowhere by Microsoft: its one argument is an entry, whose first field leads to the
list; `ipconfig /displaydns` is made of it. Source of the rest: Microsoft Learn, DnsQuery_W, DnsFree.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from agent.health import SourceHealth
from agent.sources.resolved import NO_ROOM, SOURCE, Hearer, Telling
from agent.windows.libraries import BOOL, DWORD, LONG, WORD, declare, library

LOOK_SECONDS: Final = 5.0
"""How often to look. A name whose answer is kept for less may be missed, and none is told sooner."""
HOSTS_FILE: Final = Path("C:/Windows/System32/drivers/etc/hosts")
HOSTS_MAX_BYTES: Final = 16 * 1024 * 1024
"""Lists of half a million names are put into hosts files; more is not read, and then no name is told."""
ENTRIES_MAX: Final = 65_536
_NO_WIRE: Final = 0x10
_FLAT, _RECORDS = 0, 1
_NOT_TOLD: Final = "Windows’ DNS client does not tell what it keeps, so names that programs look up are not seen."
_FAILED: Final = "A fault kept names that programs look up from being seen; it is looked again every few seconds."
_HOSTS: Final = "The hosts file can’t be read, so names that programs look up can’t be told from those in it."

log = logging.getLogger(__name__)

Names = frozenset[tuple[str, int]]
"""Names, each with the type of record that was asked for."""


class _Entry(ctypes.Structure):
    """DNS_CACHE_ENTRY."""

    _fields_ = (
        ("next", ctypes.c_void_p), ("name", ctypes.c_void_p), ("type", WORD), ("length", WORD), ("flags", DWORD),
    )  # fmt: skip


class DnsClient:
    """Asks Windows' DNS client."""

    def __init__(self, dnsapi: Any = None) -> None:
        """Raises OSError where there is no Windows, AttributeError where it has no such function any more."""
        dns = library("dnsapi") if dnsapi is None else dnsapi
        pointer = ctypes.c_void_p
        self._table = declare(dns, "DnsGetCacheDataTable", BOOL, pointer)
        self._query = declare(dns, "DnsQuery_W", LONG, ctypes.c_wchar_p, WORD, DWORD, pointer, pointer, pointer)
        self._free = declare(dns, "DnsFree", None, pointer, LONG)

    def kept(self) -> Names | None:
        """The names that it keeps; None where it does not tell."""
        first = _Entry()
        if not self._table(ctypes.byref(first)):
            return None
        found, place = set[tuple[str, int]](), first.next
        while place:
            entry = _Entry.from_address(place)
            if entry.name:
                if len(found) < ENTRIES_MAX:
                    found.add((ctypes.wstring_at(entry.name).rstrip(".").lower(), int(entry.type)))
                self._free(entry.name, _FLAT)
            following = entry.next
            self._free(place, _FLAT)
            place = following
        return frozenset(found)

    def exists(self, name: str, qtype: int) -> bool:
        """Whether what it keeps of a name is an answer, and not that there is no such name; asks no other machine."""
        records = ctypes.c_void_p()
        if self._query(name, qtype, _NO_WIRE, None, ctypes.byref(records), None):
            return False
        if records.value:
            self._free(records.value, _RECORDS)
        return True


class DnsCache:
    """The looks, in a thread of their own while they are wanted; used as `agent.sources.resolved.Resolved` is."""

    name = SOURCE

    def __init__(
        self,
        hearer: Hearer,
        said: Callable[[SourceHealth | None], None],
        *,
        client: Callable[[], DnsClient] = DnsClient,
        hosts_file: Path = HOSTS_FILE,
    ) -> None:
        """`said(health)` hears of each change, None for not looking at all."""
        self._hearer, self._telling = hearer, Telling(said)
        self._client, self._hosts_file = client, hosts_file
        self._known: Names | None = None
        self._hosts: tuple[object, frozenset[str]] = (None, frozenset())
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def want(self, wanted: bool) -> None:
        """Begin or end to look; nothing where that is so already. May be called from any thread but its own.

        Called again, it begins anew what ended by itself, or what no thread could be had for.
        """
        with self._lock:
            if wanted and (self._thread is None or not self._thread.is_alive()):
                self._begin()
            elif not wanted and self._thread is not None:
                self._stopping.set()
                self._thread.join(timeout=10)
                self._thread = None
                self._hearer.forget()
                self._telling.nothing()

    def _begin(self) -> None:
        self._stopping.clear()
        self._known = None
        thread = threading.Thread(target=self._run, name="dns-cache", daemon=True)
        try:
            thread.start()
        except RuntimeError as fault:
            log.warning("dns_cache.not_begun kind=%s", type(fault).__name__)
            self._telling.unknown(NO_ROOM)
        else:
            self._thread = thread

    def look(self, client: DnsClient) -> None:
        """Look once, and hand on what has come since the last look."""
        kept = client.kept()
        if kept is None:
            self._known = None
            self._telling.unknown(_NOT_TOLD)
            return
        try:
            hosts = self._in_hosts_file()
        except OSError:
            self._known = None
            self._telling.unknown(_HOSTS)
            return
        for name, qtype in sorted(kept - self._known if self._known is not None else ()):
            if name not in hosts and client.exists(name, qtype):
                self._hearer.note(name, qtype)
        self._known = kept
        self._telling.by(self._hearer)

    def _run(self) -> None:
        try:
            client = self._client()
        except Exception as fault:  # noqa: BLE001 - no such function, or no Windows: whoever wants it asks again
            log.info("dns_cache.not_there kind=%s", type(fault).__name__)
            self._telling.unknown(_NOT_TOLD)
            return
        while not self._stopping.is_set():
            try:
                self.look(client)
                due = self._hearer.turn()
            except Exception as fault:  # noqa: BLE001 - whatever came, it must not end the looking for ever
                log.warning("dns_cache.failed kind=%s", type(fault).__name__)
                self._telling.unknown(_FAILED)
                due = None
            self._stopping.wait(LOOK_SECONDS if due is None else min(due, LOOK_SECONDS))

    def _in_hosts_file(self) -> frozenset[str]:
        """The names in the hosts file, read again once it was written; raises OSError."""
        try:
            state = self._hosts_file.stat()
        except FileNotFoundError:
            return frozenset()
        mark = (state.st_mtime_ns, state.st_size)
        if self._hosts[0] != mark:
            if state.st_size > HOSTS_MAX_BYTES:
                raise OSError("the hosts file is larger than is read")
            lines = self._hosts_file.read_text("utf-8", "replace").lower().splitlines()
            self._hosts = (mark, frozenset(name for line in lines for name in line.partition("#")[0].split()[1:]))
        return self._hosts[1]
