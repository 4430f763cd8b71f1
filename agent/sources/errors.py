"""What can go wrong while a source looks.

SourceError
├── HistoryBusy        the browser is writing at this moment: retrying soon helps
├── HistoryAbsent      the browser has made no history yet: retrying helps once it has
├── HistoryHidden      the file may not be read by this account: retrying helps once the rights change
├── HistoryDamaged     the file is no sound database: retrying helps once the browser has repaired or replaced it
└── HistoryRefused     the file is not a browser history: retrying never helps
"""

from __future__ import annotations

from typing import ClassVar


class SourceError(Exception):
    """A source could not see; the text is one plain sentence without a host name, person or path."""

    retry_can_help: ClassVar[bool] = True


class HistoryBusy(SourceError):
    """The history was being written while it was read, so what was read can't be trusted."""


class HistoryAbsent(SourceError):
    """There is no history yet."""


class HistoryHidden(SourceError):
    """This account may not read the history."""


class HistoryDamaged(SourceError):
    """The history is damaged; the browser itself usually repairs or replaces it at its next start."""


class HistoryRefused(SourceError):
    """This is not a browser history that we know."""

    retry_can_help = False
