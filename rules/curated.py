"""Reads the curated packs: TOML files of hosts and apps, each with a reason, and examples that must hold."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from rules.apps import entries_for, is_app, normalise_app
from rules.errors import AppRefused, HostRefused, PackError, nearest_known
from rules.hosts import normalise_host, suffixes
from rules.model import NAMEABLE, NO_CATEGORY, Taxonomy
from rules.suffixes import PublicSuffixes


class Examples(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names that the pack must match, and near ones that it must not."""

    match: tuple[str, ...]
    no_match: tuple[str, ...]


class CuratedPack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One curated pack. `basis` says where its entries come from; `hosts` and `apps` give a reason for each.

    `named_suffixes` are the public suffixes among the hosts, named because one organisation holds all names below
    (nhs.uk); any other public suffix is refused.
    """

    title: str
    category: str
    basis: str
    reviewed: str
    examples: Examples
    id: str = ""
    hosts: dict[str, str] = {}
    apps: dict[str, str] = {}
    named_suffixes: tuple[str, ...] = ()

    def names(self, name: str) -> bool:
        """Whether the pack has an entry that covers this normalised host, or speaks for this app identity."""
        if is_app(name):
            return any(entry in self.apps for entry in entries_for(normalise_app(name)))
        return any(suffix in self.hosts for suffix in suffixes(name))


def shipped_packs(taxonomy: Taxonomy) -> tuple[CuratedPack, ...]:
    """The curated packs that come with Fairwatch, in the order of their file names."""
    return load_packs(Path(__file__).with_name("packs"), taxonomy)


def load_packs(folder: Path, taxonomy: Taxonomy) -> tuple[CuratedPack, ...]:
    """Every `*.toml` of the folder, checked one by one and against each other; raises PackError."""
    suffix_list = PublicSuffixes.shipped()
    packs = tuple(load_pack(path, taxonomy, suffix_list) for path in sorted(folder.glob("*.toml")))
    check_together(packs, taxonomy)
    return packs


def load_pack(path: Path, taxonomy: Taxonomy, suffix_list: PublicSuffixes) -> CuratedPack:
    """One curated pack; raises PackError with the file's name and the first thing that is wrong."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise PackError(f"{path.name}: can't be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise PackError(f"{path.name}: not UTF-8 text") from None
    pack = parse_pack(text, path.name)
    _check_pack(pack, path.name, taxonomy, suffix_list)
    return pack


def parse_pack(text: str, file_name: str) -> CuratedPack:
    """The pack that a TOML text holds, its entries unchecked; raises PackError."""
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PackError(f"{file_name}: not TOML: {error}") from None
    known = [name for name in CuratedPack.__struct_fields__ if name != "id"]
    for key in table:
        if key not in known:
            nearest = nearest_known(key, known)
            hint = f" (did you mean {nearest!r}?)" if nearest is not None else ""
            raise PackError(f"{file_name}: unknown key {key!r}{hint}")
    try:
        return msgspec.convert({"id": file_name.removesuffix(".toml"), **table}, CuratedPack)
    except msgspec.ValidationError as error:
        raise PackError(f"{file_name}: {error}") from None


def categorised(packs: Iterable[CuratedPack]) -> list[CuratedPack]:
    """Those of the packs that put their entries in a category."""
    return [pack for pack in packs if pack.id not in NO_CATEGORY]


def check_together(packs: Iterable[CuratedPack], taxonomy: Taxonomy) -> None:
    """Refuses packs that contradict each other: raises PackError with the first of `contradictions`."""
    found = contradictions(packs, taxonomy)
    if found:
        raise PackError(found[0])


def contradictions(packs: Iterable[CuratedPack], taxonomy: Taxonomy) -> list[str]:
    """Where packs contradict each other, each as a sentence that names the file and the entry.

    A harmful or allowed entry that a protected one covers; an allowed one that a curated pack flags; a nameable one
    that is private or in no category; one that is flagged as one category and counted as another.
    """
    every = tuple(packs)
    in_category = categorised(every)
    protected = [pack for pack in in_category if taxonomy.get(pack.category).protected]
    flagged = [pack for pack in in_category if taxonomy.get(pack.category).response == "flag"]
    found = []
    for pack in every:
        for name in (*pack.hosts, *pack.apps):
            by = next((other.id for other in protected if other.names(name)), None)
            if pack not in protected and pack.id != NAMEABLE and by is not None:
                found.append(f"{pack.id}.toml: {name}: the protected pack {by!r} holds it")
            if pack in protected or pack in flagged:
                continue
            by = next((other.id for other in flagged if other.names(name)), None)
            if by is not None and pack.id != NAMEABLE:
                found.append(f"{pack.id}.toml: {name}: the pack {by!r} flags it")
            if pack.id == NAMEABLE:
                found += _wrongly_nameable(name, in_category, taxonomy)
    return found


def _wrongly_nameable(name: str, in_category: list[CuratedPack], taxonomy: Taxonomy) -> list[str]:
    found = [other.category for other in in_category if other.names(name)]
    if not found:
        return [f"{NAMEABLE}.toml: {name}: in no category, so it may not be named"]
    private = next((category for category in found if taxonomy.get(category).sensitive), None)
    if private is not None:
        return [f"{NAMEABLE}.toml: {name}: in the sensitive category {private!r}, so it may not be named"]
    return []


def _check_pack(pack: CuratedPack, file_name: str, taxonomy: Taxonomy, suffix_list: PublicSuffixes) -> None:
    if pack.id in NO_CATEGORY:
        if pack.category != pack.id:
            raise PackError(f"{file_name}: its category must be {pack.id!r}")
    else:
        taxonomy.get(pack.category)
    if not pack.hosts and not pack.apps:
        raise PackError(f"{file_name}: it has no entries")
    for name, reason in (*pack.hosts.items(), *pack.apps.items()):
        if not reason.strip():
            raise PackError(f"{file_name}: {name}: no reason is given")
    for suffix in pack.named_suffixes:
        if suffix not in pack.hosts or not suffix_list.holds(suffix):
            raise PackError(f"{file_name}: named_suffixes: {suffix} is not both a public suffix and an entry")
    for host in pack.hosts:
        _check_host(host, pack, file_name, suffix_list)
    for identity in pack.apps:
        try:
            if normalise_app(identity) != identity:
                raise PackError(f"{file_name}: {identity}: write it as {normalise_app(identity)}")
        except AppRefused as error:
            raise PackError(f"{file_name}: {identity}: {error}") from None
    _check_examples(pack, file_name)


def _check_host(host: str, pack: CuratedPack, file_name: str, suffix_list: PublicSuffixes) -> None:
    try:
        if normalise_host(host) != host:
            raise PackError(f"{file_name}: {host}: write it as {normalise_host(host)}")
    except HostRefused as error:
        raise PackError(f"{file_name}: {host}: {error}") from None
    if suffix_list.holds(host) and host not in pack.named_suffixes:
        raise PackError(f"{file_name}: {host}: a public suffix, which is no one site")
    covered = next((parent for parent in suffixes(host)[1:] if parent in pack.hosts), None)
    if covered is not None:
        raise PackError(f"{file_name}: {host}: {covered} covers it already")


def _check_examples(pack: CuratedPack, file_name: str) -> None:
    if not pack.examples.match or not pack.examples.no_match:
        raise PackError(f"{file_name}: at least one example of each kind is needed: match and no_match")
    for name in pack.examples.match:
        if not pack.names(name):
            raise PackError(f"{file_name}: the example {name} should match and does not")
    for name in pack.examples.no_match:
        if pack.names(name):
            raise PackError(f"{file_name}: the example {name} should not match and does")
