"""What a person reads before signing: in sections and lines, the same for the window and for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "new", "gone", "warning", "quiet", "now", "then"]
"""How a line is meant; its words say the same, so that no colour is needed. `now` and `then` quote a file's lines."""


@dataclass(frozen=True)
class Line:
    """One line. `key` are the digits to be compared aloud."""

    text: str
    tone: Tone = "plain"
    key: str = ""

    def __str__(self) -> str:
        return f"{self.text}, key {self.key}" if self.key else self.text


@dataclass(frozen=True)
class Section:
    """Some lines under a heading."""

    heading: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Sheet:
    """All that one signature would do: what changes, who signs it, until when it is valid.

    `names` are the parts of the publication, `question` what is asked at the end.
    """

    title: str
    question: str
    changes: tuple[Section, ...]
    signers: tuple[Line, ...]
    validity: tuple[Line, ...]

    def as_text(self) -> Iterator[str]:
        """Yield the sheet as a terminal shows it."""
        for section in self.changes:
            yield f"--- {section.heading} ---"
            yield from map(str, section.lines)
        for heading, lines in (("Who signs", self.signers), ("Until when", self.validity)):
            yield f"--- {heading} ---"
            yield from map(str, lines)
