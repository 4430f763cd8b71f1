"""Says what of a pack changes: how many entries, of which lists and categories, and which known sites it touches.

A pack of lists holds no names, only 64-bit hashes of them, so the names that came or went can't be shown from it; a
curated pack holds its names, and they are. The shipped lists of popular and of protected sites are asked for in both.
"""

from __future__ import annotations

import json
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from custody.asking import plain
from custody.errors import CustodyError
from custody.sheet import Line
from rules import layout
from rules.curated import shipped_packs
from rules.errors import RulesError
from rules.index import Index
from rules.model import Taxonomy

SHARP_GROWTH = 0.10
"""More entries than this share added, and a person should ask why: lists grow by a few per cent a month."""
SITES_SHOWN = 20
NAMES_SHOWN = 200
"""Names told one by one: more is not read by anybody, and is asked for instead."""
_POPULAR = ("nameable", "allowed")  # the shipped packs of common, harmless sites
_HASHES_AT_A_TIME_BITS = 12
Pair = tuple[str, str]


@dataclass(frozen=True)
class _Pack:
    """An open pack with its two columns: ascending hashes, and beside each the number of its labels."""

    index: Index
    hashes: memoryview
    ids: memoryview


def check_pack(name: str, data: bytes) -> None:
    """Refuse bytes that no device could use as a pack; raises CustodyError."""
    with _opened(name, data):
        pass


def of_pack(name: str, old: bytes | None, new: bytes, taxonomy: Taxonomy, acts_with: int | None) -> Iterator[Line]:
    """Say what changes in one pack.

    `acts_with` is the greatest number of entries with which the policy in force lets this pack act; None: on trial.
    """
    with ExitStack() as opened:
        after = opened.enter_context(_opened(name, new))
        before = None
        if old is not None:
            try:
                before = opened.enter_context(_opened(name, old))
            except CustodyError:  # of an older format, which must not keep the new one from being signed
                yield Line("  What is published now can't be read, so nothing is compared with it.", "warning")
        was, now = before.index.entries if before is not None else 0, after.index.entries
        yield Line(f"  {now:,} entries{f'; before: {was:,}' if before is not None else ''}{_growth(was, now)}.")
        if before is not None and now > was * (1 + SHARP_GROWTH):
            yield Line(f"  This pack grows sharply, from {was:,} to {now:,}: ask whoever made it why.", "warning")
        added, removed = _counts(before, after)
        for category, listed in sorted(added.keys() | removed.keys()):
            known = taxonomy.by_id.get(category)
            title = known.name if known is not None else category
            more, less = added.get((category, listed), 0), removed.get((category, listed), 0)
            yield Line(f"  {plain(title)}, list {plain(listed)}: {more:,} added, {less:,} removed", "new")
        if before is not None and not added and not removed:
            yield Line("  No entry is added or removed.", "quiet")
        yield from _names(before, after)
        yield from _known_sites(before, after, taxonomy)
        yield _standing(now, acts_with)


def of_report(pack: Path) -> Iterator[Line]:
    """Say what the build report beside the pack's file says, or that there is none."""
    for path in (pack.with_suffix(".report.json"), pack.with_name(pack.name + ".report.json")):
        try:
            report = json.loads(path.read_bytes())
            refused = sum(report["refused"].values())
            yield Line(
                f"  Its build report ({plain(path.name)}): {report['read']:,} entries read, {report['kept']:,} kept, "
                f"{refused:,} refused."
            )
            for reason, count in list(report["refused"].items())[:SITES_SHOWN]:
                yield Line(f"    refused, {plain(str(reason))}: {count:,}", "quiet")
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            yield Line(f"  The build report {plain(path.name)} can't be understood.", "warning")
        return
    yield Line("  There is no build report beside the pack's file.", "quiet")


@contextmanager
def _opened(name: str, data: bytes) -> Iterator[_Pack]:
    with tempfile.TemporaryDirectory(prefix="fairwatch-") as folder, ExitStack() as views:
        path = Path(folder, name)
        path.write_bytes(data)
        try:
            index = Index.open(path)
            views.callback(index.close)
            index.verify()
            header = layout.read_header(data[: layout.HEADER_BYTES])
        except RulesError as fault:
            raise CustodyError(f"{fault}; nothing was signed") from None
        whole = views.enter_context(memoryview(data))
        hashes = views.enter_context(whole[header.hashes_at : header.ids_at].cast("Q"))
        ids = views.enter_context(whole[header.ids_at : header.ids_at + header.id_bytes * header.entries])
        if header.id_bytes != 1:
            ids = views.enter_context(ids.cast("H" if header.id_bytes == 2 else "I"))
        yield _Pack(index, hashes, ids)


def _counts(old: _Pack | None, new: _Pack) -> tuple[dict[Pair, int], dict[Pair, int]]:
    """Count what each list of each category gained and lost, a small range of hashes at a time."""
    added: dict[Pair, int] = {}
    removed: dict[Pair, int] = {}
    for first in range(1 << _HASHES_AT_A_TIME_BITS):
        shift = 64 - _HASHES_AT_A_TIME_BITS
        bounds = (first << shift, (first + 1) << shift)
        before, after = _range(old, bounds), _range(new, bounds)
        if before == after and (old is None or old.index.sets == new.index.sets):
            continue
        for name in before.keys() | after.keys():
            was = set(old.index.pairs(before[name])) if old is not None and name in before else set()
            now = set(new.index.pairs(after[name])) if name in after else set()
            for pair in now - was:
                added[pair] = added.get(pair, 0) + 1
            for pair in was - now:
                removed[pair] = removed.get(pair, 0) + 1
    return added, removed


def _range(pack: _Pack | None, bounds: tuple[int, int]) -> dict[int, int]:
    if pack is None:
        return {}
    start, end = (bisect_left(pack.hashes, bound) for bound in bounds)
    return dict(zip(pack.hashes[start:end], pack.ids[start:end], strict=True))


def _names(old: _Pack | None, new: _Pack) -> Iterator[Line]:
    was, now = set(old.index.names if old is not None else ()), set(new.index.names)
    if (new.index.entries and not now) or (old is not None and old.index.entries and not was):
        yield Line("  This pack holds no names, so the names that came and went can't be shown here. To ask for one: "
                   "«fairwatch-rules check PACK HOST».", "quiet")  # fmt: skip
        return
    if old is None:
        return
    changed = [("added", name) for name in sorted(now - was)] + [("removed", name) for name in sorted(was - now)]
    for what, name in changed[:NAMES_SHOWN]:
        yield Line(f"  {what}: {plain(name)}", "new")
    if len(changed) > NAMES_SHOWN:
        yield Line(f"  and {len(changed) - NAMES_SHOWN} more names", "warning")


def _known_sites(old: _Pack | None, new: _Pack, taxonomy: Taxonomy) -> Iterator[Line]:
    shipped = Taxonomy.shipped()
    found: list[str] = []
    for pack in shipped_packs(shipped):
        about = shipped.by_id.get(pack.category)
        protected = pack.id not in _POPULAR and about is not None and about.protected
        if not protected and pack.id not in _POPULAR:
            continue
        kind = "protected" if protected else "popular"
        for host in pack.hosts:
            was, now = (_categories(one, host) for one in (old, new))
            for category in sorted(now - was):
                known = taxonomy.by_id.get(category)
                if known is None or (not known.protected and (protected or known.response == "flag")):
                    found.append(f"{kind} site {host} in {plain(known.name if known is not None else category)}")
    for text in found[:SITES_SHOWN]:
        yield Line(f"  NEW: the {text}", "warning")
    if len(found) > SITES_SHOWN:
        yield Line(f"  and {len(found) - SITES_SHOWN} more popular or protected sites", "warning")
    if not found:
        yield Line("  No popular or protected site that Fairwatch knows by name is newly touched.")


def _categories(pack: _Pack | None, host: str) -> set[str]:
    if pack is None:
        return set()
    return {category for _, number in pack.index.find_host(host) for category, _ in pack.index.pairs(number)}


def _growth(was: int, now: int) -> str:
    return f" ({(now - was) / was:+.1%})" if was else ""


def _standing(entries: int, acts_with: int | None) -> Line:
    if acts_with is None:
        return Line("  On trial: the policy in force does not name this pack, so it flags nothing yet.")
    if entries > acts_with:
        return Line(
            f"  On trial after this: the policy in force lets it act with up to {acts_with:,} entries.", "warning"
        )
    return Line(f"  It acts: the policy in force lets it, with up to {acts_with:,} entries.")
