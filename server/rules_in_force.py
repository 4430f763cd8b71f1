"""Say which signed rules are in force, who signed them and until when they hold, and how policies changed.

Everything is read from the published folder, whose metadata was verified when it was taken in and is verified here
again from the root on; earlier policies are checked against the custodians that could sign them at some time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, TargetFile, Targets

from protocol.errors import NotTrusted
from protocol.publication import (
    CATEGORIES_TARGET,
    CUSTODIANS_DELEGATED,
    NAMEABLE_TARGET,
    POLICY_TARGET,
    PROTECTED_TARGET,
    file_name,
    file_version,
    key_name,
    parse,
    signed_at,
    target_file_name,
)
from rules.errors import RulesError
from rules.index import Index
from rules.model import Taxonomy
from rules.policy import Policy
from server.errors import SetUpError
from server.policy_words import Change, changes
from server.publish import Publication

PARTS: Final[Mapping[str, str]] = {
    "policy": "The policy and the protected list",
    "packs": "The packs of lists",
    "recipients": "Who can open evidence",
    "releases": "Versions of the agent",
}
"""What is signed apart, in the order in which a page shows it."""

_LISTS: Final = {
    CATEGORIES_TARGET: "The list of categories",
    PROTECTED_TARGET: "The protected list",
    NAMEABLE_TARGET: "The names that totals may show",
}

_SHOWN_VERSIONS: Final = 50
"""Policies change a few times a year; the page of an organisation that signs each day stays readable."""

_PACK: Final = re.compile(r"packs/([a-z][a-z0-9_]{0,63})\.pack")
_Signed = TypeVar("_Signed", Root, Targets)
_CHANGED_BY_HAND: Final = "the published rules were changed by hand; publish the signed folder again"


@dataclass(frozen=True)
class Part:
    """One part that is signed apart: how many of whom must sign, who did, when, and until when it holds."""

    title: str
    version: int
    needed: int
    may_sign: tuple[str, ...]
    signed_by: tuple[str, ...]
    signed_at: datetime
    expires: datetime
    by_it: bool


@dataclass(frozen=True)
class PackWords:
    """One pack. `lists` are named only where no category of theirs is sensitive; entries are never told."""

    id: str
    version: int
    entries: int
    acts: bool
    most_entries: int | None
    categories: tuple[str, ...]
    lists: tuple[str, ...]

    @property
    def entries_words(self) -> str:
        """How many entries, as people write a number."""
        return f"{self.entries:,}"

    @property
    def most_words(self) -> str:
        """With how many entries it may act."""
        return f"{self.most_entries or 0:,}"


@dataclass(frozen=True)
class PolicyVersion:
    """One published policy, and what it says otherwise than the one before; None where that can't be read."""

    version: int
    signed_at: datetime
    signed_by: tuple[str, ...]
    changes: tuple[Change, ...] | None
    first: bool


@dataclass(frozen=True)
class RulesInForce:
    """All that the page says, but for what depends on the day."""

    policy: Policy
    version: int
    pilot: bool
    parts: tuple[Part, ...]
    packs: tuple[PackWords, ...]
    protected_entries: int
    nameable_entries: int
    history: tuple[PolicyVersion, ...]


def in_force(data_dir: Path) -> RulesInForce | None:
    """The rules in force on this collector; None before the first policy. Raises SetUpError where they were altered."""
    try:
        changed = (data_dir / "rules" / "metadata" / "timestamp.json").stat().st_mtime_ns
    except OSError:
        return None
    return _read(data_dir, changed)


@lru_cache(maxsize=4)
def _read(data_dir: Path, _changed: int) -> RulesInForce | None:
    # The timestamp is replaced last in every publication and renewed each day: as long as it stays, so does the rest.
    publication = Publication(data_dir)
    published = publication.published()
    if published is None:
        return None
    try:
        return _Folder(data_dir / "rules", published.versions).rules_in_force(pilot=published.pilot)
    except (NotTrusted, RulesError, OSError, UnicodeDecodeError) as fault:
        raise SetUpError(_CHANGED_BY_HAND) from fault


class _Folder:
    """The published folder, of which these versions are in force."""

    def __init__(self, folder: Path, versions: Mapping[str, int]) -> None:
        self._folder = folder
        self._versions = versions
        self._root = self._metadata("root", versions["root"], Root).signed
        # Newest first: whose signature counts is looked up among those who could sign when it was made.
        self._delegators = [
            self._metadata("targets", version, Targets).signed
            for version in range(versions["targets"], 0, -1)
            if (folder / "metadata" / file_name("targets", version)).is_file()
        ]

    def rules_in_force(self, *, pilot: bool) -> RulesInForce | None:
        newest = self._metadata("policy", self._versions["policy"], Targets)
        policy = self._policy(newest.signed)
        if policy is None:
            return None
        return RulesInForce(
            policy=policy,
            version=newest.signed.version,
            pilot=pilot,
            parts=tuple(self._part(name) for name in PARTS),
            packs=tuple(self._packs(policy)),
            protected_entries=self._entries(newest.signed.targets[PROTECTED_TARGET]),
            nameable_entries=self._entries(newest.signed.targets[NAMEABLE_TARGET]),
            history=tuple(self._history()),
        )

    def _part(self, name: str) -> Part:
        piece = self._metadata(name, self._versions[name], Targets)
        delegations = self._delegators[0].delegations
        assert delegations is not None  # verified: the top-level targets only delegates
        assert delegations.roles is not None
        role = delegations.roles[name]
        return Part(
            title=PARTS[name],
            version=piece.signed.version,
            needed=role.threshold,
            may_sign=tuple(sorted(key_name(delegations.keys[keyid]) for keyid in role.keyids)),
            signed_by=self._signers(name, piece) or (),
            signed_at=signed_at(piece.signed),
            expires=piece.signed.expires,
            by_it=name not in CUSTODIANS_DELEGATED,
        )

    def _packs(self, policy: Policy) -> Iterator[PackWords]:
        signed = self._metadata("packs", self._versions["packs"], Targets).signed
        for path, target in sorted(signed.targets.items()):
            found = _PACK.fullmatch(path)
            if found is None:
                continue  # a delta says nothing that its pack does not
            index = Index.open(self._place(target))
            try:
                yield _pack(found[1], file_version(target), index, policy)
            finally:
                index.close()

    def _history(self) -> Iterator[PolicyVersion]:
        """The published policies, newest first."""
        last = self._versions["policy"]
        known = [version for version in range(last, 0, -1) if self._path("policy", version).is_file()]
        for version, before in zip(known[:_SHOWN_VERSIONS], [*known[1:], None], strict=False):
            piece = self._metadata("policy", version, Targets)
            new = self._policy_or_none(piece.signed)
            old_piece = self._metadata("policy", before, Targets).signed if before is not None else None
            if POLICY_TARGET not in piece.signed.targets:
                continue  # what the ceremony made: no policy yet
            first = old_piece is None or POLICY_TARGET not in old_piece.targets
            old = self._policy_or_none(old_piece) if old_piece is not None else None
            readable = new is not None and (first or old is not None)
            lists = self._changed_lists(old_piece, piece.signed) if old_piece is not None and not first else ()
            yield PolicyVersion(
                version=version,
                signed_at=signed_at(piece.signed),
                signed_by=self._signers("policy", piece) or (),
                changes=(*changes(old, new), *lists) if readable and new is not None else None,
                first=first,
            )

    def _changed_lists(self, old: Targets, new: Targets) -> Iterator[Change]:
        """The lists that are signed with the policy and are others than before, by their size: never by an entry."""
        for path, about in _LISTS.items():
            if path in old.targets and path in new.targets and old.targets[path].hashes != new.targets[path].hashes:
                sizes = [self._size(piece.targets[path]) for piece in (old, new)]
                yield Change(about, *sizes)

    def _size(self, target: TargetFile) -> str:
        if not target.path.endswith(".pack"):
            return "another text"
        try:
            return f"{self._entries(target):,} entries"
        except (NotTrusted, RulesError, OSError):
            return "an older form"  # or no longer here: the rest of the history can be told all the same

    def _signers(self, name: str, piece: Metadata[Targets]) -> tuple[str, ...] | None:
        """Whose signatures on it count, by the newest delegation under which they are enough; None where none."""
        for delegator in self._delegators:
            result = delegator.get_verification_result(name, piece.signed_bytes, piece.signatures)
            if result.verified:
                return tuple(sorted(key_name(key) for key in result.signed.values()))
        return None

    def _policy_or_none(self, piece: Targets) -> Policy | None:
        try:
            return self._policy(piece)
        except (NotTrusted, RulesError, OSError, UnicodeDecodeError):
            return None  # of an older form, or no longer here: its number and date still stand in the history

    def _policy(self, piece: Targets) -> Policy | None:
        if POLICY_TARGET not in piece.targets:
            return None
        taxonomy = Taxonomy.load(self._place(piece.targets[CATEGORIES_TARGET]))
        return Policy.parse(self._place(piece.targets[POLICY_TARGET]).read_text("utf-8"), "policy.toml", taxonomy)

    def _entries(self, target: TargetFile) -> int:
        index = Index.open(self._place(target))
        try:
            return index.entries
        finally:
            index.close()

    def _place(self, target: TargetFile) -> Path:
        """Where a published file lies, once its bytes are those that were signed; raises NotTrusted."""
        path = self._folder / "targets" / target_file_name(target.path, target.hashes["sha256"])
        with path.open("rb") as file:
            try:
                target.verify_length_and_hashes(file)
            except RepositoryError:
                raise NotTrusted(f"{path.name} is not the file that was signed") from None
        return path

    def _path(self, name: str, version: int) -> Path:
        return self._folder / "metadata" / file_name(name, version)

    def _metadata(self, name: str, version: int, kind: type[_Signed]) -> Metadata[_Signed]:
        return parse(self._path(name, version).read_bytes(), kind, name)


def _pack(pack_id: str, version: int, index: Index, policy: Policy) -> PackWords:
    held: dict[str, set[str]] = {}
    for pairs in index.sets:
        for category, listed in pairs:
            held.setdefault(listed, set()).add(category)
    known = policy.taxonomy.by_id
    inside = {category for categories in held.values() for category in categories}
    promotion = policy.promotion(pack_id)
    return PackWords(
        id=pack_id,
        version=version,
        entries=index.entries,
        acts=policy.acts(pack_id, index.entries),
        most_entries=promotion.most_entries if promotion is not None else None,
        categories=tuple(one.name for one in policy.taxonomy.categories if one.id in inside),
        lists=tuple(
            sorted(
                listed
                for listed, categories in held.items()
                if not any(category not in known or known[category].sensitive for category in categories)
            )
        ),
    )
