"""Lays out a version's files from its archive: plain files and folders, below one folder, within bounds, or nothing.

The archive is signed; this bounds what a mistake of its builder can do. No link, device, owner, mode or name that leads
elsewhere is taken over (what PEP 706 refuses, for Pythons before it too).
"""

from __future__ import annotations

import errno
import io
import shutil
import tarfile
from pathlib import Path, PurePosixPath
from typing import Final

from agent.errors import ReleaseRefused

FILES_MAX: Final = 20_000
UNPACKED_MAX_BYTES: Final = 512 * 1024 * 1024
NAME_MAX_CHARS: Final = 400


def unpack(archive: bytes, folder: Path) -> None:
    """Lay out a gzipped tar in a folder that is not there yet.

    Raises ReleaseRefused where the archive is no such one, and OSError where the disk fails; the caller removes what
    was laid out till then.
    """
    folder.mkdir(mode=0o755)
    left_bytes, left_files = UNPACKED_MAX_BYTES, FILES_MAX
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r|gz") as opened:
            for member in opened:
                left_files -= 1
                left_bytes -= max(0, member.size)
                if left_files < 0 or left_bytes < 0:
                    raise ReleaseRefused("its archive holds more than a version of the agent may")
                _lay_out(opened, member, folder)
        for made in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            made.chmod(0o755)  # people's session parts start from it, whatever umask an administrator's shell had
    except (tarfile.TarError, EOFError, UnicodeDecodeError) as fault:
        raise ReleaseRefused("its archive can't be read") from fault
    except OSError as fault:
        # None is gzip's own word for a damaged archive; the others are of names that no disk could take.
        if fault.errno in (None, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG):
            raise ReleaseRefused("its archive can't be read") from fault
        raise


def _lay_out(opened: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    odd = name.is_absolute() or ".." in name.parts or "\\" in member.name or ":" in member.name
    if odd or len(member.name) > NAME_MAX_CHARS or not (member.isreg() or member.isdir()):
        raise ReleaseRefused("its archive holds something other than plain files below one folder")
    target = folder.joinpath(*name.parts)
    if member.isdir():
        target.mkdir(mode=0o755, parents=True, exist_ok=True)
        return
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    content = opened.extractfile(member)
    assert content is not None
    with content, target.open("xb") as file:
        shutil.copyfileobj(content, file)
    target.chmod(0o644)
