"""Builds packs: from lists, with a report of what was refused and why; and the shipped folder from curated packs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from rules.curated import NAMEABLE, CuratedPack, shipped_packs
from rules.errors import EntryRefused, HostRefused, ListError
from rules.formats import FORMATS, LineParser
from rules.hosts import normalise_host, suffixes
from rules.index import Pair
from rules.model import Taxonomy
from rules.reading import MAX_LINE_BYTES, read_lines
from rules.suffixes import PublicSuffixes
from rules.writer import PackWriter, Written, write_atomically

MAX_SAMPLES = 20  # refused lines quoted for each reason; the rest are counted
_PROGRESS_LINES = 50_000  # how often a long list says how far it is
PROTECTED_PACK = "protected.pack"
NAMEABLE_PACK = "nameable.pack"
CURATED_PACK = "curated.pack"
TAXONOMY_FILE = "categories.toml"

Progress = Callable[[str, int], None]  # the list's id, and how many of its lines were read


class ListSource(msgspec.Struct, frozen=True):
    """A list to be read: its format, the category of all its entries, where it is, and the id it is known by."""

    format: str
    category: str
    path: Path
    list_id: str


class Refused(msgspec.Struct, frozen=True):
    """A line that was left out: which list and line (of which file), and its text, shortened."""

    list_id: str
    line: int
    text: str


class BuildReport(msgspec.Struct, frozen=True):
    """What a build read, kept and refused. `overlaps` counts the entries that two lists share."""

    read: int
    kept: int
    merged: int
    covered: int
    refused: dict[str, int]
    samples: dict[str, tuple[Refused, ...]]
    kept_by_list: dict[str, int]
    overlaps: tuple[tuple[str, str, int], ...]


class _Tally:
    """What was refused while reading, counted and sampled by reason."""

    def __init__(self) -> None:
        self.read = 0
        self.kept = 0
        self.counts: dict[str, int] = {}
        self.samples: dict[str, list[Refused]] = {}

    def refuse(self, source: ListSource, line: int, text: str, reason: str) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + 1
        samples = self.samples.setdefault(reason, [])
        if len(samples) < MAX_SAMPLES:
            samples.append(Refused(source.list_id, line, text[:80]))


def compile_lists(
    sources: Iterable[ListSource],
    pack: Path,
    suffix_list: PublicSuffixes,
    protected: Mapping[str, str],
    taxonomy: Taxonomy,
    progress: Progress | None = None,
) -> BuildReport:
    """Reads every source and writes one pack; the same sources give the same bytes, in whatever order they are named.

    `protected` gives the category of each protected host, which then enters no pack of any other kind. Raises ListError
    where a list can't be read or has lines but not one usable entry; the pack in place then stays.
    """
    ordered = sorted(sources, key=lambda source: (source.category, source.list_id, str(source.path)))
    pairs = sorted({(source.category, source.list_id) for source in ordered})
    numbers = {pair: number for number, pair in enumerate(pairs)}
    tally = _Tally()
    with PackWriter(pairs, pack.parent) as writer:
        for source in ordered:
            gate = _Gate(suffix_list, {} if taxonomy.get(source.category).protected else protected)
            number = numbers[source.category, source.list_id]
            _read_list(source, gate, tally, partial(writer.add, number=number), progress)
        if tally.kept == 0:
            raise ListError("no usable entry in any list: nothing was written")
        written = writer.write(pack)
    return _report(tally, written, pairs)


def compile_shipped(folder: Path) -> None:
    """Writes what `Rules.open` opens, from the taxonomy and curated packs that come with Fairwatch."""
    taxonomy = Taxonomy.shipped()
    compile_curated(folder, Path(__file__).with_name(TAXONOMY_FILE).read_bytes(), taxonomy, shipped_packs(taxonomy))


def compile_curated(folder: Path, taxonomy_text: bytes, taxonomy: Taxonomy, packs: Iterable[CuratedPack]) -> None:
    """Writes a rules folder from checked curated packs: taxonomy, protected, nameable, and all others as one pack."""
    (folder / "packs").mkdir(parents=True, exist_ok=True)
    every = tuple(packs)
    protected = [pack for pack in every if pack.id != NAMEABLE and taxonomy.get(pack.category).protected]
    nameable = [pack for pack in every if pack.id == NAMEABLE]
    others = [pack for pack in every if pack not in protected and pack not in nameable]
    write_atomically(folder / TAXONOMY_FILE, [taxonomy_text])
    _write_curated(folder / PROTECTED_PACK, protected)
    _write_curated(folder / NAMEABLE_PACK, nameable)
    _write_curated(folder / "packs" / CURATED_PACK, others)


def protected_hosts(packs: Iterable[CuratedPack], taxonomy: Taxonomy) -> dict[str, str]:
    """Each protected host of the curated packs with its category; every name below one is protected too."""
    return {
        host: pack.category
        for pack in packs
        if pack.id != NAMEABLE and taxonomy.get(pack.category).protected
        for host in pack.hosts
    }


def _write_curated(path: Path, packs: Iterable[CuratedPack]) -> None:
    every = sorted(packs, key=lambda pack: (pack.category, pack.id))
    with PackWriter([(pack.category, pack.id) for pack in every], path.parent) as writer:
        for number, pack in enumerate(every):
            for name in (*pack.hosts, *pack.apps):
                writer.add(name, number)
        writer.write(path)


def _read_list(
    source: ListSource, gate: _Gate, tally: _Tally, add: Callable[[str], None], progress: Progress | None
) -> None:
    """Adds each usable host name of a list; every other line is tallied with its reason."""
    before, read_before = tally.kept, tally.read
    parse, may_refuse = FORMATS[source.format](), gate.may_refuse
    line = 0
    for line, raw in enumerate(read_lines(source.path), start=1):
        if progress is not None and line % _PROGRESS_LINES == 0:
            progress(source.list_id, line)
        try:
            names = _names(raw, parse, first=line == 1)
        except EntryRefused as error:
            tally.read += 1
            tally.refuse(source, line, ascii(raw[:60]) if raw is not None else "", str(error))
            continue
        except ListError as error:
            raise ListError(f"{source.path} line {line}: {error}") from None
        for name in names:
            tally.read += 1
            try:
                host = normalise_host(name)
            except HostRefused as error:
                tally.refuse(source, line, name, str(error))
                continue
            reason = gate.reason(host) if may_refuse(host) else None
            if reason is not None:
                tally.refuse(source, line, name, reason)
                continue
            tally.kept += 1
            add(host)
    if tally.read > read_before and tally.kept == before:
        reason = max(tally.counts, key=lambda reason: tally.counts[reason])
        raise ListError(f"{source.path}: not one usable entry in {line} lines, mostly: {reason}")


def _names(raw: bytes | None, parse: LineParser, *, first: bool) -> Sequence[str]:
    if raw is None:
        raise EntryRefused(f"a line longer than {MAX_LINE_BYTES} bytes")
    try:
        return parse(raw.decode("utf-8-sig" if first else "utf-8"))
    except UnicodeDecodeError:
        raise EntryRefused("not UTF-8 text") from None


class _Gate:
    """Which host may be no entry, and why: first by a quick question that most hosts pass, then by the whole one."""

    def __init__(self, suffix_list: PublicSuffixes, protected: Mapping[str, str]) -> None:
        self._suffix_list = suffix_list
        self._protected = protected
        self._whole = suffix_list.may_hold | set(protected)
        self._above = suffix_list.may_hold_below | set(protected)

    def may_refuse(self, host: str) -> bool:
        """Whether `reason` has to be asked at all; asked of millions of hosts."""
        parent = host.partition(".")[2]
        if host in self._whole or not parent:
            return True
        while parent:
            if parent in self._above:
                return True
            parent = parent.partition(".")[2]
        return False

    def reason(self, host: str) -> str | None:
        """Why this host may be no entry, or None."""
        if self._suffix_list.holds(host):
            return "a public suffix, which is no one site"
        category = next((self._protected[name] for name in suffixes(host) if name in self._protected), None)
        return None if category is None else f"protected ({category}), so never in another category"


def _report(tally: _Tally, written: Written, pairs: list[Pair]) -> BuildReport:
    return BuildReport(
        read=tally.read,
        kept=written.entries,
        merged=written.merged,
        covered=written.covered,
        refused=dict(sorted(tally.counts.items(), key=lambda item: (-item[1], item[0]))),
        samples={reason: tuple(samples) for reason, samples in sorted(tally.samples.items())},
        kept_by_list={list_id: written.by_list[number] for number, (_, list_id) in enumerate(pairs)},
        overlaps=tuple((pairs[a][1], pairs[b][1], count) for (a, b), count in written.shared.items()),
    )
