"""Prepares what may be signed next, in memory: nothing is stored or signed before a person has seen the difference.

A new version replaces an unfinished one and never a finished one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
from tuf.api.metadata import Metadata, Root, TargetFile, Targets

from custody import files
from custody.ceremony import recovery_recipient
from custody.deltas import with_deltas
from custody.draft import UNDER, Draft, entry
from custody.errors import CustodyError
from custody.pack_difference import check_pack, of_report
from custody.sheet import Section
from protocol.errors import NotTrusted
from protocol.leadkeys import LeadKey
from protocol.limits import RELEASE_MAX_BYTES
from protocol.publication import (
    CATEGORIES_TARGET,
    OFFLINE,
    POLICY_TARGET,
    POLICY_TARGETS,
    RECIPIENTS_TARGET,
    Recipient,
    RecipientList,
    dated,
    decode_recipients,
    file_version,
)
from protocol.releases import is_release, plan

Piece = Metadata[Root] | Metadata[Targets]


@dataclass(frozen=True)
class Proposal:
    """What would be signed together: metadata by role, and the bytes of new files by their SHA-256.

    `more` are sections to show that the metadata alone can't tell, such as a pack's build report.
    """

    title: str
    question: str
    pieces: Mapping[str, Piece]
    contents: Mapping[str, bytes] = field(default_factory=dict)
    more: tuple[Section, ...] = ()

    def read(self, draft: Draft, target: TargetFile) -> bytes:
        """Return a file that this proposal or an older version names."""
        digest = target.hashes.get("sha256", "")
        return self.contents[digest] if digest in self.contents else draft.target(target)


@dataclass(frozen=True)
class Changes:
    """What to change in the list of recipients. Leads and deputies are given as `LABEL=FILE` or `FILE`.

    `groups` and `never_about` map a label to group names and OS accounts; `remove` names labels or key ids.
    """

    leads: Sequence[str] = ()
    deputies: Sequence[str] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    never_about: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remove: Sequence[str] = ()


def recipients(draft: Draft, changes: Changes, now: datetime) -> Proposal:
    """Propose the next list of recipients."""
    version = next_version(draft, "recipients")
    old = draft.recipients(draft.in_force("recipients"))
    listed = list(old.recipients) if old is not None else [recovery_recipient(draft.folder)]
    for name in changes.remove:
        gone = [one for one in listed if name in (one.label, one.key_id) and one.role != "recovery"]
        if not gone:
            raise CustodyError(f"there is no recipient «{name}» to remove (the recovery key always stays)")
        listed = [one for one in listed if one not in gone]
    for role, given in (("lead", changes.leads), ("deputy", changes.deputies)):
        for text in given:
            new = _recipient(text, "lead" if role == "lead" else "deputy")
            listed = [one for one in listed if one.key_id != new.key_id] + [new]
    listed = _scoped(listed, changes)
    data = recipients_file(RecipientList(version, draft.pilot, tuple(listed)))
    return _one("recipients", "Who may open cases from now on?", draft, {RECIPIENTS_TARGET: data}, now)


def recipients_file(listed: RecipientList) -> bytes:
    """Return a list as it is published; raises CustodyError when devices would not take it."""
    data = msgspec.json.encode(listed)
    try:
        decode_recipients(data)
    except NotTrusted as fault:
        raise CustodyError(f"{fault}; nothing was signed") from None
    return data


def policy(draft: Draft, given: Sequence[Path], now: datetime) -> Proposal:
    """Propose the next policy: the policy and, where given, taxonomy, protected and nameable list, by file name."""
    contents = unchanged(draft, "policy")
    for path in given:
        target = f"policy/{path.name}" if f"policy/{path.name}" in POLICY_TARGETS else POLICY_TARGET
        if target == POLICY_TARGET and path.suffix != ".toml":
            names = ", ".join(each.partition("/")[2] for each in POLICY_TARGETS)
            raise CustodyError(f"{path}: not part of a policy; its files are {names}")
        contents[target] = files.read(path)
    missing = [target for target in POLICY_TARGETS if target not in contents]
    if missing:
        raise CustodyError(f"the first policy needs all its files; {', '.join(missing)} is missing")
    _check_policy(contents)
    return _one("policy", "What is watched from now on?", draft, contents, now)


def packs(draft: Draft, given: Sequence[Path], now: datetime) -> Proposal:
    """Propose the next packs: those given are added or replaced by file name, the others stay."""
    contents = unchanged(draft, "packs")
    more = []
    for path in given:
        data = files.read(path)
        check_pack(path.name, data)
        contents[f"packs/{path.name}"] = data
        more.append(Section(f"How {path.name} was made", tuple(of_report(path))))
    contents = with_deltas(draft, contents)
    return _one("packs", "Which lists of sites and apps are published?", draft, contents, now, tuple(more))


def releases(
    draft: Draft,
    given: Sequence[Path],
    remove: Sequence[str],
    now: datetime,
    *,
    first_percent: int,
    all_after_days: int,
) -> Proposal:
    """Propose the next list of agent releases: files are added by name, and `remove` takes names off.

    Of those that devices take by themselves, `first_percent` of 100 take the given ones at once, and all after so many
    days; what was said of the others stays.
    """
    contents = unchanged(draft, "releases")
    for name in remove:
        if contents.pop(f"releases/{name}", None) is None:
            known = ", ".join(path.partition("/")[2] for path in sorted(contents)) or "none"
            raise CustodyError(f"there is no release «{name}» to take off; signed are {known}")
    for path in given:
        data = contents[f"releases/{path.name}"] = files.read(path)
        if is_release(f"releases/{path.name}") and len(data) > RELEASE_MAX_BYTES:
            raise CustodyError(f"{path}: larger than the {RELEASE_MAX_BYTES:,} bytes that devices take")
    old = draft.in_force("releases")
    said = {path: dict(one.custom or {}) for path, one in (old.signed.targets if old is not None else {}).items()}
    new = plan(now, first_percent, all_after_days)
    said |= {f"releases/{path.name}": new for path in given if is_release(f"releases/{path.name}")}
    return _one("releases", "Which versions of the agent may be installed?", draft, contents, now, said=said)


def waiting(draft: Draft) -> Proposal:
    """Return what others prepared and have not all signed; raises CustodyError when there is nothing."""
    pieces = {name: piece for name in OFFLINE if (piece := draft.pending(name)) is not None}
    if not pieces:
        raise CustodyError("nothing here waits for a signature")
    return Proposal("Will you sign what another custodian prepared?", f"Sign {', '.join(pieces)}?", pieces)


def targets_piece(
    draft: Draft,
    name: str,
    contents: Mapping[str, bytes],
    now: datetime,
    under: int | None = None,
    said: Mapping[str, Mapping[str, object]] | None = None,
) -> tuple[Metadata[Targets], dict[str, bytes]]:
    """Return a role's next metadata over these files, and their bytes by SHA-256.

    `under` is the version of targets that gives the role away, by default the newest. `said` is what is said of files
    beside their version, by path; by default what was said before.
    """
    old = draft.in_force(name)
    before = old.signed.targets if old is not None else {}
    version = next_version(draft, name)
    listed = {path: entry(path, data, _version(before.get(path), data, version)) for path, data in contents.items()}
    if said is None:
        said = {path: one.custom or {} for path, one in before.items()}
    for path, one in listed.items():
        more = {what: value for what, value in said.get(path, {}).items() if what != "version"}
        one.unrecognized_fields["custom"] |= more
    expires, extra = dated(name, now)
    extra |= {UNDER: under if under is not None else draft.targets().signed.version}
    by_hash = {listed[path].hashes["sha256"]: data for path, data in contents.items()}
    return Metadata(Targets(version, None, expires, listed, None, extra)), by_hash


def next_version(draft: Draft, name: str) -> int:
    """Return the version that follows what is finished."""
    old = draft.in_force(name)
    return old.signed.version + 1 if old is not None else 1


def unchanged(draft: Draft, name: str) -> dict[str, bytes]:
    """Return the files that a role lists now, by path."""
    old = draft.in_force(name)
    return {} if old is None else {path: draft.target(target) for path, target in old.signed.targets.items()}


def _one(
    name: str,
    title: str,
    draft: Draft,
    contents: Mapping[str, bytes],
    now: datetime,
    more: tuple[Section, ...] = (),
    said: Mapping[str, Mapping[str, object]] | None = None,
) -> Proposal:
    if draft.root_in_force() is not None and (draft.pending("root") or draft.pending("targets")):
        raise CustodyError(
            "a change of keys waits for its signatures: finish it with «fairwatch-custody sign», "
            "or take it back with «fairwatch-custody withdraw»"
        )
    piece, by_hash = targets_piece(draft, name, contents, now, said=said)
    return Proposal(title, f"Sign {name}?", {name: piece}, by_hash, more)


def _version(old: TargetFile | None, data: bytes, now_version: int) -> int:
    # A file's version is that of the metadata that changed it last, so it never falls, even if the file was away.
    if old is None or TargetFile.from_data(old.path, data, ["sha256"]).hashes != old.hashes:
        return now_version
    return file_version(old)


def _recipient(text: str, role: Literal["lead", "deputy"]) -> Recipient:
    label, _, name = text.rpartition("=")
    path = Path(name)
    try:
        key = msgspec.json.decode(files.read(path), type=LeadKey)
    except msgspec.MsgspecError:
        raise CustodyError(f"{path}: this is not a lead's key file as the browser saves it") from None
    return Recipient(key.key_id, key.public_key, role, label or path.stem)


def _scoped(listed: Sequence[Recipient], changes: Changes) -> list[Recipient]:
    labels = {one.label for one in listed if one.role != "recovery"}
    for named in (*changes.groups, *changes.never_about):
        if named not in labels:
            raise CustodyError(f"there is no lead or deputy «{named}»; known are {', '.join(sorted(labels))}")
    return [
        msgspec.structs.replace(
            one,
            groups=changes.groups.get(one.label, one.groups),
            never_about=changes.never_about.get(one.label, one.never_about),
        )
        for one in listed
    ]


def _check_policy(contents: Mapping[str, bytes]) -> None:
    from rules.errors import RulesError
    from rules.model import Taxonomy
    from rules.policy import Policy

    try:
        taxonomy = Taxonomy.parse(contents[CATEGORIES_TARGET].decode("utf-8"), "categories.toml")
        Policy.parse(contents[POLICY_TARGET].decode("utf-8"), "policy.toml", taxonomy)
    except (RulesError, UnicodeDecodeError) as fault:
        raise CustodyError(f"{fault}; nothing was signed") from None
    for target, data in contents.items():
        if target.endswith(".pack"):
            check_pack(Path(target).name, data)
