"""One measured figure beside its peer or limit, and the table that `make bench` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

FULL = "FAIRWATCH_BENCH_FULL"
"""Set in the environment of a measurement that is to take its whole size, however long that takes."""


class Row(NamedTuple):
    """What was measured, our figure, the peer's figure in the same run, and the limit we set ourselves."""

    what: str
    ours: str
    peer: str
    limit: str
    met: bool | None = None


def render(rows: Sequence[Row]) -> str:
    """Return the rows as a table in plain text, columns aligned."""
    head = ("figure", "ours", "peer or raw", "limit", "met")
    marks = {True: "yes", False: "NO", None: "-"}
    lines = [head, *((row.what, row.ours, row.peer, row.limit, marks[row.met]) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    texts = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([texts[0], "  ".join("-" * width for width in widths), *texts[1:]])
