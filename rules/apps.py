"""App identities: one spelling for each, on every platform, and which entries of a pack speak for one.

What an identity is made of, in the order in which a platform vouches for it:

    windows:<publisher>:<executable>   the signer's name in the program's signature, and the file's name
    windows:exe:<executable>           where the program is unsigned; as an entry: this file, whoever signed it
    macos:<bundle id>                  as in macos:com.valvesoftware.steam
    linux:<desktop id>                 the desktop file's name without .desktop
    linux:exe:<executable>             where no desktop file names it
    android:<package>                  as in android:com.discord
    service:<id>                       of a phone of which only names are seen (rules/services.toml)

Windows and macOS compare without regard to case, so their identities are lower case here; Linux and Android do not.
The publisher tells apart what the file's name can't: Tor Browser's program is a firefox.exe too.
"""

from __future__ import annotations

import re

from rules.errors import AppRefused
from rules.model import APP_PLATFORMS

MAX_IDENTITY_CHARACTERS = 300  # a publisher's and a file's name together; bounds the work on hostile input
_CASELESS = ("windows", "macos", "service")

_windows = re.compile(r'[^:]+:[^:\\/*?"<>|]+')
_executable = re.compile(r"exe:[^:/\\]+")
_dotted = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
_service = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_desktop = re.compile(r"[^:/\\]+")
_unprintable = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")


def is_app(name: str) -> bool:
    """Whether this text is written as an app identity and not as a host name."""
    platform, colon, _ = name.partition(":")
    return bool(colon) and platform.lower() in APP_PLATFORMS


def normalise_app(identity: str) -> str:
    """The one spelling of an app identity; raises AppRefused, with the reason as a sentence."""
    platform, colon, rest = identity.partition(":")
    platform = platform.lower()
    if not colon or platform not in APP_PLATFORMS:
        raise AppRefused("expected an app identity such as linux:org.example.App or windows:publisher:program.exe")
    if len(identity) > MAX_IDENTITY_CHARACTERS:
        raise AppRefused(f"the identity is longer than {MAX_IDENTITY_CHARACTERS} characters")
    if _unprintable.search(identity) is not None:
        raise AppRefused("a control character in the identity")
    rest = " ".join(rest.split())
    if platform in _CASELESS:
        rest = rest.lower()
    if not _is_well_formed(platform, rest):
        raise AppRefused(f"not as {platform} identities are written (see rules/apps.py)")
    return f"{platform}:{rest}"


def entries_for(identity: str) -> tuple[str, ...]:
    """The entries that speak for this normalised identity: itself, then its file whoever signed it."""
    platform, _, rest = identity.partition(":")
    publisher, colon, executable = rest.partition(":")
    if platform == "windows" and colon and publisher != "exe":
        return identity, f"windows:exe:{executable}"
    return (identity,)


def _is_well_formed(platform: str, rest: str) -> bool:
    if platform == "windows":
        return _windows.fullmatch(rest) is not None
    if platform == "service":
        return _service.fullmatch(rest) is not None
    if platform == "linux":
        return (_executable if rest.startswith("exe:") else _desktop).fullmatch(rest) is not None
    return _dotted.fullmatch(rest) is not None
