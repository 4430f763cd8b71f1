"""Names an app by its program's file and who signed it, never by anything that its windows say.

`windows:<publisher>:<executable>` where the program's own signature holds, else `windows:exe:<executable>`; spelled as
`rules/apps.py` spells them. A publisher that a program merely claims, in its version resource, is never believed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

# A person uses some dozens of programs in a day.
MAX_REMEMBERED: Final = 512
_LONGEST: Final = 64
_IN_NAMES: Final = frozenset(" ._+@~-")
_IN_PUBLISHERS: Final = frozenset(" .,&'()+-")
# A publisher called so would read as "whoever signed it".
_UNSIGNED: Final = "exe"

Publisher = Callable[[str], str | None]


def identity_of(executable: str, publisher: str | None) -> str | None:
    """The identity of a program by its path and its publisher's name; None where there is no name."""
    name = _plain(executable.replace("/", "\\").rpartition("\\")[2], _IN_NAMES)
    if not name:
        return None
    signer = _plain(publisher or "", _IN_PUBLISHERS)
    return f"windows:{signer if signer != _UNSIGNED and signer else _UNSIGNED}:{name}"


class AppNames:
    """The identities of programs, each file's signature checked once."""

    def __init__(self, publisher_of: Publisher) -> None:
        """`publisher_of(path)` gives the name in a program's signature if it holds, else None."""
        self._publisher_of = publisher_of
        self._known: dict[tuple[str, int, int], str | None] = {}

    def identity(self, executable: str) -> str | None:
        """The app's identity, by a check of its signature only where this file was not seen before."""
        try:
            found = Path(executable).stat()
        except OSError:
            return identity_of(executable, None)
        key = (executable, found.st_mtime_ns, found.st_size)
        if key not in self._known:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            self._known[key] = identity_of(executable, self._publisher_of(executable))
        return self._known[key]

    def identities(self, executable: str) -> tuple[str, ...]:
        """Every identity under which a list may name this program, the signed one first."""
        found = (self.identity(executable), identity_of(executable, None))
        return tuple(dict.fromkeys(name for name in found if name is not None))


def _plain(name: str, besides: frozenset[str]) -> str:
    """The name as lists spell it; characters that no such name uses become "_"."""
    kept = "".join(letter if letter.isalnum() or letter in besides else "_" for letter in name[:_LONGEST])
    plain = " ".join(kept.split()).lower()
    return plain if not plain or plain[0].isalnum() else f"_{plain}"[:_LONGEST]
