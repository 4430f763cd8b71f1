"""The signed rules in force, as one frozen piece: who may open evidence, what policy says, and the lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from rules.engine import Rules
from rules.policy import Policy

if TYPE_CHECKING:
    from protocol.publication import RecipientList  # brings in all of TUF, which the service has no need of itself


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """Everything signed that the agent acts on, replaced as a whole and never in part.

    Only `updates.py` makes one, after verification: a mixture of an old policy with a new recipient list would be
    something nobody signed. `packs` gives the version of each pack by its id; `policy_signed_by` the names of the keys
    whose signatures on the policy count, for the people who are under it.
    """

    recipients: RecipientList
    policy: Policy
    rules: Rules
    recipients_version: int
    policy_version: int
    packs: Mapping[str, int] = field(default_factory=dict)
    policy_signed_at: datetime | None = None
    policy_signed_by: tuple[str, ...] = ()

    @property
    def can_seal(self) -> bool:
        """Whether every case can be sealed to somebody: a list without a recovery key is no list."""
        return any(recipient.role == "recovery" for recipient in self.recipients.recipients)
