"""What a build has to tell: what was read, kept, refused and why, where lists agree, clash, and raise false alarms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

_Line = TypeVar("_Line")
MAX_SHOWN = 40  # lines of one kind on the printed page; the JSON report has all that were kept


class Refused(msgspec.Struct, frozen=True):
    """A line that was left out: which list and line (of which file), and its text, shortened.

    `file` is the file's name where a list has several, as one of UT1 has `domains` and `urls`.
    """

    list_id: str
    line: int
    text: str
    file: str = ""

    @property
    def place(self) -> str:
        """Where a person finds the line."""
        return f"{self.list_id}{'/' if self.file else ''}{self.file} line {self.line}"


class PopularHit(msgspec.Struct, frozen=True):
    """A list's entry that matches a popular harmless site.

    `would_flag`: the list's category is flagged where no policy says otherwise. `refused` is why the entry is not in
    the pack, or None where it is.
    """

    site: str
    entry: str
    category: str
    list_id: str
    would_flag: bool
    refused: str | None


class Contradiction(msgspec.Struct, frozen=True):
    """Entries that one list puts in a category that is flagged and another (or a curated pack) in one that is not."""

    list_id: str
    category: str
    other: str
    other_category: str
    entries: int
    examples: tuple[str, ...] = ()


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
    popular_checked: int = 0
    popular: tuple[PopularHit, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def false_alarms(self) -> tuple[PopularHit, ...]:
        """The popular sites that the pack itself would flag."""
        return tuple(hit for hit in self.popular if hit.would_flag and hit.refused is None)


def printed(report: BuildReport, pack: Path) -> Iterator[str]:
    """The report as lines for a person."""
    yield f"{pack}: {report.kept:,} entries kept of {report.read:,} read"
    yield f"  {report.merged:,} named more than once, {report.covered:,} covered by a parent in the same list"
    for reason, count in report.refused.items():
        sample = report.samples[reason][0]
        yield f"  {count:,} refused: {reason} (as in {sample.place}: {sample.text!r})"
    if len(report.kept_by_list) > 1:
        yield from (f"  {count:,} kept from {list_id}" for list_id, count in report.kept_by_list.items())
    yield from (f"  {count:,} in both {first} and {second}" for first, second, count in _some(report.overlaps))
    for clash in _some(report.contradictions):
        named = f" (as {', '.join(clash.examples)})" if clash.examples else ""
        what = f"{clash.category} in {clash.list_id}, {clash.other_category} in {clash.other}"
        yield f"  {clash.entries:,} contradict{'s' if clash.entries == 1 else ''}: {what}{named}"
    if report.left_out:
        yield f"  not read, no category here is for them: {', '.join(report.left_out)}"
    yield from _popular(report)


def _popular(report: BuildReport) -> Iterator[str]:
    flagged = [hit for hit in report.popular if hit.would_flag]
    yield (
        f"  of {report.popular_checked:,} popular sites the lists hit {len({hit.site for hit in report.popular}):,}, "
        f"would have flagged {len({hit.site for hit in flagged}):,}, "
        f"and the pack flags {len({hit.site for hit in report.false_alarms}):,}"
    )
    lists: dict[tuple[bool, str, str, str, str], list[str]] = {}
    for hit in flagged:
        end = "STILL IN THE PACK" if hit.refused is None else f"refused: {hit.refused}"
        lists.setdefault((hit.refused is not None, hit.site, hit.category, hit.entry, end), []).append(hit.list_id)
    for (_, site, category, entry, end), named in sorted(lists.items()):  # every one of them, however many
        yield f"    {site}: {category} by {entry} in {', '.join(named)}; {end}"


def _some(found: Sequence[_Line]) -> Sequence[_Line]:
    return found[:MAX_SHOWN]
