"""`fairwatch-server run`: serve devices and people until told to end, and do the timed work beside it."""

from __future__ import annotations

import argparse
import ctypes
import ipaddress
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.errors import NotNow, SetUpError
from server.initialise import TLS_CERTIFICATE, TLS_KEY
from server.start import require

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

    from server.schedule import TimedJob

THREADS = 32
"""Requests at once in a worker: writes queue on one lock anyway, but a few slow senders must not hold every thread."""

BACKPRESSURE = 256
"""Requests a worker lets wait; above it connections wait in the kernel, and the devices hold the records."""

_STOP_SECONDS = 8
_BESIDE_SECONDS = 30.0
"""How long the old worker goes on beside the new one that takes a certificate up: a slow machine loads that long."""

_PARENT = "FAIRWATCH_PARENT"
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Address:
    """Where to listen, and whether with TLS."""

    host: str
    port: int
    tls: bool

    @property
    def text(self) -> str:
        """The address as an URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `run` takes."""
    parser.add_argument("--listen", help="address and port instead of collector.toml's, like 0.0.0.0:8443")
    parser.add_argument("--http", action="store_true", help="plain HTTP; only on a loopback address")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; all processes have ended when this returns."""
    require(args.data_dir)
    from django.conf import settings

    address = choose_address(args.listen or settings.CONFIG.listen, http=args.http)
    tls = _tls_files(args.data_dir) if address.tls else (None, None)
    _check_free(address)
    _check_migrated()
    # The worker starts as a fresh interpreter, so that no thread or connection of this one is copied into it.
    multiprocessing.set_start_method("spawn", force=True)
    os.environ[_PARENT] = str(os.getpid())
    # Read by glibc when the worker starts: a heap for each thread cost a fifth more time and memory, and Python runs
    # one thread at a time anyway.
    os.environ.setdefault("MALLOC_ARENA_MAX", "1")
    from granian.constants import Interfaces
    from granian.server import Server

    from server import acme_renewal, list_jobs, log, nightly_backup, schedule
    from server.certificate_watch import CertificateWatch
    from server.delivery import Delivery

    server = Server(
        "server.serving:application",
        address=address.host,
        port=address.port,
        interface=Interfaces.WSGI,
        workers=1 if settings.CONFIG.database.engine == "sqlite" else settings.CONFIG.workers,
        blocking_threads=THREADS,
        backpressure=BACKPRESSURE,
        workers_kill_timeout=_STOP_SECONDS,
        respawn_interval=_BESIDE_SECONDS,
        respawn_failed_workers=True,
        log_enabled=False,
        ssl_cert=tls[0],
        ssl_key=tls[1],
    )
    stopping = threading.Event()
    # Apart from the other jobs: a slow list or a large backup must keep nothing else waiting.
    fetching = schedule.start(list_jobs.timed_jobs(settings.CONFIG.lists, args.data_dir, stopping))
    saving = schedule.start(nightly_backup.timed_jobs(settings.CONFIG.backup, args.data_dir, stopping))
    renewing = schedule.start(
        acme_renewal.timed_jobs(settings.CONFIG.acme, args.data_dir, stopping) if address.tls else ()
    )
    jobs = schedule.start(_jobs())
    delivery = Delivery()
    delivery.start()
    watch = CertificateWatch(tls[0], tls[1], server.signal_handler_reload) if tls[0] and tls[1] else None
    if watch is not None:
        watch.start()
    log.event("started", pid=os.getpid())
    print(f"Fairwatch collector at {address.text} (stop it with Ctrl-C)", flush=True)  # noqa: T201
    try:
        server.serve()
    finally:
        stopping.set()
        if watch is not None:
            watch.stop()
        fetching.shutdown(wait=True)
        saving.shutdown(wait=True)
        renewing.shutdown(wait=True)
        jobs.shutdown(wait=True)
        delivery.stop()
        log.event("ended", pid=os.getpid())
    return 0


def choose_address(listen: str, *, http: bool) -> Address:
    """Return where to listen; raises SetUpError for a malformed address, or plain HTTP on anything but loopback."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    host = "127.0.0.1" if host == "localhost" else host
    try:
        loopback = ipaddress.ip_address(host).is_loopback
        number = int(port)
    except ValueError:
        raise SetUpError(f"--listen must be an address and port like 127.0.0.1:8460, not {listen!r}") from None
    if not 0 < number < 65536:
        raise SetUpError(f"{number} is not a port")
    if http and not loopback:
        raise SetUpError(f"--http is for loopback addresses only, and {host} can be reached from elsewhere")
    return Address(host, number, not http)


def _tls_files(data_dir: Path) -> tuple[Path, Path]:
    from server import certificate_files

    certificate_files.finish(data_dir)
    key, certificate = data_dir / TLS_KEY, data_dir / TLS_CERTIFICATE
    if not (key.is_file() and certificate.is_file()):
        raise SetUpError(
            f"there is no {TLS_CERTIFICATE} and {TLS_KEY} in {data_dir}; init with an https --url, or use --http"
        )
    from server.certificates import pin

    print(f"Fingerprint of the TLS key: {pin(certificate)}", flush=True)  # noqa: T201
    return certificate, key


def _check_free(address: Address) -> None:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as fault:
            raise NotNow(f"can't listen on {address.host}:{address.port}: {fault.strerror}") from None


def _check_migrated() -> None:
    from django.db import DatabaseError, connection
    from django.db.migrations.executor import MigrationExecutor

    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as fault:
        raise NotNow(f"the database can't be used ({type(fault).__name__}); see fairwatch-server doctor") from None
    if missing:
        from django.core.management import call_command

        call_command("migrate", verbosity=0, interactive=False)


def _jobs() -> tuple[TimedJob, ...]:
    from django.conf import settings

    from server import (
        audit_check,
        cases,
        data_life,
        due,
        heads,
        holds,
        lead_documents,
        log,
        retention,
        subject_access,
        subject_decisions,
        summary_mail,
        trips,
    )
    from server.schedule import TimedJob

    def check_audit(now: datetime) -> None:
        audit_check.whole(now)

    def delete_files(now: datetime) -> None:
        retention.delete_files(now)

    def delete(now: datetime) -> None:
        try:
            # What figures rest on must not go before they are made, after weeks of downtime neither.
            summary_mail.make_due(now)
        except Exception as fault:  # noqa: BLE001 - what is to be deleted goes whatever else fails
            log.failure("summary_failed", fault)
        retention.nightly(now)

    return (
        TimedJob("summary", timedelta(minutes=15), summary_mail.make_due),
        TimedJob("revisions", timedelta(days=1), summary_mail.revise),
        TimedJob("retention", timedelta(days=1), delete),
        # Each machine has its own folders.
        TimedJob(f"files:{socket.gethostname()}"[:64], timedelta(days=1), delete_files),
        TimedJob("holds", timedelta(days=1), holds.tell_of_reviews),
        TimedJob("requests", timedelta(days=1), subject_access.tell_of_due),
        TimedJob("decisions", timedelta(days=1), subject_decisions.tell_of_reviews),
        TimedJob("long_open", timedelta(days=1), data_life.tell_of_long_open),
        TimedJob("tests", timedelta(minutes=1), trips.tend),
        TimedJob("cases", timedelta(minutes=15), cases.bring_back),
        TimedJob("audit", timedelta(days=1), check_audit),
        TimedJob("due", timedelta(hours=1), due.tell),
        TimedJob("exceptions", timedelta(days=7), lead_documents.remind),
        *heads.timed_jobs(settings.CONFIG.audit.head_to),
        *_publication_jobs(),
        *_message_jobs(),
    )


def _message_jobs() -> tuple[TimedJob, ...]:
    from server import digest, mail_check
    from server.schedule import TimedJob

    def check_mail(now: datetime) -> None:
        mail_check.check(now)

    # Digests are offered at every quarter of an hour.
    return (TimedJob("digest", timedelta(minutes=15), digest.tell_due), TimedJob("mail", mail_check.EVERY, check_mail))


def _publication_jobs() -> tuple[TimedJob, ...]:
    from django.conf import settings

    from server.publish import Publication
    from server.schedule import TimedJob

    def refresh(now: datetime) -> None:
        Publication(settings.DATA_DIR).refresh(now)

    # Twice within half of what a timestamp lives, so that one missed run expires nothing.
    return (TimedJob("publication", timedelta(hours=6), refresh),)


# --- in the worker -----------------------------------------------------------------------------------------------


def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request (see `wsgi`)."""
    from server.wsgi import application as answer

    return answer(environ, start_response)


def _end_with_parent() -> None:
    """Ask Linux to kill this worker when `run` itself is killed: a worker left behind would hold the port.

    Not by SIGTERM: a worker that waits for bodies that never come would not end. A kill loses nothing, since a receipt
    is given only for what was committed.
    """
    parent = os.environ.get(_PARENT)
    if not parent or multiprocessing.parent_process() is None or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if str(os.getppid()) != parent:
        os.kill(os.getpid(), signal.SIGKILL)


if multiprocessing.parent_process() is not None and os.environ.get(_PARENT):
    _end_with_parent()
    import server.wsgi  # noqa: F401 - loaded before the first request, which would wait for it
