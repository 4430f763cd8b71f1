"""What the doctor looks at on the machine itself: its disk, its clock, its certificate and its backups."""

from __future__ import annotations

import ctypes
import os
import shutil
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from server.initialise import TLS_CERTIFICATE, TLS_KEY

GIB = 1 << 30
WANTED_TIMES = 3
"""A backup needs a copy of the database and the packed file beside the database itself."""

CERTIFICATE_WARNING = timedelta(days=30)
"""A month is time to order a new certificate, or to bring two custodians together."""

CLOCK_OFF_SECONDS = 120
"""Beyond this, times of cases mislead: the devices' page warns of a device from there on, too."""

CLOCK_DEVICES_MIN = 3
"""One device's wrong clock says nothing about ours; most of several do."""

BACKUP_AGE_MAX = timedelta(days=7)
"""More than a week of incidents must not hang on one disk."""

NIGHTLY_AGE_MAX = timedelta(days=2)
"""Where each night should bring one, two that did not are a fault."""

REHEARSED_AGE_MAX = timedelta(days=180)
"""A backup that nobody opened for half a year is a hope."""

_TIME_ERROR = 5
_TIMEX_BYTES = 512


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, in a sentence."""

    check: str
    ok: bool
    sentence: str


def disk(data_dir: Path) -> Finding:
    """Whether there is room for the database to grow and for a backup."""
    return disk_finding(shutil.disk_usage(data_dir).free, _database_bytes(data_dir))


def disk_finding(free_bytes: int, database_bytes: int) -> Finding:
    """Judge free space; the figures are coarse, since a database's exact size would tell of incidents."""
    wanted = max(1, -(-WANTED_TIMES * database_bytes // GIB))
    if free_bytes < wanted * GIB:
        sentence = (
            f"{free_bytes / GIB:.1f} GiB free, {wanted} GiB are wanted for growth and a backup: "
            "move old backups elsewhere, or give the disk more room"
        )
        return Finding("disk", ok=False, sentence=sentence)
    at_least = 1 << ((free_bytes // GIB).bit_length() - 1)
    return Finding("disk", ok=True, sentence=f"at least {at_least} GiB free")


def clock(data_dir: Path) -> Finding:  # noqa: ARG001
    """Whether devices agree with this machine's clock, and whether anything sets it."""
    from server.store.models import Device

    lately = Device.objects.filter(last_seen__gt=datetime.now(UTC) - timedelta(days=1), sample=False)
    told = [(health or {}).get("clock_offset_seconds") for health in lately.values_list("health", flat=True)]
    return clock_finding([one for one in told if one is not None], set_by_network=_clock_is_set())


def clock_finding(offsets_seconds: Sequence[float], *, set_by_network: bool | None) -> Finding:
    """Judge the clock by what devices said of theirs; `set_by_network` is None where the system doesn't say."""
    if len(offsets_seconds) >= CLOCK_DEVICES_MIN:
        off = abs(statistics.median(offsets_seconds))
        if off > CLOCK_OFF_SECONDS:
            sentence = f"most devices' clocks are {off:.0f} seconds from ours: set this machine's clock by NTP"
            return Finding("clock", ok=False, sentence=sentence)
    if set_by_network is False:
        return Finding(
            "clock", ok=True, sentence="nothing sets it by the network: turn NTP on (timedatectl set-ntp true)"
        )
    seen = f"agrees with {len(offsets_seconds)} devices" if len(offsets_seconds) >= CLOCK_DEVICES_MIN else ""
    return Finding("clock", ok=True, sentence=seen or "nothing speaks against it")


def tls(data_dir: Path) -> Finding:
    """Whether the certificate is for our name, fits its key, is in order and lasts."""
    from django.conf import settings

    if not settings.CONFIG.tls:
        return Finding("TLS", ok=True, sentence="not used: the address is plain HTTP, for this machine only")
    from urllib.parse import urlsplit

    from server import acme_renewal, certificate_command, certificates

    certificate, now = data_dir / TLS_CERTIFICATE, datetime.now(UTC)
    name = urlsplit(settings.CONFIG.url).hostname or "localhost"
    wrong = certificates.faults(certificate, data_dir / TLS_KEY, name, now)
    ends = certificates.expires(certificate)
    by_acme, third = settings.CONFIG.acme.wanted, ends - certificates.renew_from(certificate)
    if not wrong and ends <= now + min(CERTIFICATE_WARNING, third / 2 if by_acme else third):
        wrong = ["renew it now, with the same key, and put it in with `fairwatch-server certificate`"]
    if by_acme and (failed := acme_renewal.last_failed()):
        wrong.append(f"it could not be renewed, since {failed}: `fairwatch-server certificate --acme` says more")
    told = f"certificate ends {ends:%Y-%m-%d}; fingerprint {certificates.pin(certificate)}"
    notes = [certificate_command.ALONE] if certificates.comes_alone(certificate.read_bytes()) else []
    return Finding("TLS", not wrong, "; ".join([told, *wrong, *notes]))


def backups(data_dir: Path) -> Finding:  # noqa: ARG001
    """How old the newest backup is, whether the last try failed, and when one was last rehearsed, by the audit log."""
    from django.conf import settings

    from server.store.models import AuditEntry

    def latest(*actions: str) -> datetime | None:
        return AuditEntry.objects.filter(action__in=actions).order_by("-seq").values_list("at", flat=True).first()

    first = AuditEntry.objects.order_by("seq").values_list("at", flat=True).first()
    last_try = AuditEntry.objects.filter(action__in=("backup_made", "backup_failed")).order_by("-seq").first()
    if last_try is not None and last_try.action == "backup_failed":
        return Finding("backups", ok=False, sentence=f"the last try failed ({last_try.subject}): {_see_why()}")
    nightly = settings.CONFIG.backup.nightly
    return backup_finding(first, latest("backup_made"), latest("backup_rehearsed"), datetime.now(UTC), nightly=nightly)


def backup_finding(
    first: datetime | None, made: datetime | None, rehearsed: datetime | None, now: datetime, *, nightly: bool = False
) -> Finding:
    """Judge the age of the last backup; a collector has its first week to make one, or two nights by itself."""
    age_max = NIGHTLY_AGE_MAX if nightly else BACKUP_AGE_MAX
    do_it = "make one with `fairwatch-server backup`, and keep it elsewhere"
    if nightly:
        do_it = f"they are made while `fairwatch-server run` runs; {_see_why()}"
    if made is None:
        return Finding("backups", first is None or now - first < age_max, f"none yet: {do_it}")
    if now - made > age_max:
        return Finding("backups", ok=False, sentence=f"the last is of {made:%Y-%m-%d}: {do_it}")
    told = f"the last is of {made:%Y-%m-%d}"
    if not nightly:
        told += ", and none is made by itself (key in [backup] of collector.toml)"
    if rehearsed is None or now - rehearsed > REHEARSED_AGE_MAX:
        when = "never" if rehearsed is None else f"last on {rehearsed:%Y-%m-%d}"
        return Finding("backups", ok=True, sentence=f"{told}; rehearsed {when}: do it with `fairwatch-server rehearse`")
    return Finding("backups", ok=True, sentence=f"{told}; rehearsed on {rehearsed:%Y-%m-%d}")


def _see_why() -> str:
    return "look whether the folder of [backup] is mounted and has room, then try `fairwatch-server backup`"


def _database_bytes(data_dir: Path) -> int:
    from django.db import connection

    if connection.vendor != "sqlite":
        return 0  # it is on its own server's disk
    return sum(path.stat().st_size for path in data_dir.glob("collector.sqlite3*"))


def _clock_is_set() -> bool | None:
    """Ask Linux whether its clock is kept by NTP (adjtimex(2), changing nothing); None where it can't be asked."""
    if os.name != "posix":
        return None
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR
