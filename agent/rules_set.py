"""Opens one set of signed rules on disk, verifying it from the pinned root to every file in it.

A set is a folder: `metadata/` proves the rest; `policy.toml`, `recipients.json` and `rules/` (which `Rules.open` takes)
are what was signed. A file more, a file less or a byte other than signed, and the whole set is refused.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tuf.api import exceptions as tuf_errors
from tuf.api.metadata import TargetFile, Targets

from agent.bundle import Bundle
from protocol.errors import NotTrusted
from protocol.publication import (
    DELEGATED,
    METADATA_MAX_BYTES,
    POLICY_TARGET,
    RECIPIENTS_TARGET,
    Trusted,
    check_recipients,
    decode_recipients,
    file_version,
    is_delta,
    key_name,
    parse,
    signed_at,
    verify,
)
from rules.engine import Rules
from rules.errors import RulesError
from rules.model import Taxonomy
from rules.policy import Policy

SET_METADATA: Final = ("targets", *DELEGATED)
"""The metadata beside the roots that a set is proved by; snapshot and timestamp prove freshness, not content."""


def open_set(folder: Path, root: str, least: Mapping[str, int], copies: Path | None = None) -> Bundle | None:
    """Open a set after verifying it from the pinned root to every file; None when nobody may open evidence yet.

    Expiry is not asked: what is in force stays in force. With `copies`, an empty folder, the files are copied there,
    and the copies verified and opened. Raises NotTrusted, RulesError or OSError.
    """
    if not folder.is_dir():
        return None
    folder = folder.resolve()  # the link may be swapped meanwhile
    metadata = {name: (folder / "metadata" / f"{name}.json").read_bytes() for name in SET_METADATA}
    trusted = verify(roots_in(folder / "metadata", root), metadata, now=None)
    for name, version in least.items():
        if trusted.versions.get(name, 0) < version:
            raise NotTrusted(f"the {name} on this disk is older than the one that was in force")
    wanted = {place_of(target.path): target for target in signed_files(trusted)}
    there = {path.relative_to(folder) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}
    there = {path for path in there if path.parts[0] != "metadata"}
    if there != set(wanted):
        raise NotTrusted("the rules on this disk lack a file, or have one that nobody signed")
    if copies is not None:
        for place in wanted:
            (copies / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / place, copies / place)
        folder = copies
    for place, target in wanted.items():
        with (folder / place).open("rb") as file:
            try:
                target.verify_length_and_hashes(file)
            except tuf_errors.RepositoryError:
                raise NotTrusted(f"{place.name} on this disk is not the file that was signed") from None
    if RECIPIENTS_TARGET not in trusted.delegated["recipients"].targets:
        return None
    if POLICY_TARGET not in trusted.delegated["policy"].targets:
        return None
    listed = decode_recipients((folder / place_of(RECIPIENTS_TARGET)).read_bytes())
    check_recipients(listed, trusted)
    taxonomy = Taxonomy.load(folder / "rules" / "categories.toml")
    try:
        text = (folder / place_of(POLICY_TARGET)).read_text("utf-8")
    except UnicodeDecodeError:
        raise NotTrusted("the policy is not UTF-8 text") from None
    policy = Policy.parse(text, "policy.toml", taxonomy)
    packs = trusted.delegated["packs"].targets
    return Bundle(
        recipients=listed,
        policy=policy,
        rules=Rules.open(folder / "rules", policy=policy),
        recipients_version=trusted.versions["recipients"],
        policy_version=trusted.versions["policy"],
        packs={Path(path).stem: file_version(target) for path, target in packs.items() if not is_delta(path)},
        policy_signed_at=signed_at(trusted.delegated["policy"]),
        policy_signed_by=_signers(trusted, metadata["policy"]),
    )


def _signers(trusted: Trusted, policy: bytes) -> tuple[str, ...]:
    """The names of those whose signatures on the policy count."""
    piece = parse(policy, Targets, "policy")
    result = trusted.targets.get_verification_result("policy", piece.signed_bytes, piece.signatures)
    return tuple(sorted(key_name(key) for key in result.signed.values()))


def signed_files(trusted: Trusted) -> list[TargetFile]:
    """Return every published file that belongs in a set: all but the agent's releases, and ways to packs."""
    roles = (role for name, role in trusted.delegated.items() if name != "releases")
    return [target for role in roles for target in role.targets.values() if not is_delta(target.path)]


def place_of(path: str) -> Path:
    """Return where a published file lies in a set, so that `rules/` is a folder that `Rules.open` takes."""
    if path in (RECIPIENTS_TARGET, POLICY_TARGET):
        return Path(Path(path).name)
    return Path("rules", Path(path).name) if path.startswith("policy/") else Path("rules", path)


def roots_in(folder: Path, root: str, last: int | None = None) -> list[bytes]:
    """Return the roots in a folder from the pinned one on, oldest first; raises NotTrusted without the pinned one."""
    found = {}
    for path in folder.glob("*.root.json"):
        match = re.fullmatch(r"([1-9][0-9]{0,8})\.root\.json", path.name)
        if match is not None and (last is None or int(match[1]) <= last) and path.stat().st_size <= METADATA_MAX_BYTES:
            found[int(match[1])] = path.read_bytes()
    ordered = [found[version] for version in sorted(found)]
    for at, data in enumerate(ordered):
        if hashlib.sha256(data).hexdigest() == root:
            return ordered[at:]
    raise NotTrusted("the root on this disk is not the one that this device was enrolled with")


def is_whole(current: Path, root: str, versions: Mapping[str, int]) -> bool:
    """Whether there is a set and it opens, nothing in it older than these versions."""
    if not current.is_dir():
        return False
    try:
        opened = open_set(current, root, versions)
    except (NotTrusted, RulesError, OSError):
        return False
    if opened is not None:
        opened.rules.close()
    return True


def fingerprint(current: Path) -> tuple[object, ...]:
    """Return what changes when a file of the set in force is edited, added or removed, without reading any.

    The time of the last change of a file's data or name (ctime) can't be set back, unlike that of the last write.
    """
    try:
        folder = current.resolve(strict=True)
        found = sorted(folder.rglob("*"))
        states = [(path, path.lstat()) for path in found]
    except OSError:
        return ("unreadable",)
    files = ((str(path), one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for path, one in states)
    return (str(folder), *files)
