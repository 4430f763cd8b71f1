"""Checks a release of the agent against what the custodians signed, before it is installed anywhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tuf.api.exceptions import RepositoryError

from custody import files
from custody.draft import Draft
from custody.errors import CustodyError
from protocol.publication import file_version


def verify(draft: Draft, file: Path, now: datetime) -> int:
    """Return the version of the releases' metadata that lists exactly this file.

    Raises CustodyError when custodians have not signed it, signed another one under that name, or have let it expire.
    """
    trusted = draft.trusted()
    role = trusted.delegated["releases"]
    if role.is_expired(now):
        raise CustodyError(f"the custodians' signatures on releases expired on {role.expires:%Y-%m-%d}")
    target = role.targets.get(f"releases/{file.name}")
    if target is None:
        raise CustodyError(f"{file.name}: the custodians have signed no release of that name")
    try:
        target.verify_length_and_hashes(files.read(file))
    except RepositoryError:
        raise CustodyError(f"{file.name}: this is not the file that the custodians signed under that name") from None
    return file_version(target)
