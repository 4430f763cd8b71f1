"""Shows a person what their signature would do, in a window or on the terminal, and signs only when they say so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from custody import files, signing
from custody.asking import Asking
from custody.draft import Draft
from custody.errors import CustodyError
from custody.proposal import Proposal
from custody.telling import tell
from protocol.errors import UnlockError
from protocol.rolekeys import decode_public_key, from_pem, public_half


@dataclass(frozen=True)
class Signer:
    """Who signs and how they are asked: `window` False keeps it to the terminal."""

    asking: Asking
    key: Path
    passphrase_file: Path | None
    window: bool = True


def sign(draft: Draft, proposal: Proposal, signer: Signer, now: datetime, *, second: bool = False) -> signing.Signed:
    """Show what would change, ask, and sign; raises Declined, CustodyError or UnlockError with nothing signed.

    `second` is for what others prepared. The key's public half beside it only spares showing what it can't sign; what
    counts is the key itself.
    """
    data = files.read(signer.key)
    public = _public_beside(signer.key)
    if public is not None:
        proposal = signing.mine_of(draft, proposal, public, second=second)
    signing.check(draft, proposal)
    sheet = tell(draft, proposal, public, now)
    stored = signer.asking.from_file(signer.passphrase_file) if signer.passphrase_file is not None else None

    def act(passphrase: str) -> signing.Signed:
        key = from_pem(data, passphrase)
        if public is not None and public_half(key, "").ed25519 != public:
            raise CustodyError(f"{_beside(signer.key)}: this is not the public half of {signer.key.name}")
        return signing.put(draft, proposal, key, now, second=second)

    if signer.window and not signer.asking.yes:
        from custody import window  # late: the terminal needs no Tk

        root = window.opened()
        if root is not None:
            return window.ask(root, sheet, window.Key(signer.key.name, stored, draft.folder), act)
    for line in sheet.as_text():
        signer.asking.show(line)
    signer.asking.confirm(proposal.question)
    return act(stored if stored is not None else signer.asking.passphrase(None, signer.key.name))


def _public_beside(key: Path) -> str | None:
    try:
        return decode_public_key(_beside(key).read_bytes()).ed25519
    except (OSError, UnlockError):
        return None


def _beside(key: Path) -> Path:
    return key.with_suffix(".public.json")
