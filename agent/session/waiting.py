"""Waits, in one thread, for the service, the windows that were opened and what else a session part looks at."""

from __future__ import annotations

import select
import sys
from collections.abc import Sequence


def wait(
    connections: Sequence[tuple[int, bool]], pipes: Sequence[int], seconds: float | None, platform: str = sys.platform
) -> None:
    """Wait until something has come, or for so long; None is for ever.

    `connections` are what `fileno` gives, each with whether it waits to write too; `pipes` are outputs of programs.
    """
    if platform == "win32":
        from agent.windows import waiting

        looks = bool(pipes) or any(writes for _, writes in connections)
        waiting.wait([number for number, _ in connections], seconds, looks=looks)
        return
    poll = select.poll()
    for number, writes in connections:
        poll.register(number, select.POLLIN | (select.POLLOUT if writes else 0))
    for number in pipes:
        poll.register(number, select.POLLIN)
    poll.poll(None if seconds is None else 1000 * seconds)


def has_come(pipe: int, platform: str = sys.platform) -> bool:
    """Whether a program's output has something to read, or has ended."""
    if platform == "win32":
        from agent.windows import waiting

        return waiting.has_come(pipe)
    return bool(select.select([pipe], [], [], 0)[0])
