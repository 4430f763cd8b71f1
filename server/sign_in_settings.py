"""What collector.toml says about signing in: which roles need a second factor, and the single sign-on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

ROLES: Final = ("lead", "deputy", "it", "manager", "dpo")
SECRET_VARIABLE: Final = "FAIRWATCH_OIDC_SECRET"  # noqa: S105 - the name of the variable, not a secret


@dataclass(frozen=True)
class Oidc:
    """The organisation's identity provider (Entra ID, Google, any OpenID Connect server).

    `trusted` lets a verified address lead to the account that IT made with it. Without it people connect their own
    account after signing in another way. `tenants` are values of the claim `tid` (Entra ID) or `hd` (Google).
    """

    id: str
    name: str
    server: str
    client_id: str
    secret: str = field(default="", repr=False)
    secret_file: str = ""
    tenants: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    trusted: bool = False
    counts_as_second_factor: bool = False


@dataclass(frozen=True)
class SignIn:
    """Which roles need a second factor, and the identity provider if there is one."""

    second_factor: tuple[str, ...] = ("lead", "deputy", "dpo", "it")
    oidc: Oidc | None = None


def checked_roles(values: Mapping[str, Any]) -> None:
    """Raise ValueError with a sentence when a role is named that is none."""
    for role in values.get("second_factor", ()):
        if role not in ROLES:
            near = next(iter(get_close_matches(role, ROLES)), None)
            hint = f" (did you mean {near!r}?)" if near else ""
            raise ValueError(f"{role!r} is not a role; roles are {', '.join(ROLES)}{hint}")


def oidc(values: Mapping[str, Any]) -> Oidc:
    """Return the identity provider that a section names, its secret not read yet; raises ValueError with a sentence."""
    missing = [key for key in ("id", "name", "server", "client_id") if key not in values]
    if missing:
        raise ValueError(f"[sign_in.oidc] also needs {', '.join(missing)}")
    made = Oidc(**{"secret_file" if key == "client_secret_file" else key: value for key, value in values.items()})
    if made.trusted and not (made.tenants or made.domains):
        # Else whoever can get any account at a public provider with a borrowed address could sign in as its owner.
        raise ValueError("trusted = true needs tenants or domains, so that only your organisation's accounts are taken")
    if made.counts_as_second_factor and not (made.tenants or made.domains):
        raise ValueError("counts_as_second_factor = true needs tenants or domains")
    return made


def with_secret(provider: Oidc, data_dir: Path, environment: Mapping[str, str]) -> Oidc:
    """Return the provider with its client secret, from the environment or the file; raises ValueError without one."""
    secret = environment.get(SECRET_VARIABLE, "")
    if not secret and provider.secret_file:
        path = data_dir / provider.secret_file
        try:
            secret = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as fault:
            raise ValueError(f"client_secret_file {path} can't be read ({type(fault).__name__})") from None
    if not secret:
        raise ValueError(f"[sign_in.oidc] needs client_secret_file, or {SECRET_VARIABLE} in the environment")
    return Oidc(**{**provider.__dict__, "secret": secret})


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one.strip() for one in value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[a-z0-9-]{1,32}", value))


def _is_server(value: object) -> bool:
    """Whether it is an https address; plain http only to this machine, else anybody on the way could sign in."""
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and local)) and not parts.query


_Rule = tuple[Callable[[object], bool], str]
KEYS: Final[dict[str, _Rule]] = {
    "second_factor": (_is_texts, 'a list of roles, like ["lead", "deputy", "dpo", "it"]; [] asks nobody'),
    "oidc": (lambda value: isinstance(value, dict), "a section: [sign_in.oidc]"),
}
OIDC_KEYS: Final[dict[str, _Rule]] = {
    "id": (_is_id, 'a short word for the address, like "entra"'),
    "name": (_is_text, 'what the button says, like "Microsoft"'),
    "server": (_is_server, 'an https address, like "https://login.microsoftonline.com/TENANT/v2.0"'),
    "client_id": (_is_text, "text: the client (application) id that the provider gave"),
    "client_secret_file": (_is_text, 'a file name, like "keys/oidc-secret"'),
    "tenants": (_is_texts, "a list of tenant ids (Entra ID) or hosted domains (Google)"),
    "domains": (_is_texts, 'a list of mail domains, like ["example.org"]'),
    "trusted": (_is_flag, "true or false"),
    "counts_as_second_factor": (_is_flag, "true or false"),
}
