"""Builds packs: from lists, with a report of what was refused and why; and the shipped folder from curated packs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path, PurePosixPath

from rules.apps import normalise_app
from rules.curated import CuratedPack, categorised, shipped_packs
from rules.errors import EntryRefused, HostRefused, ListError
from rules.formats import FORMATS, LineParser
from rules.hosts import normalise_host, suffixes
from rules.index import Pair
from rules.known import Known, read_popular
from rules.model import NO_CATEGORY, Taxonomy
from rules.plain import PLAIN_FORMATS, PlainHosts, bites, plain_hosts
from rules.reading import MAX_LINE_BYTES, Lines, read_lines, read_members
from rules.report import BuildReport, Contradiction, PopularHit, Refused
from rules.sources import ListSource
from rules.suffixes import PublicSuffixes
from rules.writer import PackWriter, Written, write_atomically

MAX_SAMPLES = 20  # refused lines quoted for each reason; the rest are counted
MAX_POPULAR_HITS = 10_000  # told one by one; more than that, and the list is a list of popular sites
_NO_TEXT_SHARE = 0.9  # a file with so many lines that are no text is no list, even if a line looks like a host
_NO_TEXT_LINES = 50
_NO_TEXT = ("a control character in the name", "not UTF-8 text", f"a line longer than {MAX_LINE_BYTES} bytes")
PROTECTED_PACK = "protected.pack"
NAMEABLE_PACK = "nameable.pack"
CURATED_PACK = "curated.pack"
TAXONOMY_FILE = "categories.toml"

Progress = Callable[[str, int, int], None]  # the list's id, bytes of its file that were read, all of them


class _Tally:
    """What was noticed while reading: refused lines by reason, popular sites, contradictions with curated packs."""

    def __init__(self) -> None:
        self.read = 0
        self.kept = 0
        self.counts: dict[str, int] = {}
        self.samples: dict[str, list[Refused]] = {}
        self.popular: dict[tuple[str, str, str], PopularHit] = {}
        self.clashes: dict[tuple[str, str, str], set[str]] = {}

    def refuse(self, source: ListSource, line: int, text: str, reason: str) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + 1
        samples = self.samples.setdefault(reason, [])
        if len(samples) < MAX_SAMPLES:
            samples.append(Refused(source.list_id, line, text[:80], _file_of_list(source)))


def build(
    sources: Iterable[ListSource],
    pack: Path,
    *,
    named_suffixes: frozenset[str] = frozenset(),
    popular: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> BuildReport:
    """Compiles lists to one pack beside what comes with Fairwatch: taxonomy, curated packs, popular sites.

    `named_suffixes` are public suffixes that may be entries all the same. Raises RulesError; the old pack then stays.
    """
    taxonomy = Taxonomy.shipped()
    known = Known.of(shipped_packs(taxonomy), taxonomy, read_popular() if popular is None else popular)
    return compile_lists(sources, pack, PublicSuffixes.shipped(named_suffixes), known, taxonomy, progress)


def compile_lists(
    sources: Iterable[ListSource],
    pack: Path,
    suffix_list: PublicSuffixes,
    known: Known,
    taxonomy: Taxonomy,
    progress: Progress | None = None,
) -> BuildReport:
    """Reads every source and writes one pack; the same sources give the same bytes, in whatever order they are named.

    What `known` protects or allows enters no pack. Raises ListError where a list can't be read or has lines but not
    one usable entry; the pack in place then stays.
    """
    ordered = sorted(sources, key=lambda source: (str(source.path), source.category, source.list_id))
    pairs = sorted({(source.category, source.list_id) for source in ordered})
    numbers = {pair: number for number, pair in enumerate(pairs)}
    tally = _Tally()
    gate = _Gate(suffix_list, known)
    protects = any(taxonomy.get(category).protected for category, _ in pairs)
    with PackWriter(pairs, pack.parent, named=protects) as writer:
        for source, lines in _opened(ordered, progress):
            number = numbers[source.category, source.list_id]
            reader = _Reader(source, gate, tally, taxonomy)
            reader.read(lines, partial(writer.add, number=number), partial(writer.add_plain, number=number))
        if tally.kept == 0:
            raise ListError("no usable entry in any list: nothing was written")
        written = writer.write(pack)
    return _report(tally, written, pairs, taxonomy, known)


def compile_shipped(folder: Path) -> None:
    """Writes what `Rules.open` opens, from the taxonomy and curated packs that come with Fairwatch."""
    taxonomy = Taxonomy.shipped()
    compile_curated(folder, Path(__file__).with_name(TAXONOMY_FILE).read_bytes(), taxonomy, shipped_packs(taxonomy))


def compile_curated(folder: Path, taxonomy_text: bytes, taxonomy: Taxonomy, packs: Iterable[CuratedPack]) -> None:
    """Writes a rules folder from checked curated packs: taxonomy, protected, nameable, and all others as one pack.

    The allowed sites and background traffic travel in the nameable pack: all say that a site is harmless, and what
    takes a site out of a list's reach, or out of the totals, must be signed by the custodians, as that pack is, not by
    those who sign the lists. So does the reserved host of the harmless test.
    """
    (folder / "packs").mkdir(parents=True, exist_ok=True)
    every = tuple(packs)
    protected = [pack for pack in categorised(every) if taxonomy.get(pack.category).protected]
    write_atomically(folder / TAXONOMY_FILE, [taxonomy_text])
    _write_curated(folder / PROTECTED_PACK, protected, named=True)
    _write_curated(folder / NAMEABLE_PACK, [pack for pack in every if pack.id in NO_CATEGORY], named=True)
    # Without names: every device holds this pack, and must not hold a list of harmful sites that anybody can read.
    _write_curated(
        folder / "packs" / CURATED_PACK, [pack for pack in categorised(every) if pack not in protected], named=False
    )


def _write_curated(path: Path, packs: Iterable[CuratedPack], *, named: bool) -> None:
    every = sorted(packs, key=lambda pack: (pack.category, pack.id))
    with PackWriter([(pack.category, pack.id) for pack in every], path.parent, named=named) as writer:
        for number, pack in enumerate(every):
            for name in (*pack.hosts, *(normalise_app(identity) for identity in pack.apps)):
                writer.add(name, number)
        writer.write(path)


def _opened(ordered: Sequence[ListSource], progress: Progress | None) -> Iterator[tuple[ListSource, Lines]]:
    """Each source with its lines; an archive is read once, whatever number of its members are sources."""
    for path, group in groupby(ordered, key=lambda source: source.path):
        members: dict[str, list[ListSource]] = {}
        for source in group:
            if source.member is None:
                yield source, read_lines(path, _of_list(progress, source.list_id))
            else:
                members.setdefault(source.member, []).append(source)
        for turn in range(max(map(len, members.values()), default=0)):  # more than once where two sources name it
            for name, lines in read_members(path, _of_list(progress, path.name)):
                if len(members.get(name, ())) > turn:
                    yield members[name][turn], lines


def _of_list(progress: Progress | None, list_id: str) -> Callable[[int, int], None] | None:
    return None if progress is None else partial(progress, list_id)


class _Reader:
    """Reads one list: adds each usable host name, and tallies every other line with its reason."""

    def __init__(self, source: ListSource, gate: _Gate, tally: _Tally, taxonomy: Taxonomy) -> None:
        self._source = source
        self._gate = gate
        self._tally = tally
        self._taxonomy = taxonomy
        category = taxonomy.get(source.category)
        self._flags = category.response == "flag"
        self._protects = category.protected

    def read(self, lines: Lines, add: Callable[[str], None], add_plain: Callable[[PlainHosts], None]) -> None:
        """Reads to the end; raises ListError where the whole is not as its format says, or holds nothing usable."""
        source, tally = self._source, self._tally
        parse = FORMATS[source.format]()
        before, read_before, counts_before = tally.kept, tally.read, dict(tally.counts)
        line = 0
        for bite in bites(lines):
            plain = plain_hosts(bite) if source.format in PLAIN_FORMATS else None
            if plain is not None and not self._gate.is_any_noted(plain):
                line += len(bite)
                tally.read += len(bite)
                tally.kept += len(bite)
                add_plain(plain)
                continue
            for raw in bite:
                line += 1
                self._read_line(raw, line, parse, add)
        refused = {reason: count - counts_before.get(reason, 0) for reason, count in tally.counts.items()}
        self._judge_whole(line, tally.read - read_before, tally.kept - before, refused)

    def _read_line(self, raw: bytes | None, line: int, parse: LineParser, add: Callable[[str], None]) -> None:
        source, tally, is_noted = self._source, self._tally, self._gate.is_noted
        try:
            names = _names(raw, parse, first=line == 1)
        except EntryRefused as error:
            tally.read += 1
            text = b"" if raw is None else raw[:80].rstrip(b"\r")
            tally.refuse(source, line, text.decode("utf-8", "backslashreplace"), str(error))
            return
        except ListError as error:
            raise ListError(f"{_place(source)} line {line}: {error}") from None
        for name in names:
            tally.read += 1
            try:
                host = normalise_host(name)
            except HostRefused as error:
                tally.refuse(source, line, name, str(error))
                continue
            if is_noted(host) and not self._takes(host, line, name):
                continue
            tally.kept += 1
            add(host)

    def _takes(self, host: str, line: int, text: str) -> bool:
        """Whether a host of which something is known may be an entry; notes what is worth telling either way."""
        source, tally, gate = self._source, self._tally, self._gate
        reason = gate.reason(host, protects=self._protects)
        for site in gate.known.popular.get(host, ()):
            if len(tally.popular) < MAX_POPULAR_HITS:
                hit = PopularHit(site, host, source.category, source.list_id, self._flags, reason)
                tally.popular[site, host, source.list_id] = hit
        if reason is not None:
            tally.refuse(source, line, text, reason)
            return False
        curated = gate.known.curated.get(host)
        if curated is not None and (self._taxonomy.get(curated).response == "flag") != self._flags:
            tally.clashes.setdefault((source.list_id, source.category, curated), set()).add(host)
        return True

    def _judge_whole(self, lines: int, read: int, kept: int, refused: dict[str, int]) -> None:
        place = _place(self._source)
        no_text = sum(refused.get(reason, 0) for reason in _NO_TEXT)
        if lines >= _NO_TEXT_LINES and no_text >= _NO_TEXT_SHARE * lines:
            raise ListError(f"{place}: not a list: {no_text} of its {lines} lines are no text")
        if read and not kept:
            reason = max(refused, key=lambda reason: refused[reason])
            raise ListError(f"{place}: not one usable entry in {lines} lines, mostly: {reason}")


def _file_of_list(source: ListSource) -> str:
    """The file's own name where the list is known by another, as UT1's are by their folder."""
    name = PurePosixPath(source.member).name if source.member is not None else source.path.name
    return name if source.format == "ut1" and PurePosixPath(source.list_id).name != name else ""


def _place(source: ListSource) -> str:
    return str(source.path) if source.member is None else f"{source.path} ({ascii(source.member)[1:-1]})"


def _names(raw: bytes | None, parse: LineParser, *, first: bool) -> Sequence[str]:
    if raw is None:
        raise EntryRefused(f"a line longer than {MAX_LINE_BYTES} bytes")
    try:
        return parse(raw.decode("utf-8-sig" if first else "utf-8"))
    except UnicodeDecodeError:
        raise EntryRefused("not UTF-8 text") from None


class _Gate:
    """Which host may be no entry, and why: first by a quick question that most hosts pass, then by the whole one."""

    def __init__(self, suffix_list: PublicSuffixes, known: Known) -> None:
        self.known = known
        self._suffix_list = suffix_list
        self._whole = frozenset(suffix_list.may_hold | known.names)
        self._above = frozenset(suffix_list.may_hold_below | known.above)
        self._whole_bytes = frozenset(name.encode() for name in self._whole)
        self._above_bytes = frozenset(name.encode() for name in self._above)

    def is_noted(self, host: str) -> bool:
        """Whether anything has to be asked of this host at all; asked of millions."""
        if host in self._whole:
            return True
        above, parent = self._above, host.partition(".")[2]
        if not parent:
            return True
        while parent:
            if parent in above:
                return True
            parent = parent.partition(".")[2]
        return False

    def is_any_noted(self, hosts: PlainHosts) -> bool:
        """Whether anything has to be asked of any of these hosts; all of them have two labels or more."""
        if not self._whole_bytes.isdisjoint(hosts.names):
            return True
        parents = hosts.parents
        while parents:
            if not self._above_bytes.isdisjoint(parents):
                return True
            parents = {parent.partition(b".")[2] for parent in parents}
            parents.discard(b"")
        return False

    def reason(self, host: str, *, protects: bool) -> str | None:
        """Why this host may be no entry, or None; a list of protected sites may name them, and is bound by no other."""
        if self._suffix_list.holds(host):
            return "a public suffix, which is no one site"
        if protects:
            return None
        covering, known = suffixes(host), self.known
        category = next((known.protected[name] for name in covering if name in known.protected), None)
        if category is not None:
            return f"protected ({category}), so never in another category"
        return "an allowed site, which no list may put anywhere" if not known.allowed.isdisjoint(covering) else None


def _report(tally: _Tally, written: Written, pairs: list[Pair], taxonomy: Taxonomy, known: Known) -> BuildReport:
    kept_by_list: dict[str, int] = {}
    for number, (_, list_id) in enumerate(pairs):
        kept_by_list[list_id] = kept_by_list.get(list_id, 0) + written.by_list[number]
    curated = [
        Contradiction(list_id, category, "the curated packs", other, len(hosts), tuple(sorted(hosts)[:MAX_SAMPLES]))
        for (list_id, category, other), hosts in sorted(tally.clashes.items())
    ]
    shared = sorted(written.shared.items(), key=lambda item: -item[1])
    flags = [taxonomy.get(category).response == "flag" for category, _ in pairs]
    lists = [
        Contradiction(pairs[a][1], pairs[a][0], pairs[b][1], pairs[b][0], count)
        for (a, b), count in shared
        if flags[a] != flags[b]
    ]
    return BuildReport(
        read=tally.read,
        kept=written.entries,
        merged=written.merged,
        covered=written.covered,
        refused=dict(sorted(tally.counts.items(), key=lambda item: (-item[1], item[0]))),
        samples={reason: tuple(samples) for reason, samples in sorted(tally.samples.items())},
        kept_by_list=kept_by_list,
        overlaps=tuple((pairs[a][1], pairs[b][1], count) for (a, b), count in shared),
        popular_checked=known.popular_sites,
        popular=tuple(hit for _, hit in sorted(tally.popular.items())),
        contradictions=(*curated, *lists),
    )
