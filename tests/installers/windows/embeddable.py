"""A zip like the embeddable Python of python.org, of the Windows Python that the tests of Windows modules run by."""

from __future__ import annotations

import hashlib
import py_compile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile

_NO_LINKS: Final = """
def symlink(*_, **__):
    raise OSError(1, "no symbolic links here", None, 1314)
os.symlink = symlink
"""
"""Wine says that it made a symbolic link and makes none; as to an account without that right, it is refused here."""
_CHANGED: Final = "pathlib.py"
"""Where that is put: the module `os` itself is within Python's library."""


def zipped(python: Path, place: Path) -> str:
    """Make the zip of the Python in a folder, whose version is this interpreter's, and return its SHA-256."""
    library = place.with_name("python311.zip")
    with TemporaryDirectory() as scratch, ZipFile(library, "w", ZIP_DEFLATED) as made:
        for path in sorted((python / "Lib").rglob("*.py")):
            name = path.relative_to(python / "Lib")
            if name.parts[0] in ("site-packages", "lib2to3"):
                continue
            source, compiled = Path(scratch) / "source.py", Path(scratch) / "compiled.pyc"
            source.write_bytes(path.read_bytes() + (_NO_LINKS.encode() if name == Path(_CHANGED) else b""))
            py_compile.compile(str(source), str(compiled), dfile=name.as_posix(), doraise=True)
            made.write(compiled, name.with_suffix(".pyc").as_posix())
    with ZipFile(place, "w", ZIP_DEFLATED) as made:
        for path in (library, *sorted(python.glob("*.dll")), *sorted((python / "DLLs").iterdir())):
            made.write(path, path.name)
    return hashlib.sha256(place.read_bytes()).hexdigest()
