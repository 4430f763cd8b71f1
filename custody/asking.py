"""Asks the person at the keyboard: yes or no before anything is signed, and for passphrases, hidden while typed."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from custody.errors import CustodyError, Declined

PASSPHRASE_MIN_CHARS = 20
"""Six words have more. A signing key's file may be copied from a lost computer, so a short one is refused."""


@dataclass(frozen=True)
class Asking:
    """How to ask and show. `yes` answers every question beforehand, for unattended use."""

    show: Callable[[str], None]
    yes: bool = False
    read: Callable[[str], str] = input
    read_hidden: Callable[[str], str] = getpass.getpass

    def confirm(self, question: str) -> None:
        """Ask, and go on only after the whole word yes; raises Declined."""
        if self.yes:
            return
        try:
            answer = self.read(f"{question} Type yes to go on: ")
        except EOFError:
            raise Declined("nobody answered, so nothing was done; give --yes to run unattended") from None
        if answer.strip().lower() != "yes":
            raise Declined("nothing was signed or changed")

    def from_file(self, file: Path) -> str:
        """Return the passphrase in a file; raises CustodyError naming it."""
        return _from_file(file)

    def passphrase(self, file: Path | None, what: str) -> str:
        """Return the passphrase of an existing key, from a file or typed."""
        if file is not None:
            return _from_file(file)
        from protocol.leadkeys import tidy  # late: asking yes or no needs no cryptography

        try:
            return tidy(self.read_hidden(f"Passphrase of {what}: "))
        except EOFError:
            raise CustodyError(f"nobody typed the passphrase of {what}; give it in a file") from None

    def new_passphrase(self, file: Path | None, what: str) -> str:
        """Return the passphrase for a new key: from a file, or six new words, shown once and typed back."""
        from protocol.leadkeys import make_passphrase, tidy

        if file is not None:
            given = _from_file(file)
            if len(given) < PASSPHRASE_MIN_CHARS:
                raise CustodyError(
                    f"{file.name}: the passphrase has fewer than {PASSPHRASE_MIN_CHARS} characters; "
                    "«fairwatch-custody passphrase» makes a good one"
                )
            return given
        made = make_passphrase()
        self.show(f"The passphrase of {what}, shown this once; write it on paper:\n\n    {made}\n")
        try:
            again = made if self.yes else tidy(self.read("Type it again from the paper: "))
        except EOFError:
            raise CustodyError("nobody typed the passphrase again; nothing was made, begin again") from None
        if again != made:
            raise CustodyError("that is not the passphrase shown; nothing was made, begin again")
        return made


def plain(text: str) -> str:
    """Return a text from a file without anything that could move a terminal's cursor and paint over what is shown."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _from_file(file: Path) -> str:
    from protocol.leadkeys import tidy

    try:
        text = tidy(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        raise CustodyError(f"{file}: the passphrase file can't be read") from None
    if not text:
        raise CustodyError(f"{file}: the passphrase file is empty")
    return text
