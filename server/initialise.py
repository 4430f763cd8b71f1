"""`fairwatch-server init`: make a collector's data folder, with its secrets, its database and its organisation."""

from __future__ import annotations

import argparse
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from server import certificates, config
from server.errors import SetUpError
from server.files import is_empty, make_private_folder, save, write_secret
from server.start import is_made, set_up

FOLDERS = ("files", "mails", "logs", "keys", "rules", "rules/metadata", "rules/targets")
TLS_KEY, TLS_CERTIFICATE = "keys/tls.key", "keys/tls.crt"


@dataclass(frozen=True)
class Initialised:
    """What `init` made: where, and what an enrolment token must say of it (`pin` is empty without TLS).

    `online_keys` is the file with the public halves of the collector's two keys, which the ceremony asks for.
    """

    data_dir: str
    url: str
    organisation: str
    pin: str
    online_keys: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `init` takes."""
    parser.add_argument("--name", default="My organisation", help="the organisation's name")
    parser.add_argument("--timezone", default="Europe/London", help="its time zone (default: %(default)s)")
    parser.add_argument("--url", default=config.Config.url, help="what devices and people use (default: %(default)s)")
    parser.add_argument("--listen", default="", help="address and port to serve on (default: loopback, the url's port)")
    parser.add_argument("--json", action="store_true", help="print what was made as JSON")


def run(args: argparse.Namespace) -> int:
    """Make the folder and say what comes next."""
    made = initialise(args.data_dir, name=args.name, zone=args.timezone, url=args.url, listen=args.listen)
    if args.json:
        print(json.dumps(asdict(made)))  # noqa: T201
        return 0
    print(f"Made the collector of {made.organisation} in {made.data_dir}, at {made.url}")  # noqa: T201
    if made.pin:
        print(f"Fingerprint of its TLS key, for enrolment tokens: {made.pin}")  # noqa: T201
    print(f"The collector's own public keys, for the ceremony: {made.online_keys}")  # noqa: T201
    print("Next: fairwatch-custody ceremony, then fairwatch-server publish, user and run")  # noqa: T201
    return 0


def initialise(data_dir: Path, *, name: str, zone: str, url: str, listen: str = "") -> Initialised:
    """Make everything a collector starts from; raises SetUpError when the folder has one already."""
    _check(name, zone)
    text = _config_text(url, listen)
    chosen = config.parse(text, config.FILE_NAME)
    make_private_folder(data_dir)
    if is_made(data_dir):
        raise SetUpError(f"{data_dir} already is a collector's data folder; nothing was changed")
    for folder in FOLDERS:
        make_private_folder(data_dir / folder)
    if not (data_dir / config.FILE_NAME).exists():
        save(data_dir / config.FILE_NAME, text.encode())
    chosen = config.load(data_dir)
    pin = ""
    if chosen.tls:
        key, certificate = data_dir / TLS_KEY, data_dir / TLS_CERTIFICATE
        if is_empty(key) or not (key.is_file() and certificate.is_file()):  # one that was ended half-way may leave both
            certificates.make(key, certificate, chosen.allowed_hosts, datetime.now(UTC))
        pin = certificates.pin(certificate)
    set_up(data_dir)
    _fill(data_dir, name, zone)
    # Last: its presence says that `init` came to its end.
    write_secret(data_dir / "keys" / "django", secrets.token_urlsafe(48).encode())
    return Initialised(str(data_dir), chosen.url, name, pin, str(data_dir / "keys" / "online-keys.json"))


def _fill(data_dir: Path, name: str, zone: str) -> None:
    from django.core.management import call_command

    from server import audit
    from server.publish import init_online_keys
    from server.store.models import Organisation

    call_command("migrate", verbosity=0, interactive=False)
    database = data_dir / "collector.sqlite3"
    if database.exists():
        database.chmod(0o600)
    init_online_keys(data_dir)
    if not Organisation.objects.exists():
        Organisation.objects.create(name=name, timezone=zone)
        audit.write("command", "initialised", "organisation")


def _check(name: str, zone: str) -> None:
    if not 1 <= len(name.strip()) <= 200:
        raise SetUpError("--name must be 1 to 200 characters")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SetUpError(f"--timezone must be a name like Europe/London, not {zone!r}") from None


def _config_text(url: str, listen: str) -> str:
    port = config.port_of(url)
    lines = [
        "# How this collector is reached. `fairwatch-server doctor` checks this file.",
        f"url = {json.dumps(url)}",
        f"listen = {json.dumps(listen or f'127.0.0.1:{port}')}",
    ]
    return "\n".join(lines) + "\n"
