"""What can go wrong in the conversation.

ProtocolError
├── Refused         a peer's message is not accepted; carries a code of `codes.py`, which says whether retrying helps
├── SealError       an envelope can't be made (retrying never helps)
├── OpenError       an envelope can't be opened with this key (retrying never helps)
├── UnlockError     a private key's file can't be read or unlocked (another passphrase may help)
├── KeptBack        a case must not be passed on to this person (never will be, while the signed list says so)
└── NotTrusted      published metadata is not accepted (the same bytes never will be; newer ones may)
    └── Expired     it is too old by this clock (a clock that is set right helps)
"""

from __future__ import annotations

from protocol.codes import Code


class ProtocolError(Exception):
    """Anything that is wrong with what one actor said to another."""


class Refused(ProtocolError):
    """A message is refused. `detail` names what was not understood; it never repeats content."""

    def __init__(self, code: Code, detail: str = "") -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code.value}: {code.sentence}" + (f" ({detail})" if detail else ""))

    @property
    def retry(self) -> bool:
        """Whether the same message may be accepted later."""
        return self.code.retry


class SealError(ProtocolError):
    """The text or the recipients can't be sealed: too long, nobody to seal to, or a key that is not one."""


class OpenError(ProtocolError):
    """The envelope does not open: altered, moved to another record, of an unknown version, or not for this key."""


class NotTrusted(ProtocolError):
    """Published metadata or a published file is refused: not signed as it must be, older, expired, or wider."""


class Expired(NotTrusted):
    """Published metadata is signed as it must be and too old by this clock: newer metadata or a right clock helps."""


class KeptBack(ProtocolError):
    """A case is about the person it would be passed on to, or of a group that they are not for."""


class UnlockError(ProtocolError):
    """A private key's file is not one, or the passphrase is not its own."""
