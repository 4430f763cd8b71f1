"""Seals an alert to those who may open it: a header in clear, a heading and the evidence in envelopes, and a signature.

Nothing of a flag is written to disk before it went through here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from agent.bundle import Bundle
from agent.judge import Flag
from protocol import sealing
from protocol.grouping import tags
from protocol.limits import ENVELOPE_MAX_RECIPIENTS, ENVELOPE_SIZES_BYTES, TEXT_MAX_CHARS
from protocol.messages import Alert, AlertHeader, Evidence, Heading, MatchedBy, Seen, encode
from protocol.signing import sign_alert
from rules.model import Match

if TYPE_CHECKING:
    from protocol.publication import Recipient

NAME_MAX_CHARS = 253
"""A host name is never longer; an app identity that is gets cut."""

_EVIDENCE_MAX_BYTES = ENVELOPE_SIZES_BYTES[-1] - 4
_DOT_IN_A_WORD = re.compile(r"(?<=\w)\.(?=\w)")


class Signer(Protocol):
    """The device that makes and signs the record; for a phone behind a gateway that is the gateway."""

    @property
    def device(self) -> UUID:
        """Its id."""

    @property
    def key(self) -> Any:
        """Its Ed25519 private key, of which only `protocol` knows the type: `cryptography` stays there."""


def seal(
    flag: Flag,
    bundle: Bundle,
    group: str,
    signer: Signer,
    record: UUID,
    counter: int,
    *,
    grouping_key: bytes | None = None,
) -> bytes:
    """The body of an alert record as JSON; without a grouping key its heading has no tags.

    Raises SealError when the list has nobody for the case, not even a recovery key (see `Bundle.can_seal`).
    """
    recipients = for_case(bundle, group, flag.key.person)
    header = encode(
        AlertHeader(
            version=1,
            record=record,
            counter=counter,
            alert=flag.alert,
            revision=flag.revision,
            device=flag.key.device,
            signer=signer.device,
            group=group,
            urgent=flag.key.urgent,
            started=_whole(flag.started),
            ended=_whole(flag.ended),
            sealed_to=tuple(recipient.key_id for recipient in recipients),
            recipients_version=bundle.recipients_version,
            policy_version=bundle.policy_version,
        )
    )
    keys = [recipient.public_key for recipient in recipients]
    places = {
        purpose: sealing.Place(purpose=purpose, subject=flag.key.device, record=record, header=header)
        for purpose in ("heading", "evidence")
    }
    heading = sealing.seal(encode(heading_of(flag, grouping_key)), keys, places["heading"])
    evidence = sealing.seal(_fitting(flag, bundle), keys, places["evidence"])
    return encode(Alert(header, heading, evidence, sign_alert(signer.key, header, heading, evidence)))


def heading_of(flag: Flag, grouping_key: bytes | None) -> Heading:
    """What ranks a case in the queue, and groups it with others: no name of a site or app."""
    matches = [match for match in flag.matches if match.category == flag.key.category]
    entries: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    if grouping_key is not None:
        entries = tags(grouping_key, "entry", (match.entry for match in matches))
        lists = tags(grouping_key, "list", (name for match in matches for name in match.lists))
    return Heading(
        version=1,
        category=flag.key.category,
        person=flag.key.person[:TEXT_MAX_CHARS],
        kind=flag.key.kind,
        count=flag.count,
        certainty=flag.key.certainty,
        identity=flag.key.identity,
        entries=entries,
        lists=lists,
    )


def evidence_of(flag: Flag, bundle: Bundle, names: int) -> Evidence:
    """What a release shows: the first `names` names and what matched. Its only words with dots in them are names."""
    return Evidence(
        version=1,
        category=flag.key.category,
        person=flag.key.person[:TEXT_MAX_CHARS],
        kind=flag.key.kind,
        source=flag.source,
        count=flag.count,
        seen=tuple(
            Seen(one.name[:NAME_MAX_CHARS], one.times, _whole(one.first), _whole(one.last)) for one in flag.seen[:names]
        ),
        matched=tuple(_matched_by(match, bundle.packs) for match in flag.matches[:names]),
        policy_line=_words(flag.policy_line),
        policy_version=bundle.policy_version,
    )


def _fitting(flag: Flag, bundle: Bundle) -> bytes:
    """The evidence as JSON with as many names as an envelope takes; the count stays whole."""
    names = max(len(flag.seen), len(flag.matches))
    text = encode(evidence_of(flag, bundle, names))
    while len(text) > _EVIDENCE_MAX_BYTES and names > 1:
        names -= 1
        text = encode(evidence_of(flag, bundle, names))
    return text


def for_case(bundle: Bundle, group: str, person: str) -> Sequence[Recipient]:
    """Whom the case is sealed to; were they more than an envelope takes, the recovery keys are the last to go."""
    chosen = bundle.recipients.for_case(group, person)
    if len(chosen) <= ENVELOPE_MAX_RECIPIENTS:
        return chosen
    return sorted(chosen, key=lambda recipient: recipient.role != "recovery")[:ENVELOPE_MAX_RECIPIENTS]


def _matched_by(match: Match, packs: Mapping[str, int]) -> MatchedBy:
    lists = tuple(_words(f"{name}{_version_of(name, packs)}") for name in match.lists)
    return MatchedBy(match.category, match.entry[:NAME_MAX_CHARS], lists)


def _version_of(list_id: str, packs: Mapping[str, int]) -> str:
    """The version of the pack that brought a list: its own, or the curated one in which our own lists travel."""
    version = packs.get(list_id, packs.get("curated"))
    return "" if version is None else f" version {version}"


def _words(text: str) -> str:
    """A sentence without file names or numbers that read like a host name, cut to what a message takes."""
    return _DOT_IN_A_WORD.sub(" ", text.replace(".toml", ""))[:TEXT_MAX_CHARS]


def _whole(at: datetime) -> datetime:
    return at.replace(microsecond=0)
