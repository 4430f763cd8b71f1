"""Has what Windows loads signed by a program of IT's, which alone knows where the key is: on a token, in a service.

Unsigned programs are what Defender quarantines and rules by publisher refuse. What comes with a signature of its
maker's keeps it. Formats: https://learn.microsoft.com/windows/win32/debug/pe-format.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

Sign = Callable[[Path], None]
"""Signs a file in its place; raises SigningError, CalledProcessError or OSError."""
SIGN_SECONDS: Final = 120.0
PROGRAMS: Final = (".exe", ".dll", ".pyd")
"""What Windows loads and runs."""
_PE64: Final = 0x20B
_DIRECTORIES_AT: Final = {0x10B: 96, _PE64: 112}
"""Where in the optional header the data directories begin, by its magic."""
_CERTIFICATES: Final = 4
_SIGNATURE_STREAM: Final = "\x05DigitalSignature".encode("utf-16-le")
"""The name of the stream in an .msi that holds its signature."""


class SigningError(Exception):
    """A file is not signed although its signing said so; looking at the program that signs helps."""


def by(program: Path) -> Sign:
    """Return what signs with this program: it is called with the file's path as its only word, and signs in place."""

    def sign(file: Path) -> None:
        subprocess.run([str(program.absolute()), str(file)], check=True, timeout=SIGN_SECONDS)
        if not is_signed(file.read_bytes()):
            raise SigningError(f"{program} said that it signed {file.name}, and there is no signature in it")

    return sign


def sign_programs(home: Path, sign: Sign) -> None:
    """Sign every program and library below a folder that has no signature yet; raises what `sign` raises."""
    for path in sorted(home.rglob("*")):
        if path.suffix in PROGRAMS and not is_signed(path.read_bytes()):
            sign(path)


def is_signed(data: bytes) -> bool:
    """Whether a program or a package carries a signature, whosever; whether it holds is Windows' to say."""
    if not data.startswith(b"MZ"):
        return _SIGNATURE_STREAM in data
    (header,) = struct.unpack_from("<I", data, 0x3C)
    (magic,) = struct.unpack_from("<H", data, header + 24)
    _, size = struct.unpack_from("<II", data, header + 24 + _DIRECTORIES_AT[magic] + 8 * _CERTIFICATES)
    return bool(size)
