"""The folder that custodians carry between their computers: signed and half-signed metadata, and the files it names.

`metadata/` holds every version under its consistent-snapshot name, `targets/` the files by their hash. A version that
has fewer signatures than it needs is pending; nobody but the next custodian does anything with it.
"""

from __future__ import annotations

import re
from pathlib import Path

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, T, TargetFile, Targets

from custody import files
from custody.errors import CustodyError
from protocol.errors import NotTrusted
from protocol.publication import (
    OFFLINE,
    RECIPIENTS_TARGET,
    TARGET_MAX_BYTES,
    RecipientList,
    Trusted,
    decode_recipients,
    file_name,
    parse,
    target_file_name,
    verify,
)


class Draft:
    """A publication folder on a custodian's computer."""

    def __init__(self, folder: Path) -> None:
        inside = folder / "publication"
        self.folder = inside if inside.is_dir() else folder

    @property
    def exists(self) -> bool:
        """Whether a ceremony was held here."""
        return bool(self._versions("root"))

    def root(self) -> Metadata[Root]:
        """Return the newest root, pending or not; raises CustodyError when there was no ceremony."""
        return self._need("root", Root)

    def targets(self) -> Metadata[Targets]:
        """Return the newest top-level targets, pending or not."""
        return self._need("targets", Targets)

    def root_before(self, version: int) -> Root | None:
        """Return the root that a version replaces; None for the first."""
        return self._read("root", version - 1, Root).signed if version > 1 else None

    def in_force(self, name: str) -> Metadata[Targets] | None:
        """Return the newest version of targets or a delegated role that has all its signatures, if any."""
        for version in reversed(self._versions(name)):
            piece = self._read(name, version, Targets)
            if self.complete(name, piece):
                return piece
        return None

    def pending(self, name: str) -> Metadata[Targets] | Metadata[Root] | None:
        """Return the newest version, where it still lacks a signature."""
        versions = self._versions(name)
        if not versions:
            return None
        piece: Metadata[Targets] | Metadata[Root]
        piece = self._read(name, versions[-1], Root) if name == "root" else self._read(name, versions[-1], Targets)
        return None if self.complete(name, piece) else piece

    def complete(self, name: str, piece: Metadata[Root] | Metadata[Targets]) -> bool:
        """Whether a piece of metadata has as many of the right signatures as it needs."""
        givers: list[Root | Targets] = []
        if name == "root":
            assert isinstance(piece.signed, Root)
            givers.append(piece.signed)
            if piece.signed.version > 1:
                givers.append(self._read("root", piece.signed.version - 1, Root).signed)
        else:
            givers.append(self.root().signed if name == "targets" else self.targets().signed)
        try:
            for giver in givers:
                giver.verify_delegate(name, piece.signed_bytes, piece.signatures)
        except (RepositoryError, ValueError):
            return False
        return True

    def threshold(self, name: str) -> tuple[int, list[str]]:
        """Return how many must sign a role, and the ids of the keys that may."""
        if name in {"root", "targets"}:
            role = self.root().signed.roles[name]
            return role.threshold, list(role.keyids)
        given = self.targets().signed.delegations
        if given is None or given.roles is None or name not in given.roles:
            raise CustodyError(f"this publication has no role {name}")
        return given.roles[name].threshold, list(given.roles[name].keyids)

    @property
    def pilot(self) -> bool:
        """Whether one custodian's signature is enough here."""
        return self.root().signed.roles["root"].threshold == 1

    def trusted(self) -> Trusted:
        """Return the whole, verified from its first root on; raises CustodyError with what is still missing."""
        versions = {name: self._complete_version(name) for name in OFFLINE}
        roots = [self._data("root", number) for number in range(1, versions["root"] + 1)]
        metadata = {name: self._data(name, version) for name, version in versions.items() if name != "root"}
        try:
            return verify(roots, metadata, now=None)
        except NotTrusted as fault:
            raise CustodyError(f"the publication is not sound: {fault}") from None

    def root_bytes(self) -> tuple[int, bytes]:
        """Return the newest root that has all its signatures, with its version."""
        version = self._complete_version("root")
        return version, self._data("root", version)

    def recipients(self, piece: Metadata[Targets] | None) -> RecipientList | None:
        """Return the list of recipients that a version names; None while there is none."""
        if piece is None or RECIPIENTS_TARGET not in piece.signed.targets:
            return None
        try:
            return decode_recipients(self.target(piece.signed.targets[RECIPIENTS_TARGET]))
        except NotTrusted as fault:
            raise CustodyError(str(fault)) from None

    def target(self, target: TargetFile) -> bytes:
        """Return a published file's bytes, checked against its hash."""
        data = files.read(self.folder / "targets" / target_file_name(target.path, target.hashes["sha256"]))
        try:
            target.verify_length_and_hashes(data)
        except RepositoryError:
            raise CustodyError(f"{target.path}: the file in this folder is not the one that was signed") from None
        return data

    def put_target(self, path: str, data: bytes, version: int) -> TargetFile:
        """Store a file to be published and return its entry."""
        if len(data) > TARGET_MAX_BYTES:
            raise CustodyError(f"{path}: larger than the {TARGET_MAX_BYTES} bytes that devices take")
        target = TargetFile.from_data(path, data, ["sha256"])
        target.unrecognized_fields["custom"] = {"version": version}
        files.write(self.folder / "targets" / target_file_name(path, target.hashes["sha256"]), data)
        return target

    def put(self, name: str, piece: Metadata[Root] | Metadata[Targets]) -> Path:
        """Store a piece of metadata under its version and return where."""
        path = self.folder / "metadata" / file_name(name, piece.signed.version)
        files.write(path, piece.to_bytes())
        return path

    def _versions(self, name: str) -> list[int]:
        pattern = re.compile(rf"([1-9][0-9]{{0,8}})\.{name}\.json")
        found = (pattern.fullmatch(path.name) for path in (self.folder / "metadata").glob(f"*.{name}.json"))
        return sorted(int(match[1]) for match in found if match is not None)

    def _complete_version(self, name: str) -> int:
        for version in reversed(self._versions(name)):
            piece: Metadata[Root] | Metadata[Targets]
            piece = self._read(name, version, Root) if name == "root" else self._read(name, version, Targets)
            if self.complete(name, piece):
                return version
        missing = (
            "IT's signature: «sign packs» first" if name == "packs" else "a custodian's signature: they sign first"
        )
        raise CustodyError(f"the {name} metadata still lacks {missing}")

    def _need(self, name: str, kind: type[T]) -> Metadata[T]:
        versions = self._versions(name)
        if not versions:
            raise CustodyError(f"{self.folder}: no publication here; hold a ceremony first, or give its folder")
        return self._read(name, versions[-1], kind)

    def _read(self, name: str, version: int, kind: type[T]) -> Metadata[T]:
        try:
            return parse(self._data(name, version), kind, name)
        except NotTrusted as fault:
            raise CustodyError(f"{file_name(name, version)}: {fault}") from None

    def _data(self, name: str, version: int) -> bytes:
        return files.read(self.folder / "metadata" / file_name(name, version))
