"""Draws bar charts as SVG on the server: labelled, readable in grey and for the colour-blind, no script needed.

Colours are Okabe and Ito's (2008), told apart by every common form of colour blindness; a pattern of length and label
says the same without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

BAR, GAP, LABEL, VALUE, WIDTH = 18, 10, 236, 110, 720
"""Heights and widths in the SVG's own units, about a pixel each on a page of 720."""

NOW, BEFORE = "#0072b2", "#e69f00"
INK, QUIET = "#1c2430", "#4c5866"  # on paper; a page's styles go above them
_LABEL_CHARS = 30


@dataclass(frozen=True)
class Bar:
    """One line of a chart: what, how much now, and how much before (None where there was no figure)."""

    label: str
    value: float
    before: float | None = None


def bars(title: str, lines: Sequence[Bar], *, unit: str, now: str, before: str = "") -> str:
    """Return a chart of horizontal bars as an SVG; `now` and `before` name the two colours in its key.

    Every bar has its label and its number beside it, so that nothing is said by colour or length alone. An empty chart
    is an empty string.
    """
    if not lines:
        return ""
    most = max(max(line.value, line.before or 0.0) for line in lines) or 1.0
    room = WIDTH - LABEL - VALUE
    paired = bool(before)
    step = (2 * BAR + 4 if paired else BAR) + GAP
    top = 30 if paired else 4
    parts = [_key(now, before)] if paired else []
    for place, line in enumerate(lines):
        at = top + place * step
        parts.append(_text(LABEL - 8, at + BAR - 4, _cut(line.label), end=True))
        parts.append(_bar(at, line.value, most, room, NOW, unit))
        if paired and line.before is not None:
            parts.append(_bar(at + BAR + 2, line.before, most, room, BEFORE, unit))
        elif paired:
            parts.append(_text(LABEL + 4, at + 2 * BAR - 2, "no figure", quiet=True))
    height = top + len(lines) * step
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f"aria-label={quoteattr(title)}><title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def number(value: float) -> str:
    """A number as a reader wants it: one decimal below ten, whole above, thousands with a comma."""
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def _bar(at: int, value: float, most: float, room: int, colour: str, unit: str) -> str:
    wide = round(max(room * value / most, 1.0), 1)
    return f'<rect x="{LABEL}" y="{at}" width="{wide}" height="{BAR}" rx="3" fill="{colour}"/>' + _text(
        LABEL + wide + 6, at + BAR - 4, f"{number(value)} {unit}"
    )


def _key(now: str, before: str) -> str:
    return (
        f'<rect x="{LABEL}" y="4" width="12" height="12" rx="2" fill="{NOW}"/>{_text(LABEL + 18, 14, now)}'
        f'<rect x="{LABEL + 200}" y="4" width="12" height="12" rx="2" fill="{BEFORE}"/>{_text(LABEL + 218, 14, before)}'
    )


def _text(x: float, y: float, words: str, *, end: bool = False, quiet: bool = False) -> str:
    anchor = ' text-anchor="end"' if end else ""
    look, colour = ("chart-quiet", QUIET) if quiet else ("chart-text", INK)
    return f'<text class="{look}" fill="{colour}" font-size="12" x="{x}" y="{y}"{anchor}>{escape(words)}</text>'


def _cut(label: str) -> str:
    return label if len(label) <= _LABEL_CHARS else label[: _LABEL_CHARS - 1] + "…"
