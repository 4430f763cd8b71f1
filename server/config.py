"""Read collector.toml strictly: an unknown key or a wrong value is refused with its file, line and nearest key."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import unquote, urlsplit

from server import (
    acme_settings,
    backup_settings,
    list_settings,
    notify_config,
    phone_settings,
    retention_kinds,
    sign_in_settings,
    training_settings,
)
from server.acme_settings import AcmeSettings
from server.backup_settings import BackupSettings
from server.errors import ConfigError
from server.list_presets import PRESETS
from server.list_settings import ListSettings
from server.notify_config import Contact, Escalating, Mail, Summaries
from server.phone_settings import PhoneSettings
from server.sign_in_settings import SignIn
from server.training_settings import TrainingSettings

FILE_NAME = "collector.toml"
DATABASE_VARIABLE = "FAIRWATCH_DATABASE"
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Database:
    """Where the records are: SQLite in the data folder, or a PostgreSQL server (`host` may name several)."""

    engine: Literal["sqlite", "postgresql"] = "sqlite"
    host: str = ""
    port: str = ""
    name: str = "fairwatch"
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Audit:
    """Where the audit log's head goes each day, outside IT: `mailto:` addresses and https addresses (webhooks)."""

    head_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Config:
    """What collector.toml may say. `url` is what devices and people use; `hosts` are further names for it."""

    url: str = "https://localhost:8460"
    listen: str = "127.0.0.1:8460"
    hosts: tuple[str, ...] = ()
    behind_proxy: bool = False
    workers: int = 1
    database: Database = field(default_factory=Database)
    audit: Audit = field(default_factory=Audit)
    acme: AcmeSettings = field(default_factory=AcmeSettings)
    backup: BackupSettings = field(default_factory=BackupSettings)
    lists: tuple[ListSettings, ...] = ()
    mail: Mail = field(default_factory=Mail)
    escalation: Escalating = field(default_factory=Escalating)
    contacts: tuple[Contact, ...] = ()
    sign_in: SignIn = field(default_factory=SignIn)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    phones: PhoneSettings = field(default_factory=PhoneSettings)
    retention: Mapping[str, int] = field(default_factory=dict)
    summary: Summaries = field(default_factory=Summaries)

    @property
    def tls(self) -> bool:
        """Whether people and devices reach the collector over TLS."""
        return self.url.startswith("https://")

    @property
    def allowed_hosts(self) -> list[str]:
        """The host names under which pages are served; another Host header is refused (DNS rebinding)."""
        own = urlsplit(self.url).hostname or "localhost"
        return list(dict.fromkeys([own, *self.hosts, "localhost", "127.0.0.1", "[::1]"]))


def load(data_dir: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Return the configuration of a data folder; without a file, the defaults. Raises ConfigError.

    `FAIRWATCH_DATABASE` in the environment (`postgresql://user:password@host:port/name`) goes above the file.
    """
    path = data_dir / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError(str(path), None, f"the file can't be read as UTF-8 text ({type(fault).__name__})") from None
    config = parse(text, str(path))
    if config.sign_in.oidc is not None:
        try:
            provider = sign_in_settings.with_secret(config.sign_in.oidc, data_dir, environment)
        except ValueError as fault:
            raise ConfigError(str(path), _line_of(text, "id", "sign_in.oidc"), str(fault)) from None
        config = replace(config, sign_in=replace(config.sign_in, oidc=provider))
    address = environment.get(DATABASE_VARIABLE)
    if address:
        config = Config(**{**config.__dict__, "database": _from_address(address)})
    return config


def parse(text: str, file_name: str) -> Config:
    """Return the configuration that a text says; raises ConfigError with file, line and nearest key."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        line = re.search(r"at line (\d+)", str(fault))
        problem = re.sub(r" \(at .*\)$", "", str(fault))
        raise ConfigError(file_name, int(line[1]) if line else None, f"this is not TOML: {problem}") from None
    values = _section(found, _TOP, text, file_name, "")
    if "database" in values:
        values["database"] = Database(**_section(values["database"], _DATABASE, text, file_name, "database"))
    if "audit" in values:
        values["audit"] = Audit(**_section(values["audit"], _AUDIT, text, file_name, "audit"))
    if "acme" in values:
        acme = _section(values["acme"], acme_settings.KEYS, text, file_name, "acme")
        values["acme"] = _made(acme_settings.acme_settings, acme, file_name, _line_of(text, "acme", ""))
    if "backup" in values:
        backup = _section(values["backup"], backup_settings.KEYS, text, file_name, "backup")
        values["backup"] = _made(backup_settings.backup_settings, backup, file_name, _line_of(text, "backup", ""))
    if "retention" in values:
        values["retention"] = _section(values["retention"], retention_kinds.KEYS, text, file_name, "retention")
    if "sign_in" in values:
        values["sign_in"] = _sign_in(values["sign_in"], text, file_name)
    if "training" in values:
        values["training"] = TrainingSettings(
            **_section(values["training"], training_settings.KEYS, text, file_name, "training")
        )
    if "phones" in values:
        values["phones"] = PhoneSettings(**_section(values["phones"], phone_settings.KEYS, text, file_name, "phones"))
    values["lists"] = _lists(values.get("lists", ()), text, file_name)
    if "escalation" in values:
        steps = _section(values["escalation"], notify_config.ESCALATION_KEYS, text, file_name, "escalation")
        values["escalation"] = Escalating(**steps)
    if "summary" in values:
        values["summary"] = Summaries(
            **_section(values["summary"], notify_config.SUMMARY_KEYS, text, file_name, "summary")
        )
    if "mail" in values:
        mail = _section(values["mail"], notify_config.MAIL_KEYS, text, file_name, "mail")
        values["mail"] = _made(notify_config.mail, mail, file_name, _line_of(text, "mail", ""))
    values["contacts"] = tuple(
        _made(
            notify_config.contact,
            _section(table, notify_config.CONTACT_KEYS, text, file_name, "contacts", number),
            file_name,
            _line_of(text, "contacts", "", number),
        )
        for number, table in enumerate(values.get("contacts", ()), start=1)
    )
    return Config(**values)


def _made(make: Callable[[dict[str, Any]], _Made], values: dict[str, Any], file_name: str, line: int | None) -> _Made:
    try:
        return make(values)
    except ValueError as fault:
        raise ConfigError(file_name, line, str(fault)) from None


def port_of(url: str) -> int:
    """Return the port of an address, or 8460 when it says none or is not one."""
    try:
        return urlsplit(url).port or 8460
    except ValueError:
        return 8460


def _lists(tables: tuple[dict[str, Any], ...], text: str, file_name: str) -> tuple[ListSettings, ...]:
    lists: dict[str, ListSettings] = {}
    for number, table in enumerate(tables, start=1):
        values = _section(table, list_settings.KEYS, text, file_name, "lists", number)
        line = _line_of(text, "id", "lists", number) or _line_of(text, "lists", "", number)
        try:
            one = list_settings.list_settings(values)
        except ValueError as fault:
            raise ConfigError(file_name, line, str(fault)) from None
        if one.id in lists:
            raise ConfigError(file_name, line, f"two lists have the id {one.id!r}")
        lists[one.id] = one
    return tuple(lists.values())


def _sign_in(found: dict[str, Any], text: str, file_name: str) -> SignIn:
    values = _section(found, sign_in_settings.KEYS, text, file_name, "sign_in")
    line = _line_of(text, "second_factor", "sign_in")
    try:
        sign_in_settings.checked_roles(values)
        if "oidc" in values:
            provider = _section(values["oidc"], sign_in_settings.OIDC_KEYS, text, file_name, "sign_in.oidc")
            line = _line_of(text, "id", "sign_in.oidc")
            values["oidc"] = sign_in_settings.oidc(provider)
    except ValueError as fault:
        raise ConfigError(file_name, line, str(fault)) from None
    return SignIn(**values)


def _section(
    found: dict[str, Any], known: Mapping[str, _Rule], text: str, file_name: str, section: str, number: int = 1
) -> dict[str, Any]:
    values = {}
    for key, value in found.items():
        line = _line_of(text, key, section, number)
        rule = known.get(key)
        if rule is None:
            nearest = next(iter(get_close_matches(key, known)), None)
            expected = ", ".join(known)
            raise ConfigError(file_name, line, f"unknown key {key!r}; known are {expected}", nearest)
        check, expected = rule
        if not check(value):
            near = next(iter(get_close_matches(value, PRESETS)), None) if key == "preset" and _is_text(value) else None
            raise ConfigError(file_name, line, f"{key} must be {expected}", near)
        values[key] = tuple(value) if isinstance(value, list) else value
    return values


def _line_of(text: str, key: str, section: str, wanted: int = 1) -> int | None:
    """Find the line of a key; `wanted` says of which of several sections with one name."""
    here, times = "", {"": 1}
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
        if header:
            here = header[1]
            times[here] = times.get(here, 0) + 1
            if not section and here.split(".")[0] == key and times[here] == wanted:
                return number
        elif here == section and times[here] == wanted and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*[.=]""", line):
            return number
    return None


def _from_address(address: str) -> Database:
    try:
        parts = urlsplit(address)
        good = parts.scheme in {"postgresql", "postgres"} and len(parts.path) > 1
        port = str(parts.port or "")
    except ValueError:
        good = False
    if not good:
        raise ConfigError(DATABASE_VARIABLE, None, "must look like postgresql://user:password@host:port/name")
    return Database(
        engine="postgresql",
        host=unquote(_host(parts.netloc)),
        port=port,
        name=unquote(parts.path[1:]),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _host(netloc: str) -> str:
    # Not `.hostname`, which lowers the case: the host may be the folder of a socket.
    return re.sub(r":\d*$", "", netloc.rpartition("@")[2]).strip("[]")


def _is_url(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.path in {"", "/"} and not parts.query


def _is_hosts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one and "/" not in one for one in value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_head_to(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and _HEAD_TO.fullmatch(one) for one in value)


def _is_workers(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 64


_HEAD_TO = re.compile(r"mailto:[^@\s,?]+@[A-Za-z0-9.-]+|https://[A-Za-z0-9.-]+(:\d{1,5})?(/\S*)?")
_Rule = tuple[Callable[[object], bool], str]
_TOP: dict[str, _Rule] = {
    "url": (_is_url, 'an address without a path, like "https://fairwatch.example.org"'),
    "listen": (acme_settings.is_listen, 'an address and port, like "0.0.0.0:8443"'),
    "hosts": (_is_hosts, 'a list of host names, like ["fairwatch.local"]'),
    "behind_proxy": (lambda value: isinstance(value, bool), "true or false"),
    "workers": (_is_workers, "a whole number from 1 to 64 (SQLite always uses 1)"),
    "database": (lambda value: isinstance(value, dict), "a section: [database]"),
    "audit": (lambda value: isinstance(value, dict), "a section: [audit]"),
    "acme": (lambda value: isinstance(value, dict), "a section: [acme]"),
    "backup": (lambda value: isinstance(value, dict), "a section: [backup]"),
    "sign_in": (lambda value: isinstance(value, dict), "a section: [sign_in]"),
    "training": (lambda value: isinstance(value, dict), "a section: [training]"),
    "phones": (lambda value: isinstance(value, dict), "a section: [phones]"),
    "retention": (lambda value: isinstance(value, dict), "a section: [retention]"),
    "lists": (
        lambda value: isinstance(value, list) and all(isinstance(one, dict) for one in value),
        "sections: [[lists]]",
    ),
    "mail": (lambda value: isinstance(value, dict), "a section: [mail]"),
    "escalation": (lambda value: isinstance(value, dict), "a section: [escalation]"),
    "summary": (lambda value: isinstance(value, dict), "a section: [summary]"),
    "contacts": (
        lambda value: isinstance(value, list) and len(value) <= 20 and all(isinstance(one, dict) for one in value),
        "at most 20 sections: [[contacts]]",
    ),
}
_DATABASE: dict[str, _Rule] = {
    "engine": (lambda value: value in {"sqlite", "postgresql"}, '"sqlite" or "postgresql"'),
    "host": (_is_text, 'text, like "db1.example.org"'),
    "port": (_is_text, 'text, like "5432"'),
    "name": (_is_text, "text: the database's name"),
    "user": (_is_text, "text: the database's user"),
    "password": (_is_text, "text"),
}
_AUDIT: dict[str, _Rule] = {
    "head_to": (_is_head_to, 'a list like ["mailto:chair@example.org", "https://hooks.example.org/audit"]'),
}
