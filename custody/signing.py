"""Signs what was shown, and stores it: the first signature on a proposal, or one more on what others prepared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tuf.api.metadata import Root, Targets

from custody.draft import Draft
from custody.errors import CustodyError
from custody.expiry import warnings
from custody.proposal import Proposal
from custody.telling import standing
from protocol.errors import NotTrusted
from protocol.publication import check_list, check_shape
from protocol.rolekeys import public_half, sign


@dataclass(frozen=True)
class Signed:
    """What a signature came to: parts that have all theirs, sentences for those that wait, and what expires soon."""

    complete: tuple[str, ...]
    waiting: tuple[str, ...]
    warnings: tuple[str, ...]


def mine_of(draft: Draft, proposal: Proposal, public: str, *, second: bool) -> Proposal:
    """Return the part of a proposal that this public key (hex) may sign and hasn't; raises CustodyError for none.

    `second` is for what others prepared: then parts that wait for somebody else are left to them.
    """
    pieces = {}
    for name, piece in proposal.pieces.items():
        stands = standing(draft, proposal, name)
        if any(public in may for _, _, may in stands):
            pieces[name] = piece
    if not pieces and second:
        raise CustodyError("nothing here waits for this key's signature")
    if not pieces:
        raise CustodyError(f"this key may not sign {', '.join(proposal.pieces)}")
    return replace(proposal, pieces=pieces, question=f"Sign {', '.join(pieces)}?") if second else proposal


def check(draft: Draft, proposal: Proposal) -> None:
    """Refuse to sign what no device would take, whoever prepared it: a person may overlook it among many lines."""
    root = proposal.pieces.get("root", None) or draft.root()
    assert isinstance(root.signed, Root)
    try:
        for name, piece in proposal.pieces.items():
            check_shape(name, piece.signed, root.signed)
            if name == "recipients" and isinstance(piece.signed, Targets):
                listed = draft.recipients_in(piece.signed, lambda target: proposal.read(draft, target))
                if listed is not None:
                    check_list(listed, piece.signed.version, pilot=root.signed.roles["root"].threshold == 1)
    except NotTrusted as fault:
        raise CustodyError(f"{fault}; nothing was signed") from None


def put(draft: Draft, proposal: Proposal, key: Ed25519PrivateKey, now: datetime, *, second: bool) -> Signed:
    """Sign every part that the key may sign, and store all parts and files; raises CustodyError and stores nothing."""
    public = public_half(key, "").ed25519
    mine_of(draft, proposal, public, second=second)
    check(draft, proposal)
    mine = [name for name in proposal.pieces if any(public in may for _, _, may in standing(draft, proposal, name))]
    for piece in proposal.pieces.values():
        if isinstance(piece.signed, Targets):
            for target in piece.signed.targets.values():
                data = proposal.contents.get(target.hashes["sha256"])
                if data is not None:
                    version = target.custom.get("version") if isinstance(target.custom, dict) else None
                    draft.put_target(target.path, data, int(version or 0))
    for name, piece in proposal.pieces.items():
        if name in mine:
            sign(piece, key)
        draft.put(name, piece)
    complete = tuple(name for name in proposal.pieces if draft.pending(name) is None)
    waiting: dict[str, list[str]] = {}
    for name in proposal.pieces:
        for missing, _, may in standing(draft, proposal, name):
            if missing:
                waiting.setdefault(f"still needed: {missing} of {', '.join(may.values())}", []).append(name)
    lines = tuple(f"{', '.join(dict.fromkeys(names))}: {text}" for text, names in waiting.items())
    return Signed(complete, lines, tuple(warnings(draft, now)))
