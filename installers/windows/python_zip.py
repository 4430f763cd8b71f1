"""Takes Windows' own Python into the package: the embeddable zip that IT fetched, held to the SHA-256 that IT gives.

https://docs.python.org/3/using/windows.html#the-embeddable-package
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath
from typing import Final
from zipfile import BadZipFile, ZipFile

from installers.linux.closure import PYTHONS
from installers.linux.tree import tag

_LIBRARY: Final = re.compile(r"python3(\d\d)\.dll", re.IGNORECASE)


class PythonZipError(ValueError):
    """The zip is not what was said, or no Python that the package can carry; another one helps."""


def python_of(archive: Path, sha256: str) -> str:
    """Return which Python is in the zip, such as `3.13`; raises PythonZipError or OSError."""
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != sha256.lower():
        raise PythonZipError(f"{archive} has the SHA-256 {found}, not {sha256}")
    try:
        with ZipFile(archive) as held:
            names = held.namelist()
    except BadZipFile as fault:
        raise PythonZipError(f"{archive} is no zip") from fault
    versions = {f"3.{int(match[1])}" for name in names if (match := _LIBRARY.fullmatch(name))}
    if len(versions) != 1 or not versions <= set(PYTHONS):
        raise PythonZipError(f"{archive} is no embeddable Python of {', '.join(PYTHONS)} for Windows")
    return versions.pop()


def take_in(archive: Path, python: str, folder: Path) -> None:
    """Unpack into the new folder `folder`, and have this Python look for modules in its own files and in ours alone.

    With a `._pth` beside its library Python reads neither environment nor registry, and no folder of the person's:
    https://docs.python.org/3/using/windows.html#finding-modules. Raises PythonZipError.
    """
    folder.mkdir()
    with ZipFile(archive) as held:
        for name in held.namelist():
            parts = PurePosixPath(name.replace("\\", "/")).parts
            if ".." in parts or name.startswith("/") or ":" in name:
                raise PythonZipError(f"{archive} holds a path that leads out of it")
        held.extractall(folder)
    stem = f"python{python.replace('.', '')}"
    lines = (f"{stem}.zip", ".", "..", r"..\shared", rf"..\{tag(python)}")
    (folder / f"{stem}._pth").write_bytes("".join(f"{line}\r\n" for line in lines).encode())
