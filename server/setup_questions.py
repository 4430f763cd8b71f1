"""What `fairwatch-server setup` has to know: each question once, in words, with what an answer may be."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from server import acme_settings, config
from server.errors import ConfigError, SetUpError

PORTS = 65536
Answers = dict[str, str]
"""What was answered, by the question's key; empty where it was left out."""


@dataclass(frozen=True)
class Question:
    """One thing to know: asked only where `when` the earlier answers call for it."""

    key: str
    words: str
    check: Callable[[str], str | None]
    usual: str | Callable[[Answers], str] = ""
    hidden: bool = False
    when: Callable[[Answers], bool] = lambda _: True

    def default(self, given: Answers) -> str:
        """What is taken when nobody answers."""
        return self.usual if isinstance(self.usual, str) else self.usual(given)

    @property
    def option(self) -> str:
        """The option that answers it."""
        return f"--{self.key.replace('_', '-')}"


Ask = Callable[[Question, str], str]
"""Asks one question, given its default, until the answer can be used."""


def by_config(section: str, key: str, more: str = "") -> Callable[[str], str | None]:
    """Return a check that asks collector.toml's own reader; it tells what is wrong, or None."""

    def check(answer: str) -> str | None:
        if not answer:
            return None
        value = json.dumps(answer, ensure_ascii=False)
        value = f"[{value}]" if key == "head_to" else value
        head = f"[{section}]\n" if section else ""
        try:
            config.parse(f"{head}{more}{key} = {value}\n", config.FILE_NAME)
        except ConfigError as fault:
            return str(fault).partition(": ")[2]
        return None

    return check


def _name(answer: str) -> str | None:
    return None if 1 <= len(answer) <= 200 else "the name has 1 to 200 characters"


def _zone(answer: str) -> str | None:
    try:
        ZoneInfo(answer)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"a time zone is a name like Europe/London, not {answer!r}"
    return None


def _file(answer: str) -> str | None:
    return None if not answer or Path(answer).is_file() else f"{answer}: there is no such file"


def _folder(answer: str) -> str | None:
    return None if not answer or Path(answer).is_absolute() else "say the whole path, like /mnt/backups/fairwatch"


def _port(answer: str) -> str | None:
    good = not answer or (answer.isascii() and answer.isdigit() and 0 < int(answer) < PORTS)
    return None if good else "a port is a number from 1 to 65535"


def _wanted(check: Callable[[str], str | None], otherwise: str) -> Callable[[str], str | None]:
    """Return the check with an empty answer refused."""
    return lambda answer: check(answer) if answer else otherwise


def _listen(given: Answers) -> str:
    parts = urlsplit(given["url"])
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 443)
    return f"127.0.0.1:{port}" if parts.hostname in {"localhost", "127.0.0.1"} else f"0.0.0.0:{port}"


def _wanted_whole_file(answer: str) -> str | None:
    return "say the whole path" if answer and not Path(answer).is_absolute() else _file(answer)


def _may_ask_authority(given: Answers) -> bool:
    """Whether an authority could give a certificate: for a name that others know."""
    parts = urlsplit(given["url"])
    host = parts.hostname or ""
    return parts.scheme == "https" and "." in host.rstrip(".") and host.rpartition(".")[2].isalpha()


def _by_acme(given: Answers) -> bool:
    return bool(given["acme_email"])


def _anything(_: str) -> str | None:
    return None


_MAIL = 'host = "mail.example"\nfrom = "a@mail.example"\n'
_ACME = 'email = "it@mail.example"\nagreed = true\n'
_SENDER = 'host = "mail.example"\n'
_FROM = 'from = "a@mail.example"\n'

QUESTIONS = (
    Question("name", "The organisation's name", _name),
    Question("timezone", "Its time zone", _zone, "Europe/London"),
    Question(
        "url",
        "The address that devices and people use; it can't be changed later",
        by_config("", "url"),
        "https://localhost:8460",
    ),
    Question("listen", "Where to listen; 0.0.0.0 is on every interface", by_config("", "listen"), _listen),
    Question(
        "acme_email",
        "To have Let's Encrypt, or another authority, give and renew the certificate: the address it writes to; "
        "empty: no",
        by_config("acme", "email", "agreed = true\n"),
        when=_may_ask_authority,
    ),
    Question(
        "acme_directory",
        "Where that authority is asked (its ACME directory)",
        by_config("acme", "directory", _ACME),
        acme_settings.LETS_ENCRYPT,
        when=_by_acme,
    ),
    Question(
        "acme_authority",
        "Who vouches for that address (a PEM file); empty: an authority that everybody knows",
        _wanted_whole_file,
        when=lambda given: _by_acme(given) and given["acme_directory"] != acme_settings.LETS_ENCRYPT,
    ),
    Question(
        "acme_listen",
        "Where its question is answered: what the internet reaches as port 80",
        by_config("acme", "listen", _ACME),
        acme_settings.AcmeSettings.listen,
        when=_by_acme,
    ),
    Question(
        "acme_agree",
        "Say yes if you agree to its terms (Let's Encrypt's are at https://letsencrypt.org/repository/)",
        lambda answer: None if answer == "yes" else "it gives certificates only to who agrees: say yes, or ask nobody",
        when=_by_acme,
    ),
    Question(
        "certificate",
        "The certificate's file (PEM, with its issuers); empty: the collector makes its own, which browsers warn of",
        _file,
        when=lambda given: given["url"].startswith("https://") and not _by_acme(given),
    ),
    Question(
        "certificate_key",
        "The certificate's key file",
        _wanted(_file, "say where its key is"),
        when=lambda given: bool(given["certificate"]),
    ),
    Question("mail_host", "The mail server; empty: name it later", by_config("mail", "host", _FROM)),
    Question(
        "mail_security",
        "How mail is protected on the way: starttls, ssl or none",
        by_config("mail", "security", _MAIL),
        "starttls",
        when=lambda given: bool(given["mail_host"]),
    ),
    Question(
        "mail_port",
        "The mail server's port; empty: the usual one",
        _port,
        when=lambda given: bool(given["mail_host"]),
    ),
    Question(
        "mail_from",
        "The sender, like Fairwatch <fairwatch@example.org>",
        _wanted(by_config("mail", "from", _SENDER), "say from which address mails come"),
        lambda given: f"Fairwatch <fairwatch@{urlsplit(given['url']).hostname}>",
        when=lambda given: bool(given["mail_host"]),
    ),
    Question("mail_user", "Who signs in there; empty: nobody", _anything, when=lambda given: bool(given["mail_host"])),
    Question("mail_password", "The password", _anything, hidden=True, when=lambda given: bool(given["mail_user"])),
    Question(
        "head_to",
        "Who outside IT gets the audit log's newest line each day, like mailto:chair@example.org; empty: nobody yet",
        by_config("audit", "head_to"),
    ),
    Question(
        "backup_key",
        "The key that seals nightly backups, from «fairwatch-custody backup-key»; empty: none are made yet",
        by_config("backup", "key"),
    ),
    Question(
        "backup_to",
        "The folder for them, on a mount; empty: the collector's own",
        _folder,
        when=lambda given: bool(given["backup_key"]),
    ),
)


def from_file(path: Path) -> Answers:
    """Return the answers in a TOML file: keys are the questions'.

    Raises SetUpError for what is not understood, and for a password that other accounts of the machine could read.
    """
    try:
        found = tomllib.loads(path.read_text("utf-8"))
        open_to_others = os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077
    except FileNotFoundError:
        raise SetUpError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise SetUpError(f"{path} can't be read as TOML: {fault}") from None
    known = {one.key for one in QUESTIONS}
    for key, value in found.items():
        if key not in known:
            raise SetUpError(f"{path}: unknown key {key!r}; known are {', '.join(sorted(known))}")
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise SetUpError(f"{path}: {key} must be text")
    if open_to_others and found.get("mail_password"):
        raise SetUpError(f"{path} holds a password and others may read it: chmod 600 it, and take another password")
    return {key: str(value) for key, value in found.items()}


def head(answers: Mapping[str, str], there: Mapping[str, Any]) -> str:
    """Return what stands before the sections of collector.toml, without the keys that are there."""
    lines = [f"{key} = {json.dumps(answers[key], ensure_ascii=False)}" for key in ("url", "listen") if key not in there]
    first = [] if there else ["# How this collector is reached. `fairwatch-server doctor` checks this file."]
    return "".join(f"{line}\n" for line in (*first, *lines)) if lines else ""


def sections(answers: Mapping[str, str]) -> dict[str, str]:
    """Return the sections of collector.toml that the answers ask for, each as its text."""
    return {name: _section(name, values) for name, values in values_of(answers).items()}


def values_of(answers: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return what the sections say, without what was left out."""
    found: dict[str, dict[str, Any]] = {}
    if answers["acme_email"]:
        usual = acme_settings.AcmeSettings()
        found["acme"] = {"email": answers["acme_email"], "agreed": answers["acme_agree"] == "yes"}
        for key in ("directory", "listen", "authority"):
            given = answers[f"acme_{key}"]
            found["acme"][key] = "" if given == getattr(usual, key) else given
    if answers["mail_host"]:
        found["mail"] = {
            "host": answers["mail_host"],
            "port": int(answers["mail_port"]) if answers["mail_port"] else "",
            "security": answers["mail_security"],
            "from": answers["mail_from"],
            "user": answers["mail_user"],
            "password": answers["mail_password"],
        }
    if answers["head_to"]:
        found["audit"] = {"head_to": [answers["head_to"]]}
    if answers["backup_key"]:
        found["backup"] = {"key": answers["backup_key"], "to": answers["backup_to"]}
    return {name: {key: one for key, one in values.items() if one != ""} for name, values in found.items()}


def _section(name: str, values: Mapping[str, Any]) -> str:
    rows = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(("", f"[{name}]", *rows, ""))
