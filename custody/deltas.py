"""Makes the deltas that are published beside changed packs, so that devices need not fetch a whole pack each time.

They are made on IT's computer, where the older packs lie in the folder, and signed with the packs: a device still
checks what comes of one against the whole pack's own signed hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from tuf.api.metadata import Targets

from custody import files
from custody.draft import Draft
from custody.errors import CustodyError
from protocol.errors import NotTrusted
from protocol.publication import delta_path, file_name, is_delta, parse
from rules import delta

BASES_MAX = 2
"""Older versions of a pack that a delta leads from: devices that were off for longer fetch the whole pack."""
_VERSIONS_SEARCHED = 12
"""Versions of the packs that are looked through for them: most versions leave most packs as they were."""
WORTH_IT = 0.5
"""A delta larger than this share of the pack is left out: it would double what is stored and save little."""


def with_deltas(draft: Draft, contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of the next packs with the deltas that lead to them, and without those that lead elsewhere."""
    whole = {path: data for path, data in contents.items() if not is_delta(path)}
    found = dict(whole)
    for path, data in whole.items():
        new = hashlib.sha256(data).hexdigest()
        for old in _older(draft, path, new):
            name = delta_path(path, hashlib.sha256(old).hexdigest(), new)
            made = contents.get(name) or delta.make(old, data)
            if len(made) < len(data) * WORTH_IT:
                found[name] = made
    return found


def _older(draft: Draft, path: str, new: str) -> Iterator[bytes]:
    """Yield the newest other versions of a pack, as far as their files are still in the folder."""
    newest = draft.in_force("packs")
    seen = {new}
    for version in range(newest.signed.version if newest is not None else 0, 0, -1)[:_VERSIONS_SEARCHED]:
        try:
            listed = parse(files.read(draft.folder / "metadata" / file_name("packs", version)), Targets, "packs")
            target = listed.signed.targets.get(path)
            if target is None or target.hashes["sha256"] in seen:
                continue
            seen.add(target.hashes["sha256"])
            yield draft.target(target)
        except (CustodyError, NotTrusted):
            continue  # an older file that is gone or changed: there is one way less, and the whole pack is there
        if len(seen) > BASES_MAX:
            return
