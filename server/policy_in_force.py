"""Know the policy that is published here, and what of it the collector itself acts on: review times, groups, staff.

The folder was verified when it was taken in; what is read of it here decides nothing on a device.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import msgspec
from django.conf import settings
from tuf.api.metadata import Targets

from protocol.errors import NotTrusted
from protocol.publication import CATEGORIES_TARGET, POLICY_TARGET, file_name, parse, target_file_name
from rules.errors import RulesError
from rules.model import Taxonomy
from rules.policy import Policy

POLICIES_READ = 20
"""Published policies whose groups are known: a device that was away sends by the policy that it had."""


class _Accepted(msgspec.Struct):
    versions: dict[str, int] = {}


def in_force() -> Policy | None:
    """Return the newest published policy; None before the first, or where it can't be read."""
    return next(iter(_numbered().values()), None)


def version() -> int:
    """Return the number of the newest published policy; 0 before the first."""
    return max(_numbered(), default=0)


def pattern_groups() -> frozenset[str]:
    """Return the groups that a policy, of the newest ones, gives account patterns: a person's group is one of them."""
    return frozenset(group.id for policy in _numbered().values() for group in policy.groups if group.accounts)


def is_staff(group: str) -> bool:
    """Whether the people of a group work here, by the policy in force; before the first, the group `staff`."""
    policy = in_force()
    known = policy.group(group) if policy is not None else None
    return known.staff if known is not None else group == "staff"


def group_of(account: str) -> str | None:
    """Return the group that the policy in force gives an account by its patterns; None where none means it."""
    policy = in_force()
    return policy.group_of(account) if policy is not None else None


def has_document(document: str, version: str, policy_version: int) -> bool:
    """Whether one of the newest policies asks for this version of a document; of an older policy it can't be told."""
    numbered = _numbered()
    asked = any(
        (one.id, one.version) == (document, version) for policy in numbered.values() for one in policy.documents
    )
    return asked or (bool(numbered) and policy_version < min(numbered))


def _numbered() -> Mapping[int, Policy]:
    """The newest policies by their number, newest first."""
    folder = Path(settings.RULES_DIR)
    try:
        changed = (folder / "metadata" / "timestamp.json").stat().st_mtime_ns
    except OSError:
        return {}
    return _read(folder, changed)


@lru_cache(maxsize=4)
def _read(folder: Path, _changed: int) -> Mapping[int, Policy]:
    # The timestamp is replaced last in every publication and renewed each day: as long as it stays, so does the rest.
    try:
        last = msgspec.json.decode((folder / "accepted.json").read_bytes(), type=_Accepted).versions["policy"]
    except (OSError, msgspec.MsgspecError, KeyError):
        return {}
    found = {number: _policy(folder, number) for number in range(last, max(0, last - POLICIES_READ), -1)}
    return MappingProxyType({number: policy for number, policy in found.items() if policy is not None})


def _policy(folder: Path, number: int) -> Policy | None:
    try:
        piece = parse((folder / "metadata" / file_name("policy", number)).read_bytes(), Targets, "policy").signed
        text, categories = (
            folder / "targets" / target_file_name(path, piece.targets[path].hashes["sha256"])
            for path in (POLICY_TARGET, CATEGORIES_TARGET)
        )
        return Policy.parse(text.read_text("utf-8"), "policy.toml", Taxonomy.load(categories))
    except (OSError, NotTrusted, RulesError, KeyError, UnicodeDecodeError):
        return None  # what the ceremony made holds no policy yet; one of an older form is not for today
