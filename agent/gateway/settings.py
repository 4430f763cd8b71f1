"""Reads `<data_dir>/gateway.toml`: where the gateway listens, with which certificate, and which resolvers it asks.

Nothing in it widens what is observed, or turns anything off: whom it speaks for comes from the collector, and the rules
come signed.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Final

import msgspec

from agent.config import nearest
from agent.errors import ConfigError
from agent.gateway.upstream import Server, parse_server

SETTINGS_FILE: Final = "gateway.toml"
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]

_EXPECTED: Final = {
    "certificate": "the file of the certificate chain (PEM), for the gateway's name and all names under it",
    "key": "the file of the certificate's key (PEM)",
    "upstreams": 'a list of resolvers as ADDRESS#NAME, like ["9.9.9.9#dns.quad9.net"]',
    "address": 'the address to listen at, like "0.0.0.0"',
    "doh_port": "a port from 1 to 65535",
    "dot_port": "a port from 1 to 65535",
    "authority": "the file of an authority (PEM) that signs your own resolvers' certificates",
    "phones_seconds": "a number of seconds from 0.1 to 3600",
}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `gateway.toml` says. `authority` is for resolvers of the organisation's own; else the system's decide."""

    certificate: str
    key: str
    upstreams: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=16)]
    address: str = "0.0.0.0"  # noqa: S104 - phones come from everywhere
    doh_port: Port = 443
    dot_port: Port = 853
    authority: str = ""
    phones_seconds: Annotated[float, msgspec.Meta(ge=0.1, le=3600)] = 60.0

    @property
    def servers(self) -> tuple[Server, ...]:
        """The resolvers; `read` has checked them."""
        return tuple(parse_server(one) for one in self.upstreams)


def read(data_dir: Path) -> Settings:
    """Return what the file says; raises ConfigError with what was expected."""
    file = data_dir / SETTINGS_FILE
    try:
        table = tomllib.loads(file.read_bytes().decode())
    except FileNotFoundError:
        raise ConfigError(file, None, "there is no such file; it names certificate, key and upstreams") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise ConfigError(file, None, f"the file can't be read ({type(fault).__name__})") from fault
    known = Settings.__struct_fields__
    for key in table:
        if key not in known:
            raise ConfigError(file, None, f"«{key}» is not known; {nearest(key, known)}")
    for key in ("certificate", "key", "upstreams"):
        if key not in table:
            raise ConfigError(file, None, f"«{key}» is missing: {_EXPECTED[key]}")
    for key, value in table.items():
        try:
            msgspec.convert({"certificate": "c", "key": "k", "upstreams": ["a#b"], key: value}, Settings)
        except msgspec.ValidationError as fault:
            raise ConfigError(file, None, f"«{key}» is {_EXPECTED[key]}") from fault
    settings = msgspec.convert(table, Settings)
    try:
        assert settings.servers
    except ValueError as fault:
        raise ConfigError(file, None, f"«upstreams»: {fault}") from fault
    for key in ("certificate", "key", "authority"):
        name = getattr(settings, key)
        if name and not Path(name).is_file():
            raise ConfigError(file, None, f"«{key}»: there is no file {name}")
    return settings
