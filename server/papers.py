"""Gathers what the papers say of this collector: the signed policy, who may open cases, retention, messages, lists.

Everything is read from what is in force, so that a paper never says otherwise than the collector acts. `of_defaults`
gives the same of what Fairwatch ships, for `docs/papers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from rules.model import Taxonomy
from rules.policy import Policy
from server import board
from server.config import Config
from server.errors import SetUpError
from server.publish import Publication
from server.rules_in_force import RulesInForce, in_force
from server.store.models import Organisation, Role, User

POLICY_FILE = Path(__file__).parent.parent / "rules" / "policy.toml"
"""The policy that Fairwatch ships."""


@dataclass(frozen=True)
class Reader:
    """Somebody who may open cases, as the signed list names them, and the names of the groups they are for."""

    name: str
    role: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Signed:
    """What is known of the signed policy: its number, its day, and how many of how many custodians sign."""

    version: int
    on: date
    needed: int
    custodians: int


@dataclass(frozen=True)
class Facts:
    """Everything that papers are made from. `signed` and `made_on` are None for the defaults, which nobody signed.

    Names and days of the yearly review are as people recorded them (`board`); empty where nobody did.
    """

    organisation: str
    pilot: bool
    sample: bool
    policy: Policy
    signed: Signed | None
    readers: tuple[Reader, ...]
    officers: tuple[str, ...]
    acting_packs: tuple[str, ...]
    trial_packs: tuple[str, ...]
    config: Config
    made_on: date | None
    senior_leader: str = ""
    governor: str = ""
    reviewed_on: date | None = None
    review_due_on: date | None = None

    @property
    def defaults(self) -> bool:
        """Whether these are what Fairwatch ships, and of no organisation."""
        return self.signed is None

    @property
    def phones(self) -> Literal["used", "not used", "perhaps"]:
        """Whether phones are watched: what Fairwatch ships speaks of them for the case that they are."""
        if self.defaults:
            return "perhaps"
        return "used" if self.config.phones.used else "not used"


def of_collector(data_dir: Path, config: Config, now: datetime) -> Facts:
    """Return the facts of a collector; raises SetUpError before its first policy, or where rules were altered."""
    organisation = Organisation.objects.first()
    rules = in_force(data_dir)
    if organisation is None or rules is None:
        raise SetUpError("no policy is published here yet; papers are made from the one in force")
    recorded = board.standing(now)
    return Facts(
        organisation=organisation.name,
        pilot=organisation.pilot,
        sample=organisation.sample,
        policy=rules.policy,
        signed=_signed(rules, ZoneInfo(organisation.timezone)),
        readers=_readers(data_dir, rules.policy),
        officers=tuple(
            user.get_full_name() for user in User.objects.filter(role=Role.DPO, is_active=True).order_by("username")
        ),
        acting_packs=tuple(pack.id for pack in rules.packs if pack.acts),
        trial_packs=tuple(pack.id for pack in rules.packs if not pack.acts),
        config=config,
        made_on=now.astimezone(ZoneInfo(organisation.timezone)).date(),
        senior_leader=recorded.senior_leader.text if recorded.senior_leader is not None else "",
        governor=recorded.governor.text if recorded.governor is not None else "",
        reviewed_on=recorded.reviewed_on,
        review_due_on=recorded.due_on,
    )


def of_defaults() -> Facts:
    """Return the facts of what Fairwatch ships: its first policy and settings, and nobody's name."""
    policy = Policy.parse(POLICY_FILE.read_text("utf-8"), POLICY_FILE.name, Taxonomy.shipped())
    return Facts(
        organisation="",
        pilot=False,
        sample=False,
        policy=policy,
        signed=None,
        readers=(),
        officers=(),
        acting_packs=tuple(one.pack for one in policy.packs),
        trial_packs=(),
        config=Config(),
        made_on=None,
    )


def _signed(rules: RulesInForce, zone: ZoneInfo) -> Signed:
    part = rules.parts[0]  # the policy's
    return Signed(rules.version, part.signed_at.astimezone(zone).date(), part.needed, len(part.may_sign))


def _readers(data_dir: Path, policy: Policy) -> tuple[Reader, ...]:
    names = {group.id: group.name for group in policy.groups}
    published = Publication(data_dir).published()
    listed = published.recipients if published is not None else None
    return tuple(
        Reader(one.label, one.role, tuple(names.get(group, group) for group in one.groups))
        for one in (listed.recipients if listed is not None else ())
        if one.role != "recovery"
    )
