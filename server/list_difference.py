"""Says what of a fetched list changes: entries that came and went, what other packs hold too, known sites touched."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec

from rules import layout
from rules.errors import EntryRefused, HostRefused, ListError
from rules.formats import FORMATS, LineParser
from rules.hosts import normalise_host
from rules.index import Index
from rules.plain import PLAIN_FORMATS, bites, plain_hosts
from rules.reading import Lines, read_lines, read_members
from rules.report import BuildReport
from rules.sources import ListSource

SHOWN = 20
"""Entries and sites told by name; the rest are counted."""

_RANGES = 4096  # hashes are compared a range at a time: few enough for memory, whatever the packs' sizes


class Touched(msgspec.Struct, frozen=True):
    """A popular site that the list names: by which entry, and why the pack leaves it out (None where it does not)."""

    site: str
    entry: str
    refused: str | None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What would change. `added_names` and `removed_names` are a few of them; packs hold no names, lists do."""

    before: int
    after: int
    added: int
    removed: int
    added_names: tuple[str, ...] = ()
    removed_names: tuple[str, ...] = ()
    overlap: Mapping[str, int] = {}
    popular: tuple[Touched, ...] = ()
    popular_count: int = 0
    protected_count: int = 0
    read: int = 0
    refused: int = 0
    refusals: Mapping[str, int] = {}


def between(
    new: Path,
    new_sources: Iterable[ListSource],
    old: Path | None,
    old_sources: Iterable[ListSource],
    report: BuildReport,
    others: Mapping[str, Path],
) -> Difference:
    """Compare a compiled pack with the one before it and with `others` (packs by id); raises RulesError."""
    with ExitStack() as opened:
        after = opened.enter_context(_opened(new))
        before = opened.enter_context(_opened(old)) if old is not None else None
        shared = _shared(after, before) if before is not None else 0
        was, now = before.index.entries if before is not None else 0, after.index.entries
        came = _names(new_sources, after, before) if now > shared else ()
        went = _names(old_sources, before, after) if before is not None and was > shared else ()
        overlap = {}
        for pack_id, path in sorted(others.items()):
            with _opened(path) as other:
                overlap[pack_id] = _shared(after, other)
    by_weight = sorted(report.popular, key=lambda hit: hit.refused is None)  # what is in the pack goes above
    hits = {hit.site: hit for hit in by_weight}
    worst_first = sorted(hits.values(), key=lambda hit: (hit.refused is not None, hit.site))
    refusals = dict(list(report.refused.items())[:SHOWN])
    return Difference(
        before=was,
        after=now,
        added=now - shared,
        removed=was - shared,
        added_names=tuple(came),
        removed_names=tuple(went),
        overlap={pack_id: count for pack_id, count in overlap.items() if count},
        popular=tuple(Touched(hit.site, hit.entry, hit.refused) for hit in worst_first[:SHOWN]),
        popular_count=len(hits),
        protected_count=sum(count for reason, count in report.refused.items() if reason.startswith("protected ")),
        read=report.read,
        refused=sum(report.refused.values()),
        refusals=refusals,
    )


class _Pack(msgspec.Struct, frozen=True):
    """An open pack and its ascending hashes."""

    index: Index
    hashes: memoryview


@contextmanager
def _opened(path: Path) -> Iterator[_Pack]:
    index = Index.open(path)
    try:
        data = path.read_bytes()
        header = layout.read_header(data[: layout.HEADER_BYTES])
        with memoryview(data) as whole, whole[header.hashes_at : header.ids_at] as part, part.cast("Q") as hashes:
            yield _Pack(index, hashes)
    finally:
        index.close()


def _shared(one: _Pack, other: _Pack) -> int:
    """How many entries both have."""
    shared, width = 0, (1 << 64) // _RANGES
    for low in range(0, 1 << 64, width):
        a, b = _range(one.hashes, low, low + width), _range(other.hashes, low, low + width)
        shared += len(a & b) if a and b else 0
    return shared


def _range(hashes: memoryview, low: int, high: int) -> set[int]:
    return set(hashes[bisect_left(hashes, low) : bisect_left(hashes, high)])


def _names(sources: Iterable[ListSource], there: _Pack, absent: _Pack | None) -> list[str]:
    """A few of the names that one pack has and the other has not, in the order of the list itself."""
    found: dict[str, None] = {}
    for host in _hosts(sources):
        if there.index.find_app(host) and not (absent is not None and absent.index.find_app(host)):
            found[host] = None
            if len(found) >= SHOWN:
                break
    return list(found)


def _hosts(sources: Iterable[ListSource]) -> Iterator[str]:
    """Every host that the lists name, as the compiler reads them."""
    for source in sources:
        parse, first = FORMATS[source.format](), True
        for bite in bites(_lines(source)):
            plain = plain_hosts(bite) if source.format in PLAIN_FORMATS else None
            if plain is not None:
                yield from map(bytes.decode, plain.names)
                continue
            for raw in bite:
                yield from _of_line(raw, parse, "utf-8-sig" if first else "utf-8")
                first = False


def _of_line(raw: bytes | None, parse: LineParser, encoding: str) -> Iterator[str]:
    try:
        names = parse(raw.decode(encoding)) if raw is not None else ()
    except (UnicodeDecodeError, EntryRefused, ListError):
        return
    for name in names:
        with suppress(HostRefused):
            yield normalise_host(name)


def _lines(source: ListSource) -> Lines:
    if source.member is None:
        yield from read_lines(source.path)
        return
    for name, lines in read_members(source.path):
        if name == source.member:
            yield from lines
            return
