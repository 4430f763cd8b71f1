"""`fairwatch-server certificate`: look at the certificate, or put in another one that a running collector takes up."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from server import certificate_files, certificates
from server.errors import SetUpError
from server.files import make_private_folder
from server.initialise import TLS_CERTIFICATE, TLS_KEY
from server.start import require, require_own_account

BYTES_MAX = 1 << 20
"""A chain is some kilobytes; what is larger is another file."""

ALONE = (
    "it comes without its issuer, which this machine doesn't know: unless every device and browser knows that one, "
    "put in the file that has both (fullchain.pem)"
)
"""No refusal: an authority of the organisation's own may be known to its devices and not here."""


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
    parser.add_argument(
        "--acme", action="store_true", help="ask the authority of [acme] in collector.toml for one, when it is time"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Put in what is given, if anything is, and say what is in; 1 when something is wrong with it."""
    require_own_account(args.data_dir)
    require(args.data_dir)
    certificate_files.finish(args.data_dir)
    if (args.certificate is None) is not (args.key is None):
        raise SetUpError("give both --certificate and --key, or neither to look at what is in")
    if args.acme and args.certificate is not None:
        raise SetUpError("give either --acme or files")
    now, changed = datetime.now(UTC), False
    if args.acme:
        changed = _by_acme(args.data_dir, now)
    elif args.certificate is not None:
        changed = put_in(args.data_dir, args.certificate, args.key, now, new_key=args.new_key)
    found = standing(args.data_dir, now, changed=changed)
    if args.json:
        print(json.dumps(asdict(found)))  # noqa: T201
        return 1 if found.wrong else 0
    if args.acme or args.certificate is not None:
        done = "It is in; a collector that runs takes it up within a minute." if changed else "It was in already."
        print(done)  # noqa: T201
    print(f"Ends {found.ends}. Fingerprint of the TLS key, for enrolment tokens: {found.pin}")  # noqa: T201
    if certificates.comes_alone(read(args.data_dir / TLS_CERTIFICATE)):
        print(f"Look: {ALONE}")  # noqa: T201
    for sentence in found.wrong:
        print(f"Wrong: {sentence}")  # noqa: T201
    return 1 if found.wrong else 0


def standing(data_dir: Path, now: datetime, *, changed: bool = False) -> Standing:
    """Return how the certificate stands that is in now; raises SetUpError where there is none."""
    from django.conf import settings

    certificate, key = read(data_dir / TLS_CERTIFICATE), read(data_dir / TLS_KEY)
    wrong = faults(certificate, key, settings.CONFIG.url, now)
    try:
        ends = certificates.expires(data_dir / TLS_CERTIFICATE)
        return Standing(f"{ends:%Y-%m-%d}", certificates.pin_of(certificate), wrong, changed)
    except ValueError:
        raise SetUpError(f"{data_dir / TLS_CERTIFICATE} is no certificate as PEM: put another one in") from None


def put_in(data_dir: Path, certificate: Path, key: Path, now: datetime, *, new_key: bool = False) -> bool:
    """Check a certificate and its key and put them in place; returns whether anything changed.

    Raises SetUpError, with nothing changed, for one that browsers or enrolled devices would refuse.
    """
    from django.conf import settings

    # Read once: a file that changes between the check and a second reading would be put in unchecked.
    fresh = read(certificate), read(key)
    wrong = faults(*fresh, settings.CONFIG.url, now)
    if wrong:
        raise SetUpError(f"{certificate} is not taken: {'; '.join(wrong)}")
    return put_in_checked(data_dir, *fresh, now, new_key=new_key)


def put_in_checked(
    data_dir: Path, certificate: bytes, key: bytes, now: datetime, *, new_key: bool = False, actor: str = "command"
) -> bool:
    """Put in place what `faults` found right; raises SetUpError for another key than enrolled devices insist on."""
    from server import audit

    own = ((data_dir / TLS_KEY, key), (data_dir / TLS_CERTIFICATE, certificate))
    if all(path.is_file() and path.read_bytes() == data for path, data in own):
        return False
    there, pin = data_dir / TLS_CERTIFICATE, certificates.pin_of(certificate)
    if not new_key and there.is_file() and certificates.pin(there) != pin and _devices():
        raise SetUpError(
            "its key is another than before, and enrolled devices insist on that one: renew with the same key, or "
            "use `fairwatch-server certificate --new-key` and enrol every device again"
        )
    make_private_folder(there.parent)
    audit.write(actor, "certificate_put_in", f"pin:{pin[:32]}", now=now)
    certificate_files.put(data_dir, key, certificate)
    return True


def faults(certificate: bytes, key: bytes, url: str, now: datetime) -> list[str]:
    """Return what is wrong with a certificate for an address, a sentence each."""
    try:
        return certificates.faults_in(certificate, key, urlsplit(url).hostname or "localhost", now)
    except (ValueError, TypeError, IndexError):
        return ["the two must be a certificate and its key as PEM, the key without a passphrase"]


def read(path: Path) -> bytes:
    """Return a file's bytes; raises SetUpError for one that can't be read, or that is no certificate by its size."""
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except FileNotFoundError:
        raise SetUpError(f"{path}: there is no such file") from None
    except OSError as fault:
        raise SetUpError(f"{path} can't be read: {fault.strerror}") from None
    if len(data) > BYTES_MAX:
        raise SetUpError(f"{path} is too large for a certificate or its key")
    return data


def _by_acme(data_dir: Path, now: datetime) -> bool:
    from django.conf import settings

    from server import acme_renewal

    if not settings.CONFIG.acme.wanted:
        raise SetUpError("there is no [acme] in collector.toml; `fairwatch-server setup` adds it")
    if not acme_renewal.is_due(data_dir, now):
        return False
    acme_renewal.obtain(settings.CONFIG.acme, data_dir, now)
    return True


def _devices() -> bool:
    from server.store.models import Device

    return Device.objects.filter(sample=False, public_key__isnull=False, status=Device.Status.ACTIVE).exists()
