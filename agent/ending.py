"""What `run` and `gateway` end with where they can't begin: by it services are tried again, or left."""

from __future__ import annotations

from typing import Final

from agent.errors import AgentError

PASSES: Final = 1
"""A disk that is full, a spool that another process has, a port that is taken: started again, until it does."""
STAYS: Final = 2
"""Not enrolled, exposed keys, a configuration that is not understood: only a person helps."""


def status_of(fault: AgentError | OSError) -> int:
    """Return the exit code for what kept a program of ours from beginning."""
    return PASSES if isinstance(fault, OSError) or fault.retry else STAYS
