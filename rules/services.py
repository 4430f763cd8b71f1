"""Which app or service a host name belongs to, so that of a phone it can be said which app was likely used.

Only names are seen of a phone, never its apps. A name that an app alone asks for (`app`) says more than one that its
site asks for as well (`either`). What is said of it is *likely app use*, never more.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from rules.errors import HostRefused, PackError, TaxonomyError
from rules.hosts import normalise_host, suffixes
from rules.model import Taxonomy
from rules.suffixes import PublicSuffixes

Confidence = Literal["app", "either"]

FILE: Final = Path(__file__).with_name("services.toml")
PREFIX: Final = "service:"
"""What the identity of a service begins with, where one stands for an app in packs and observations."""


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One app or service, as `services.toml` says it; `id` is the name of its table."""

    name: str
    category: str
    id: str = ""
    app: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    embedded: tuple[str, ...] = ()
    android: tuple[str, ...] = ()
    ios: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """The service as an app identity, such as `service:tiktok`."""
        return PREFIX + self.id


class Hit(NamedTuple):
    """The service of a host, and whether only its app asks for it."""

    service: Service
    confidence: Confidence


def service_of(host: str) -> Hit | None:
    """The service that this normalised host belongs to, by its longest entry; None for all others.

    None as well for what other sites build in (buttons, counting), which says nothing of who uses the service.
    """
    table = _table()
    while True:
        if host in table:
            return table[host]
        cut = host.find(".")
        if cut < 0:
            return None
        host = host[cut + 1 :]


def observe_services(names: Iterable[str]) -> list[tuple[str, Confidence]]:
    """The services of one burst of names, each once as (identity, confidence), in the order in which they came.

    `app` where any name of the burst is its app's alone. To be handed on as apps that were likely used.
    """
    found: dict[str, Confidence] = {}
    for name in names:
        hit = service_of(name)
        if hit is not None and found.get(hit.service.identity) != "app":
            found[hit.service.identity] = hit.confidence
    return list(found.items())


def service_of_package(platform: Literal["android", "ios"], package: str) -> Service | None:
    """The service whose app has this package name (Android) or bundle id (iOS), for a companion that knows it."""
    return _packages().get((platform, package if platform == "android" else package.lower()))


def in_words(name: str) -> str:
    """A name as people read it: `TikTok (likely app use)` for a service's identity, and any other name as it is."""
    one = shipped().get(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
    return f"{one.name} (likely app use)" if one is not None else name


@cache
def shipped() -> dict[str, Service]:
    """Every service that comes with Fairwatch, under its id; raises PackError. Read at its first use."""
    return parse(FILE.read_text("utf-8"), FILE.name)


def parse(text: str, file_name: str) -> dict[str, Service]:
    """The services that a text says, their hosts unchecked (`problems` checks); raises PackError."""
    try:
        tables = tomllib.loads(text)
        return {key: msgspec.convert({**table, "id": key}, Service) for key, table in tables.items()}
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, TypeError) as error:
        raise PackError(f"{file_name}: {error}") from None


def problems(services: dict[str, Service], taxonomy: Taxonomy, protected: Iterable[str]) -> list[str]:
    """What is wrong with these services, each as a sentence; `protected` are the hosts that no rule may flag.

    A host that stands twice, is misspelt, is a public suffix, or is protected, covers what is or is covered by it.
    """
    suffix_list = PublicSuffixes.shipped()
    held = set(protected)
    above = {parent for host in held for parent in suffixes(host)}
    seen: dict[str, str] = {}
    said = []
    for one in services.values():
        try:
            category = taxonomy.get(one.category)
        except TaxonomyError as error:
            said.append(f"{one.id}: {error}")
        else:
            said += [f"{one.id}: {category.id} is protected, so no app of it is told"] if category.protected else []
        said += [] if one.app or one.either else [f"{one.id}: no hosts"]
        for host in (*one.app, *one.either, *one.embedded):
            said += [f"{one.id}: {host}: {why}" for why in _host_problems(host, suffix_list)]
            if host in seen:
                said.append(f"{one.id}: {host}: in {seen[host]} already")
            if host in above or any(parent in held for parent in suffixes(host)):
                said.append(f"{one.id}: {host}: the protected list holds it, or a name below it")
            seen[host] = one.id
    return said


def _host_problems(host: str, suffix_list: PublicSuffixes) -> list[str]:
    try:
        spelt = normalise_host(host)
    except HostRefused as error:
        return [str(error)]
    if spelt != host:
        return [f"write it as {spelt}"]
    return ["a public suffix, which is no one's service"] if suffix_list.holds(host) else []


@cache
def _table() -> dict[str, Hit | None]:
    """Each host to what it says; None for what is built in elsewhere."""
    table: dict[str, Hit | None] = {}
    for one in shipped().values():
        table |= dict.fromkeys(one.app, Hit(one, "app"))
        table |= dict.fromkeys(one.either, Hit(one, "either"))
        table |= dict.fromkeys(one.embedded, None)
    return table


@cache
def _packages() -> dict[tuple[str, str], Service]:
    """Android compares package names letter by letter, Apple without regard to case."""
    android = {("android", package): one for one in shipped().values() for package in one.android}
    return android | {("ios", bundle.lower()): one for one in shipped().values() for bundle in one.ios}
