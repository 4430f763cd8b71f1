"""Makes the archive by which agents take a version by themselves: the version's folder, and nothing of the package's.

Custodians sign it (`fairwatch-custody sign releases`); agents unpack it into `release/VERSION` of their data folder.
"""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from agent.installed_files import write_manifest
from installers.linux.contents import Package
from protocol.releases import file_name

PLATFORM: Final = "linux-x86_64"


def make_release(package: Package, staged: Path, version: str, epoch: int, into: Path) -> Path:
    """Make the archive from what was staged for the package, and return its file: the same bytes each time."""
    home = staged / package.home.lstrip("/")
    folder = staged.parent / f"release-{version}"
    own = {Path(placed.target).name for placed in package.files if placed.target.startswith(f"{package.home}/")}
    shutil.copytree(home, folder, ignore=lambda where, _: own if Path(where) == home else set())
    write_manifest(folder)
    made = into / file_name(version, PLATFORM)
    made.write_bytes(archive(folder, sorted(folder.rglob("*")), epoch))
    shutil.rmtree(folder)
    return made


def archive(folder: Path, paths: Iterable[Path], epoch: int) -> bytes:
    """Return a gzipped tar of these paths, all of one owner, mode and time."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as opened:
        for path in paths:
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.mtime, member.mode = epoch, 0o755 if path.is_dir() else 0o644
            if path.is_dir():
                member.type = tarfile.DIRTYPE
                opened.addfile(member)
                continue
            member.size = path.stat().st_size
            with path.open("rb") as content:
                opened.addfile(member, content)
    return gzip.compress(plain.getvalue(), mtime=0)
