"""Renew the certificate before it ends, with the same key; where that fails, IT is told until it works."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from server import audit, certificate_command, certificates, log, notify
from server.acme_settings import AcmeSettings
from server.errors import NotIssued, SetUpError
from server.initialise import TLS_CERTIFICATE, TLS_KEY
from server.schedule import TimedJob
from server.store.models import AuditEntry, Role

FAILED: Final = "certificate_not_renewed"
JOB: Final = "job:certificate"
AGAIN: Final = timedelta(hours=20)
"""A failed renewal is tried again once a day: there is a month left, and authorities count failures."""

AGAIN_SOON: Final = timedelta(hours=3)
"""Where browsers warn already, or will within days."""

ISSUED_WITHIN: Final = timedelta(minutes=10)
"""A certificate begins when it is issued, by the authority's clock: after we began to ask."""

SOON: Final = timedelta(days=7)


def timed_jobs(chosen: AcmeSettings, data_dir: Path, stopping: threading.Event) -> tuple[TimedJob, ...]:
    """Return the job where `[acme]` asks for one.

    It looks each hour: when renewal is due follows from the certificate's own hour, so that not every collector of the
    world comes at midnight.
    """
    if not chosen.wanted:
        return ()
    return (TimedJob("certificate", timedelta(hours=1), partial(renew, chosen, data_dir, stopping)),)


def renew(chosen: AcmeSettings, data_dir: Path, stopping: threading.Event, now: datetime) -> None:
    """Renew when it is due, and was not tried lately; a failure is on the audit log, and IT is written to."""
    if not is_due(data_dir, now) or not _may_try(data_dir, now):
        return
    try:
        obtain(chosen, data_dir, now, stopping, JOB)
    except NotIssued as fault:
        if fault.why != "ended":
            log.event("certificate_not_renewed", why=fault.why)
            _failed(data_dir, fault.why, now)
    except Exception as fault:  # noqa: BLE001 - a certificate that ends unheard of shuts every device out
        log.failure("certificate_not_renewed", fault)
        _failed(data_dir, "fault", now)


def obtain(
    chosen: AcmeSettings, data_dir: Path, now: datetime, stopping: threading.Event | None = None, actor: str = "command"
) -> None:
    """Ask for a certificate for our address and our key, and put it in; raises NotIssued, SetUpError."""
    from django.conf import settings

    from server import acme_order

    url = settings.CONFIG.url
    key = certificate_command.read(data_dir / TLS_KEY)
    name = urlsplit(url).hostname or "localhost"
    issued = acme_order.obtain(chosen, data_dir, name, key, stopping.is_set if stopping is not None else lambda: False)
    wrong = certificate_command.faults(issued, key, url, now + ISSUED_WITHIN)
    if certificate_command.read(data_dir / TLS_KEY) != key:
        raise acme_order.fail("answer", "another key was put in meanwhile")
    if wrong:
        raise acme_order.fail("answer", "; ".join(wrong))
    certificate_command.put_in_checked(data_dir, issued, key, now, actor=actor)


def is_due(data_dir: Path, now: datetime) -> bool:
    """Whether to ask: a third of the certificate's life is left, or it is the collector's own, or not right."""
    certificate = data_dir / TLS_CERTIFICATE
    try:
        wrong = certificate_command.standing(data_dir, now).wrong
    except SetUpError:
        return True
    return bool(wrong) or certificates.is_own(certificate) or certificates.renew_from(certificate) <= now


def last_failed() -> str:
    """Return why the last try failed, as a sentence; empty when none did since a certificate was put in."""
    from server import acme_order

    last = AuditEntry.objects.filter(action__in=(FAILED, "certificate_put_in")).order_by("-seq").first()
    if last is None or last.action != FAILED:
        return ""
    return acme_order.WHY.get(last.subject.removeprefix("why:"), last.subject)


def _may_try(data_dir: Path, now: datetime) -> bool:
    last = AuditEntry.objects.filter(action=FAILED).order_by("-seq").values_list("at", flat=True).first()
    # A try that lies ahead was made before the clock was set back.
    return last is None or last > now or now - last >= (AGAIN_SOON if _is_urgent(data_dir, now) else AGAIN)


def _is_urgent(data_dir: Path, now: datetime) -> bool:
    certificate = data_dir / TLS_CERTIFICATE
    try:
        return certificates.is_own(certificate) or certificates.expires(certificate) <= now + SOON
    except (OSError, ValueError):
        return True


def _failed(data_dir: Path, why: str, now: datetime) -> None:
    """Put it on record, and write to IT: once a week, and once a day when there is less than a week left."""
    from server import acme_order

    audit.write(JOB, FAILED, f"why:{why}", now=now)
    until_then, is_soon = _outlook(data_dir / TLS_CERTIFICATE, now)
    week = f"{now:%Y-%m-%d}" if is_soon else "{}-{}".format(*now.isocalendar()[:2])
    body = (
        f"The collector's certificate could not be renewed: {acme_order.WHY[why]}. {until_then} "
        "On the collector, `fairwatch-server certificate "
        "--acme` tries again and says more; the collector itself goes on trying."
    )
    notify.plain([Role.IT], "Fairwatch: the certificate could not be renewed", body, f"certificate:{week}", now)


def _outlook(certificate: Path, now: datetime) -> tuple[str, bool]:
    """Return what comes of the certificate that is in, as a sentence, and whether it comes within days."""
    try:
        ends, is_own = certificates.expires(certificate), certificates.is_own(certificate)
    except (OSError, ValueError):
        return "The one that is in can't be read: devices and browsers refuse the collector once it starts again.", True
    if is_own:
        return "Browsers warn of the one that the collector made for itself.", ends <= now + SOON
    return f"It ends on {ends:%Y-%m-%d}; devices and browsers refuse the collector from then on.", ends <= now + SOON
