"""Tells what a proposal would change, who signs it and until when: the sheet that is shown before signing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import Root, TargetFile, Targets

from custody import difference
from custody.draft import Draft
from custody.errors import CustodyError
from custody.expiry import warnings
from custody.pack_difference import of_pack
from custody.policy_difference import line_by_line, of_policy
from custody.proposal import Piece, Proposal
from custody.release_difference import of_releases
from custody.sheet import Line, Section, Sheet
from protocol.publication import CATEGORIES_TARGET, POLICY_TARGET, is_delta, raw_key
from rules.errors import RulesError
from rules.model import Taxonomy
from rules.policy import Policy

_HEADINGS = {
    "root": "Who may sign for this organisation",
    "targets": "Whose job each part is",
    "recipients": "Who may open cases",
    "policy": "The policy",
    "releases": "Versions of the agent",
    "packs": "Lists of sites and apps",
}


def tell(draft: Draft, proposal: Proposal, mine: str | None, now: datetime) -> Sheet:
    """Return what to show. `mine` is the signer's public key in hex, where it is known before the key is unlocked."""
    sections: list[Section] = []
    for name, piece in proposal.pieces.items():
        heading = f"{_HEADINGS[name]} ({name}, version {piece.signed.version})"
        clock = tuple(difference.of_clock(piece, now))
        told = list(_difference(draft, proposal, name, piece, now))
        first, *rest = told or [Section("", ())]
        sections += [Section(heading, (*clock, *first.lines)), *rest]
    return Sheet(
        title=proposal.title,
        question=proposal.question,
        changes=(*sections, *proposal.more),
        signers=tuple(_signers(draft, proposal, mine)),
        validity=tuple(_validity(draft, proposal, now)),
    )


def standing(draft: Draft, proposal: Proposal, name: str) -> list[tuple[int, dict[str, str], dict[str, str]]]:
    """Return for each giver of a role: how many signatures are missing, and names by key (hex): signed, may still."""
    results = draft.standing(name, proposal.pieces[name], proposal.pieces)
    return [
        (
            max(0, one.threshold - len(one.signed)),
            {raw_key(key).hex(): difference.key_in_words(key) for key in one.signed.values()},
            {raw_key(key).hex(): difference.key_in_words(key) for key in one.unsigned.values()},
        )
        for one in results
    ]


def _difference(draft: Draft, proposal: Proposal, name: str, piece: Piece, now: datetime) -> Iterator[Section]:
    new = piece.signed
    if isinstance(new, Root):
        yield Section("", tuple(difference.of_root(draft.root_before(new.version), new)))
        return
    old = draft.in_force(name)
    if name == "targets":
        yield Section("", tuple(difference.of_targets(old.signed if old is not None else None, new)))
    elif name == "recipients":
        listed = draft.recipients_in(new, lambda target: proposal.read(draft, target))
        yield Section("", tuple(difference.of_recipients(draft.recipients(old), listed)))
    elif name == "policy":
        yield from _policy(draft, proposal, old.signed if old is not None else None, new)
    elif name == "packs":
        yield Section("", tuple(_files(draft, proposal, name, old.signed if old is not None else None, new)))
    else:
        yield Section("", tuple(of_releases(old.signed.targets if old is not None else {}, new.targets, now)))


def _policy(draft: Draft, proposal: Proposal, old: Targets | None, new: Targets) -> Iterator[Section]:
    texts = {}
    for which, piece in (("old", old), ("new", new)):
        targets = piece.targets if piece is not None else {}
        for path in (POLICY_TARGET, CATEGORIES_TARGET):
            texts[which, path] = proposal.read(draft, targets[path]) if path in targets else b""
    lists = Section("Files of the policy", tuple(_files(draft, proposal, "policy", old, new)))
    if old is not None and all(texts["old", path] == texts["new", path] for path in (POLICY_TARGET, CATEGORIES_TARGET)):
        yield Section("", lists.lines)
        return
    if not new.targets:
        yield Section("", (Line("There is no policy yet: devices observe nothing until there is one.", "warning"),))
        return
    try:
        was = _parsed(texts["old", POLICY_TARGET], texts["old", CATEGORIES_TARGET])
        now = _parsed(texts["new", POLICY_TARGET], texts["new", CATEGORIES_TARGET])
    except (RulesError, UnicodeDecodeError) as fault:
        raise CustodyError(f"{fault}; nothing was signed") from None
    assert now is not None
    told = of_policy(was, now)
    yield Section("", (Line("Read what changes for people first; the exact lines follow."),))
    yield from told
    if was is not None:
        for path in (POLICY_TARGET, CATEGORIES_TARGET):
            lines = tuple(line_by_line(texts["old", path], texts["new", path]))
            if lines:
                yield Section(f"Line by line: {Path(path).name}", lines)
    yield lists


def _parsed(text: bytes, taxonomy: bytes) -> Policy | None:
    if not text:
        return None
    return Policy.parse(
        text.decode("utf-8"), "policy.toml", Taxonomy.parse(taxonomy.decode("utf-8"), "categories.toml")
    )


def _files(draft: Draft, proposal: Proposal, name: str, old: Targets | None, new: Targets) -> Iterator[Line]:
    before = _without_deltas(old.targets if old is not None else {})
    yield from difference.of_files(before, _without_deltas(new.targets))
    changed = {
        path: target
        for path, target in new.targets.items()
        if path.endswith(".pack") and (path not in before or before[path].hashes != target.hashes)
    }
    if not changed:
        return
    policy, taxonomy = _in_force(draft)
    for path, target in sorted(changed.items()):
        yield Line(f"In {Path(path).name}:")
        was = proposal.read(draft, before[path]) if path in before else None
        promotion = policy.promotion(Path(path).stem) if policy is not None else None
        acts_with = promotion.most_entries if promotion is not None else None
        for line in of_pack(Path(path).name, was, proposal.read(draft, target), taxonomy, acts_with):
            if name == "packs" or "policy in force" not in line.text:
                yield line


def _in_force(draft: Draft) -> tuple[Policy | None, Taxonomy]:
    piece = draft.in_force("policy")
    if piece is None or POLICY_TARGET not in piece.signed.targets:
        return None, Taxonomy.shipped()
    text, taxonomy = (draft.target(piece.signed.targets[path]) for path in (POLICY_TARGET, CATEGORIES_TARGET))
    try:
        policy = _parsed(text, taxonomy)
    except (RulesError, UnicodeDecodeError):
        return None, Taxonomy.shipped()
    return policy, policy.taxonomy if policy is not None else Taxonomy.shipped()


def _signers(draft: Draft, proposal: Proposal, mine: str | None) -> Iterator[Line]:
    alike: dict[tuple[str, ...], list[str]] = {}
    for name in proposal.pieces:
        stands = [_standing(*one, mine) for one in standing(draft, proposal, name)]
        if len(set(stands)) > 1:  # a root is signed by the custodians that it names and by those before it
            stands = [
                f"{who} {text}"
                for who, text in zip(("By those from now on:", "By those until now:"), stands, strict=True)
            ]
        alike.setdefault(tuple(dict.fromkeys(stands)), []).append(name)
    for told, names in alike.items():
        yield from (Line(f"{_parts(names, proposal)}{text}") for text in told)


def _standing(missing: int, signed: dict[str, str], may: dict[str, str], mine: str | None) -> str:
    has = _names(signed, mine) if signed else "nobody yet"
    return f"Signed by {has}. " + (f"Still needed: {missing} of {_names(may, mine)}." if missing else "That is enough.")


def _parts(names: list[str], proposal: Proposal) -> str:
    """Name parts only where not all of them are meant."""
    return "" if len(names) == len(proposal.pieces) else f"{', '.join(names)}: "


def _names(people: dict[str, str], mine: str | None) -> str:
    return ", ".join(f"{name} (you)" if key == mine else name for key, name in people.items())


def _validity(draft: Draft, proposal: Proposal, now: datetime) -> Iterator[Line]:
    alike: dict[str, list[str]] = {}
    for name, piece in proposal.pieces.items():
        days = (piece.signed.expires - now).days
        alike.setdefault(f"Valid until {difference.day(piece.signed.expires)}, {days} days.", []).append(name)
    for text, names in alike.items():
        yield Line(f"{_parts(names, proposal)}{text}")
    yield from (Line(text, "warning") for text in warnings(draft, now, without=proposal.pieces))


def _without_deltas(targets: Mapping[str, TargetFile]) -> dict[str, TargetFile]:
    # A delta changes nothing that a device would not take anyway: it only spares it the whole pack.
    return {path: target for path, target in targets.items() if not is_delta(path)}
