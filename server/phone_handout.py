"""What IT is handed for a phone or a fleet: the files, made for the organisation's own gateway, and all in one archive.

Nothing of it is kept. A file for one phone holds its id, so it is made for the moment at which the id is known.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import cast

from django.conf import settings
from django.utils.translation import gettext

from server import certificates, phone_files, phone_place, phones
from server.errors import SetUpError, WrongState
from server.initialise import TLS_CERTIFICATE, TLS_KEY
from server.phone_files import PhoneFile, Signer
from server.phone_place import OnePhone, Place
from server.store.models import Device, Organisation


def place(host: str = "", addresses: Sequence[str] = ()) -> Place:
    """Return where phones ask: `host` and `addresses`, else what collector.toml says.

    Raises SetUpError where neither says so, PhoneFileRefused for what can't be used.
    """
    known = settings.CONFIG.phones
    host, addresses = host or known.gateway, tuple(addresses) or known.addresses
    if not host:
        raise SetUpError(
            gettext(
                "the collector does not know yet how phones reach the gateway: write its host name as gateway under "
                "[phones] in collector.toml"
            )
        )
    return phone_place.place(Organisation.objects.get().name, host, addresses, failover=known.failover)


def one(device: Device, ident: str) -> OnePhone:
    """Return a phone with its id, as files are made of it; raises PhoneFileRefused for a name that does harm."""
    platform = cast("phone_place.Platform", device.platform)
    return phone_place.one_phone(device.pk, device.name, platform, ident, device.phone.supervised)


def files(at: Place, device: Device, ident: str, now: datetime) -> tuple[PhoneFile, ...]:
    """Return all files for one phone, a profile signed with the collector's own certificate where it has one."""
    return phone_files.files_for(at, one(device, ident), phones.gateways_answering(now), signer())


def signer() -> Signer | None:
    """Return what signs profiles; None where the collector stands behind a proxy and has no certificate of its own."""
    key, certificate = Path(settings.DATA_DIR) / TLS_KEY, Path(settings.DATA_DIR) / TLS_CERTIFICATE
    if not (key.is_file() and certificate.is_file()):
        return None
    return partial(_sign, key, certificate)


def _sign(key: Path, certificate: Path, body: bytes) -> bytes:
    return certificates.sign_profile(body, key, certificate)


def known_id(device: Device, ident: str) -> None:
    """Raise WrongState unless this is the phone's id: files are made for no other."""
    if not phones.is_id_of(device.phone, ident):
        raise WrongState(gettext("this is no longer the phone’s id; give it a new one"))


def archive(made: Sequence[PhoneFile]) -> bytes:
    """Return the files in one ZIP archive, the same bytes for the same files: it tells nothing of when it was made."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in made:
            packed.writestr(zipfile.ZipInfo(file.name), file.body, zipfile.ZIP_DEFLATED)
    return out.getvalue()
