"""The folder that custodians carry between their computers: signed and half-signed metadata, and the files it names.

`metadata/` holds every version under its consistent-snapshot name, `targets/` the files by their hash. A version that
has fewer signatures than it needs is pending; nobody but the next custodian does anything with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, T, TargetFile, Targets, VerificationResult

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

UNDER = "x-fairwatch-under"
"""The field that says which version of its giver a piece was made under, for the custodians' folder alone: while keys
change, it tells what waits for the new ones from what the old ones finished. No device reads it.
"""


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

    def root_in_force(self) -> Metadata[Root] | None:
        """Return the newest root that its own custodians and those before it have signed; None before the first."""
        found = None
        for version in self._versions("root"):
            piece = self._read("root", version, Root)
            if not self.complete("root", piece):
                break
            found = piece
        return found

    def root_before(self, version: int) -> Root | None:
        """Return the root that a version replaces; None for the first."""
        return self._read("root", version - 1, Root).signed if version > 1 else None

    def in_force(self, name: str) -> Metadata[Targets] | None:
        """Return the newest version of targets or a delegated role that has all its signatures, if any.

        Where the custodians or IT's key changed since, what those before them signed counts until it is renewed: it
        is what devices have, so the next version follows it.
        """
        pieces = [self._read(name, version, Targets) for version in reversed(self._versions(name))]
        for giver in self._givers(name):
            for piece in pieces:
                if under(piece) <= giver.version and _signed(giver, name, piece):
                    return piece
        return None

    def pending(self, name: str) -> Metadata[Targets] | Metadata[Root] | None:
        """Return the newest version, where it still lacks a signature."""
        versions = self._versions(name)
        if not versions:
            return None
        if name == "root":
            root = self._read(name, versions[-1], Root)
            return None if self.complete(name, root) else root
        piece = self._read(name, versions[-1], Targets)
        return None if self.complete(name, piece) else piece

    def complete(self, name: str, piece: Metadata[Root] | Metadata[Targets]) -> bool:
        """Whether a piece of metadata has all the signatures that the root or targets it was made under demand."""
        return all(result.verified for result in self.standing(name, piece, {}))

    def standing(
        self,
        name: str,
        piece: Metadata[Root] | Metadata[Targets],
        beside: Mapping[str, Metadata[Root] | Metadata[Targets]],
    ) -> list[VerificationResult]:
        """Return, for each giver of a role, who has signed the piece, who may still, and how many must.

        A root has two givers, itself and the root before it. `beside` holds what is proposed with it and not stored.
        """
        givers: list[Root | Targets] = []
        if name == "root":
            assert isinstance(piece.signed, Root)
            before = self.root_before(piece.signed.version)
            givers = [piece.signed, *([before] if before is not None else [])]
        elif name == "targets":
            root = beside.get("root") or self._read("root", self._at_most("root", under(piece)), Root)
            assert isinstance(root.signed, Root)
            givers = [root.signed]
        else:
            targets = beside.get("targets") or self._read("targets", self._at_most("targets", under(piece)), Targets)
            assert isinstance(targets.signed, Targets)
            givers = [targets.signed]
        try:
            return [giver.get_verification_result(name, piece.signed_bytes, piece.signatures) for giver in givers]
        except (RepositoryError, ValueError):
            raise CustodyError(f"this publication has no role {name}") from None

    def threshold(self, name: str) -> tuple[int, list[str]]:
        """Return how many must sign a role, and the ids of the keys that may."""
        if name in {"root", "targets"}:
            role = self.root().signed.roles[name]
            return role.threshold, list(role.keyids)
        given = self.targets().signed.delegations
        if given is None or given.roles is None or name not in given.roles:
            raise CustodyError(f"this publication has no role {name}")
        return given.roles[name].threshold, list(given.roles[name].keyids)

    def withdraw(self) -> list[str]:
        """Delete every version that lacks a signature, and return the roles; what all have signed stays."""
        waiting = {name: piece for name in OFFLINE if (piece := self.pending(name)) is not None}
        for name, piece in waiting.items():
            files.delete(self.folder / "metadata" / file_name(name, piece.signed.version))
        return list(waiting)

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
        return self.recipients_in(piece.signed, self.target) if piece is not None else None

    @staticmethod
    def recipients_in(piece: Targets, read: Callable[[TargetFile], bytes]) -> RecipientList | None:
        """Return the list of recipients that a piece names, read by `read`; None while there is none."""
        if RECIPIENTS_TARGET not in piece.targets:
            return None
        try:
            return decode_recipients(read(piece.targets[RECIPIENTS_TARGET]))
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
        target = entry(path, data, version)
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
        root = self.root_in_force()
        targets = self._newest_signed("targets", root.signed) if root is not None else None
        found: Metadata[Root] | Metadata[Targets] | None = {"root": root, "targets": targets}.get(name)
        if name not in {"root", "targets"} and targets is not None:
            found = self._newest_signed(name, targets.signed)
        if found is None:
            missing = (
                "IT's signature: «sign packs» first" if name == "packs" else "a custodian's signature: they sign first"
            )
            raise CustodyError(f"the {name} metadata still lacks {missing}")
        return found.signed.version

    def _newest_signed(self, name: str, giver: Root | Targets) -> Metadata[Targets] | None:
        pieces = (self._read(name, version, Targets) for version in reversed(self._versions(name)))
        return next((piece for piece in pieces if _signed(giver, name, piece)), None)

    def _at_most(self, name: str, version: int) -> int:
        """Return the newest version there is, up to this one: a later change of keys asks nothing of older pieces."""
        return max((one for one in self._versions(name) if one <= version), default=version)

    def _givers(self, name: str) -> Iterator[Root | Targets]:
        """Yield who gave this role away, newest first: the roots in force, or the targets that one of them signed."""
        newest = self.root_in_force()
        roots = [self._read("root", one, Root).signed for one in range(newest.signed.version, 0, -1)] if newest else []
        if name == "targets":
            yield from roots
            return
        for version in reversed(self._versions("targets")):
            piece = self._read("targets", version, Targets)
            if any(under(piece) <= root.version and _signed(root, "targets", piece) for root in roots):
                yield piece.signed

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


def under(piece: Metadata[Root] | Metadata[Targets]) -> int:
    """Return the version of the root (for targets) or of targets (for the rest) that a piece was made under."""
    found = piece.signed.unrecognized_fields.get(UNDER, 1)
    return found if isinstance(found, int) else 1


def entry(path: str, data: bytes, version: int) -> TargetFile:
    """Return how metadata names a file; raises CustodyError where devices would not take it."""
    if len(data) > TARGET_MAX_BYTES:
        raise CustodyError(f"{path}: larger than the {TARGET_MAX_BYTES} bytes that devices take")
    target = TargetFile.from_data(path, data, ["sha256"])
    target.unrecognized_fields["custom"] = {"version": version}
    return target


def _signed(giver: Root | Targets, name: str, piece: Metadata[Targets]) -> bool:
    try:
        giver.verify_delegate(name, piece.signed_bytes, piece.signatures)
    except (RepositoryError, ValueError):
        return False
    return True
