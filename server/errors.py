"""What can go wrong at the collector.

CollectorError
├── ConfigError     collector.toml can't be understood (retrying never helps; names file, line and nearest key)
├── SetUpError      the data folder is not what a command needs (retrying never helps)
├── NotNow          the address or the database can't be used at this moment (retrying can help)
├── NotAllowed      this role, or this person, may not do that (retrying never helps)
├── NotThere        nothing of that name that this person may know of (retrying never helps)
├── WrongState      the thing is not in a state in which this can be done (retrying never helps)
├── HeadNotSent     the audit log's head did not reach where it should go (retrying can help)
├── ImportRefused   a file can't be taken in; nothing of it was (the same never will be)
├── PhoneFileRefused  a file for a phone can't be made of what was given (the same never will be)
├── NotYetErased    rows are deleted and their bytes still in the database's files (retrying can help)
├── NotIssued       an authority gave no certificate (retrying can help)
├── NotDelivered    a mail server or service did not take a message (retried for as long as it matters)
└── PublishRefused  signed rules that no device would take; nothing of them was kept (the same never will be)

What is wrong with a device's message is `protocol.errors.Refused`.
"""

from __future__ import annotations

from typing import ClassVar


class CollectorError(Exception):
    """Something is wrong at the collector; the text is one plain sentence for the person at the keyboard."""

    retry_can_help: ClassVar[bool] = False


class ConfigError(CollectorError):
    """A line of collector.toml that can't be understood: file, line, what was expected, and the nearest known key."""

    def __init__(self, file_name: str, line: int | None, problem: str, nearest: str | None = None) -> None:
        self.file_name, self.line, self.problem, self.nearest = file_name, line, problem, nearest
        where = file_name if line is None else f"{file_name} line {line}"
        super().__init__(f"{where}: {problem}" + (f" (did you mean {nearest!r}?)" if nearest is not None else ""))


class SetUpError(CollectorError):
    """The data folder was not initialised, or already is."""


class NotNow(CollectorError):
    """What is needed can't be had at this moment, as while the database starts: whoever keeps services tries again."""

    retry_can_help = True


class NotAllowed(CollectorError):
    """The role or the person may not do this."""


class NotThere(CollectorError):
    """There is nothing of that name, or nothing that this person may know of: the same words for both."""


class WrongState(CollectorError):
    """The thing is not in a state in which this can be done."""


class PublishRefused(CollectorError):
    """An upload of signed rules is not taken, and nothing of it was kept; it says why in a sentence."""


class ImportRefused(CollectorError):
    """A file can't be taken in, and nothing of it was; it says on which line and why."""


class PhoneFileRefused(CollectorError):
    """A file for a phone can't be made of what was given; it says why in a sentence, without the phone's id."""


class ListFault(CollectorError):
    """A list could not be fetched or used; what is offered of it stays, and a later try may succeed."""

    retry_can_help: ClassVar[bool] = True


class HeadNotSent(CollectorError):
    """The audit log's head did not leave the collector today; it is tried again."""

    retry_can_help: ClassVar[bool] = True


class NotDelivered(CollectorError):
    """A mail server or service did not take a message; `fault` is one of `server.faults`. A later try may succeed."""

    retry_can_help: ClassVar[bool] = True

    def __init__(self, fault: str) -> None:
        self.fault = fault
        super().__init__(fault)


class NotYetErased(CollectorError):
    """What was deleted is still in the database's files, because something kept it busy; it is tried again."""

    retry_can_help: ClassVar[bool] = True


class NotIssued(CollectorError):
    """An authority gave no certificate: `why` is one of the closed list in `acme_order`, `told` what it said itself."""

    retry_can_help = True

    def __init__(self, why: str, sentence: str, told: str = "") -> None:
        self.why, self.told = why, told
        super().__init__(f"{sentence}: {told}" if told else sentence)
