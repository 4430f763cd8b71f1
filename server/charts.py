"""Draws bar charts as SVG on the server: labelled, readable in grey and for the colour-blind, no script needed.

Colours are Okabe and Ito's (2008), told apart by every common form of colour blindness; a pattern of length and label
says the same without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

BAR, GAP, VALUE = 18, 10, 110
"""Heights and widths in the SVG's own units, about a pixel each."""


@dataclass(frozen=True)
class Layout:
    """How wide a chart is, and how much of that its labels take; without any they stand above their bars."""

    width: int
    label: int

    @property
    def above(self) -> int:
        """The height of a label's own line."""
        return 0 if self.label else 18


WIDE, NARROW = Layout(720, 236), Layout(330, 0)
"""For paper and screens, and for a phone."""

NOW, BEFORE = "#0072b2", "#e69f00"
INK, QUIET = "#1c2430", "#4c5866"  # on paper; a page's styles go above them
_LABEL_CHARS = 30


@dataclass(frozen=True)
class Bar:
    """One line of a chart: what, how much now, and how much before (None where there was no figure)."""

    label: str
    value: float
    before: float | None = None


def bars(title: str, lines: Sequence[Bar], *, unit: str, now: str, before: str = "", layout: Layout = WIDE) -> str:
    """Return a chart of horizontal bars as an SVG; `now` and `before` name the two colours in its key.

    Every bar has its label and its number beside it, so that nothing is said by colour or length alone. An empty chart
    is an empty string.
    """
    if not lines:
        return ""
    most = max(max(line.value, line.before or 0.0) for line in lines) or 1.0
    paired = bool(before)
    step = layout.above + (2 * BAR + 4 if paired else BAR) + GAP
    top = 30 if paired else 4
    parts = [_key(layout, now, before)] if paired else []
    for place, line in enumerate(lines):
        at = top + place * step + layout.above
        parts.append(_label(layout, at, line.label))
        parts.append(_bar(layout, at, line.value / most, f"{number(line.value)} {unit}", NOW))
        if paired and line.before is not None:
            lower = at + BAR + 2
            parts.append(_bar(layout, lower, line.before / most, f"{number(line.before)} {unit}", BEFORE))
        elif paired:
            parts.append(_text(layout.label + 4, at + 2 * BAR - 2, "no figure", quiet=True))
    height = top + len(lines) * step
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.width} {height}" role="img" '
        f"aria-label={quoteattr(title)}><title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def number(value: float) -> str:
    """A number as a reader wants it: one decimal below ten, whole above, thousands with a comma."""
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def _label(layout: Layout, at: int, label: str) -> str:
    if layout.above:
        return _text(0, at - 5, _cut(label))
    return _text(layout.label - 8, at + BAR - 4, _cut(label), end=True)


def _bar(layout: Layout, at: int, share: float, words: str, colour: str) -> str:
    wide = round(max((layout.width - layout.label - VALUE) * share, 1.0), 1)
    return f'<rect x="{layout.label}" y="{at}" width="{wide}" height="{BAR}" rx="3" fill="{colour}"/>' + _text(
        layout.label + wide + 6, at + BAR - 4, words
    )


def _key(layout: Layout, now: str, before: str) -> str:
    first, second = layout.label, layout.label + (layout.width - layout.label) // 2
    return (
        f'<rect x="{first}" y="4" width="12" height="12" rx="2" fill="{NOW}"/>{_text(first + 18, 14, now)}'
        f'<rect x="{second}" y="4" width="12" height="12" rx="2" fill="{BEFORE}"/>{_text(second + 18, 14, before)}'
    )


def _text(x: float, y: float, words: str, *, end: bool = False, quiet: bool = False) -> str:
    anchor = ' text-anchor="end"' if end else ""
    look, colour = ("chart-quiet", QUIET) if quiet else ("chart-text", INK)
    return f'<text class="{look}" fill="{colour}" font-size="12" x="{x}" y="{y}"{anchor}>{escape(words)}</text>'


def _cut(label: str) -> str:
    return label if len(label) <= _LABEL_CHARS else label[: _LABEL_CHARS - 1] + "…"
