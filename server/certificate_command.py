"""`fairwatch-server certificate`: look at the certificate, or put in another one that a running collector takes up."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from server import certificates
from server.errors import SetUpError
from server.files import make_private_folder, save
from server.initialise import TLS_CERTIFICATE, TLS_KEY
from server.start import require, require_own_account


@dataclass(frozen=True)
class Standing:
    """What is in now: until when, the fingerprint of its key, what is wrong with it, and whether it was put in now."""

    ends: str
    pin: str
    wrong: list[str]
    changed: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `certificate` takes."""
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="PEM: our certificate, then its issuers'")
    parser.add_argument("--key", type=Path, metavar="FILE", help="PEM, without a passphrase")
    parser.add_argument(
        "--new-key", action="store_true", help="take another key than before, though enrolled devices insist on that"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Put in what is given, if anything is, and say what is in; 1 when something is wrong with it."""
    require_own_account(args.data_dir)
    require(args.data_dir)
    if (args.certificate is None) is not (args.key is None):
        raise SetUpError("give both --certificate and --key, or neither to look at what is in")
    now, changed = datetime.now(UTC), False
    if args.certificate is not None:
        changed = put_in(args.data_dir, args.certificate, args.key, now, new_key=args.new_key)
    found = standing(args.data_dir, now, changed=changed)
    if args.json:
        print(json.dumps(asdict(found)))  # noqa: T201
        return 1 if found.wrong else 0
    if args.certificate is not None:
        done = "It is in; a collector that runs takes it up within a minute." if changed else "It was in already."
        print(done)  # noqa: T201
    print(f"Ends {found.ends}. Fingerprint of the TLS key, for enrolment tokens: {found.pin}")  # noqa: T201
    for sentence in found.wrong:
        print(f"Wrong: {sentence}")  # noqa: T201
    return 1 if found.wrong else 0


def standing(data_dir: Path, now: datetime, *, changed: bool = False) -> Standing:
    """Return how the certificate stands that is in now; raises SetUpError where there is none."""
    certificate, key = data_dir / TLS_CERTIFICATE, data_dir / TLS_KEY
    wrong = faults(certificate, key, now)
    return Standing(f"{certificates.expires(certificate):%Y-%m-%d}", certificates.pin(certificate), wrong, changed)


def put_in(data_dir: Path, certificate: Path, key: Path, now: datetime, *, new_key: bool = False) -> bool:
    """Check a certificate and its key and put them in place; returns whether anything changed.

    Raises SetUpError, with nothing changed, for one that browsers or enrolled devices would refuse.
    """
    from server import audit

    wrong = faults(certificate, key, now)
    if wrong:
        raise SetUpError(f"{certificate} is not taken: {'; '.join(wrong)}")
    own = data_dir / TLS_CERTIFICATE, data_dir / TLS_KEY
    fresh = certificate.read_bytes(), key.read_bytes()
    if all(path.is_file() and path.read_bytes() == data for path, data in zip(own, fresh, strict=True)):
        return False
    pin = certificates.pin(certificate)
    if not new_key and own[0].is_file() and certificates.pin(own[0]) != pin and _devices():
        raise SetUpError(
            f"{key} is another key than before, and enrolled devices insist on that one: renew with the same key, or "
            "give --new-key and enrol every device again"
        )
    make_private_folder(own[0].parent)
    audit.write("command", "certificate_put_in", f"pin:{pin[:32]}", now=now)
    save(own[1], fresh[1])
    save(own[0], fresh[0])  # last: whoever watches it finds the key that belongs to it
    return True


def faults(certificate: Path, key: Path, now: datetime) -> list[str]:
    """Return what is wrong with a certificate for our address, a sentence each; raises SetUpError for other files."""
    from django.conf import settings

    for path in (certificate, key):
        if not path.is_file():
            raise SetUpError(f"{path}: there is no such file")
    try:
        name = urlsplit(settings.CONFIG.url).hostname or "localhost"
        return certificates.faults(certificate, key, name, now)
    except (ValueError, TypeError, IndexError):
        raise SetUpError(
            f"{certificate} and {key} must be a certificate and its key as PEM, the key without a passphrase"
        ) from None


def _devices() -> bool:
    from server.store.models import Device

    return Device.objects.filter(sample=False, public_key__isnull=False, status=Device.Status.ACTIVE).exists()
