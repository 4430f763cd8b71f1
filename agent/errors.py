"""What can go wrong in the agent's own keeping and sending.

AgentError
├── SpoolError
│   ├── SpoolUnavailableError   the disk is full or fails, or another agent has the spool (retrying can help)
│   ├── SpoolDamagedError       the database was damaged and a new one begun (doing it again helps)
│   └── RecordTooLargeError     a record or a state is larger than the spool takes (retrying never helps)
├── CollectorError
│   ├── CollectorUnreachable    no answer, or an answer that is not the collector's (retrying can help)
│   ├── CollectorAddressError   the collector's URL or pin can't be used (retrying never helps)
│   └── CollectorRefused        the collector's own refusal; `retry` says whether retrying can help
├── SealedTextError             a text at rest does not open with this key (retrying never helps)
├── IdentityError
│   ├── NotEnrolledError        there is no identity yet (enrol first)
│   ├── KeysExposedError        a key file or its folder is open to others (retrying never helps)
│   ├── IdentityDamagedError    the identity can't be read (retrying never helps; enrol again)
│   └── KeyStoreError           the system does not open the keys that it guards (retrying can help)
├── AppUseRefused              what a phone's companion told is no use of an app; says in a sentence why
├── ReleaseRefused              a version of the agent is not to be used here, ever; says in a few words why
├── ReleaseUntried              a version's self-test was cut short (retrying can help); says why in a few words
├── EnrolmentError              this device can't be enrolled with what was given; says in a sentence what to do
└── ConfigError                 `agent.toml` is not understood: file, line, what was expected (retrying never helps)
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path


class AgentError(Exception):
    """Anything the agent can't do. `retry` says whether doing the same again later can help."""

    retry: bool = False


class SpoolError(AgentError):
    """The spool can't do what was asked."""


class SpoolUnavailableError(SpoolError):
    """The disk is full or fails, or another agent holds the spool. Nothing was changed; retrying can help."""

    retry = True


class SpoolDamagedError(SpoolError):
    """The database was damaged, is put aside, and a new one has begun: do the whole transaction again."""

    retry = True


class RecordTooLargeError(SpoolError):
    """A record or a state is larger than the spool takes; retrying never helps."""


class ReleaseRefused(AgentError):
    """A signed version of the agent is not to be used on this device; retrying never helps, a later version may."""


class ReleaseUntried(AgentError):
    """A version's self-test was cut short, by a laptop that is busy or out of memory, or by a fault of its own."""

    retry = True


class CollectorError(AgentError):
    """The collector did not do what was asked."""


class CollectorUnreachable(CollectorError):
    """No answer came, or one that is not the collector's; retrying can help.

    `retry_after_seconds` if it was said. `reached` says that something took the request, so that the request itself
    may be what breaks it.
    """

    retry = True

    def __init__(self, reason: str, retry_after_seconds: float | None = None, *, reached: bool = True) -> None:
        self.reached = reached
        self.retry_after_seconds = retry_after_seconds
        super().__init__(reason)


class CollectorAddressError(CollectorError):
    """The collector's URL or pin can't be used; retrying never helps."""


class CollectorRefused(CollectorError):
    """The collector refused the request as a whole, in its own words.

    `code` is one of `protocol.codes` or a newer collector's; `time` is the collector's clock (aware UTC).
    """

    def __init__(
        self,
        code: str,
        sentence: str = "",
        *,
        retry: bool,
        status: int,
        time: datetime | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        self.code = code
        self.sentence = sentence
        self.retry = retry
        self.status = status
        self.time = time
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"{code}: {sentence}" if sentence else code)


class SealedTextError(AgentError):
    """A text at rest was altered, moved, or sealed under another key; retrying never helps."""


class IdentityError(AgentError):
    """This device's identity can't be used."""


class NotEnrolledError(IdentityError):
    """There is no identity in this data folder: enrol first."""


class KeysExposedError(IdentityError):
    """A key file or its folder can be read or changed by others than its owner; mend its mode, or enrol again."""


class IdentityDamagedError(IdentityError):
    """The identity or a key can't be read; enrol again."""


class KeyStoreError(IdentityError):
    """The system does not open, or keep, the keys of this device that it guards; retrying can help."""

    retry = True


class AppUseRefused(AgentError):
    """What a phone's companion told is no use of an app, or of no time that may be observed; retrying never helps."""


class EnrolmentError(AgentError):
    """This device can't be enrolled with what was given."""


class ConfigError(AgentError):
    """`agent.toml` is not understood; says the file, the line and what was expected."""

    def __init__(self, file: Path, line: int | None, expected: str) -> None:
        self.file = file
        self.line = line
        super().__init__(f"{file}, line {line}: {expected}" if line is not None else f"{file}: {expected}")
