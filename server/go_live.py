"""What must be true before real use, point by point: read from the database and the signed metadata, never guessed.

What no machine can know, such as whether the staff were told, a person ticks; each tick is a line of the audit log, and
that line is all there is of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext, gettext_noop

from server import audit, certificates, doctor_machine, heads, mail_check
from server.errors import NotAllowed, NotThere, SetUpError
from server.initialise import TLS_CERTIFICATE
from server.publish import Publication, Published
from server.store.models import AuditEntry, Device, Job, Role, Trip, User

READERS = (Role.IT, Role.DPO)
LEADS_WANTED = 2
"""One lead who is ill, or whose words are lost, must leave nobody's case waiting."""

_TICKED, _UNTICKED = "go_live_ticked", "go_live_unticked"


@dataclass(frozen=True)
class Point:
    """One thing: what is true once it is done, what to do until then, and the page or command for that."""

    id: str
    title: str
    to_do: str
    page: str = ""
    command: str = ""
    by_hand: bool = False


@dataclass(frozen=True)
class Standing:
    """How a point stands: since when it is done, where that is known, and who said so, where somebody did."""

    point: Point
    done: bool
    since: datetime | None = None
    by: User | None = None


POINTS = (
    Point(
        "tls",
        gettext_noop("An authority vouches for the address’s certificate, and it lasts"),
        gettext_noop(
            "IT has an authority give one for the collector’s name, or puts one in, before the first token is made."
        ),
        command="fairwatch-server certificate --certificate FILE --key FILE",
    ),
    Point(
        "custodians",
        gettext_noop("Two custodians signed the rules in force"),
        gettext_noop(
            "The custodians hold the ceremony, each on their own computer, and IT publishes what they signed."
        ),
        page="rules",
        command="fairwatch-custody ceremony",
    ),
    Point(
        "leads",
        gettext_noop("Two leads can open cases"),
        gettext_noop("A second lead or deputy makes a key in the browser, and the custodians sign it."),
        command="fairwatch-custody sign recipients",
    ),
    Point(
        "shares",
        gettext_noop("Two recovery shares opened a case once"),
        gettext_noop("Two holders of shares open a test case, off the network, and say so here."),
        command="fairwatch-custody open FILE --recovery-share SHARE --recovery-share SHARE",
        by_hand=True,
    ),
    Point(
        "mail",
        gettext_noop("The mail server takes our messages"),
        gettext_noop("IT names the mail server in collector.toml, and asks it on the page “Messages”."),
        page="delivery",
    ),
    Point(
        "backup",
        gettext_noop("A sealed backup is made each night"),
        gettext_noop("IT makes a backup key off the collector, and writes it and a folder into collector.toml."),
        command="fairwatch-custody backup-key --out backup.pem",
    ),
    Point(
        "rehearsed",
        gettext_noop("A backup was opened on trial"),
        gettext_noop("IT rehearses the newest backup, and keeps the key away from the collector again."),
        command="fairwatch-server rehearse --key backup.pem",
    ),
    Point(
        "head",
        gettext_noop("Somebody outside IT gets the audit log’s newest line each day"),
        gettext_noop(
            "IT names that person, such as the chair of the board, as head_to in [audit] of collector.toml; it goes "
            "out within a day."
        ),
    ),
    Point(
        "impact",
        gettext_noop("The impact assessment was agreed"),
        gettext_noop("The data protection officer reads it with management; it is made from the rules in force."),
        page="papers",
        by_hand=True,
    ),
    Point(
        "told",
        gettext_noop("Staff and learners were told"),
        gettext_noop("Give everybody the staff notice before their device is enrolled, and answer their questions."),
        page="papers",
        by_hand=True,
    ),
    Point(
        "device",
        gettext_noop("A first device reports"),
        gettext_noop("IT makes an enrolment token and enrols one device, its own for a start."),
        page="devices",
        command="fairwatch-custody token",
    ),
    Point(
        "test",
        gettext_noop("A harmless test came the whole way"),
        gettext_noop("IT or a lead presses “Test now” on the page “Tests”."),
        page="tests",
    ),
)

_Fact = tuple[bool, datetime | None]


def standings(data_dir: Path) -> list[Standing]:
    """Return how each point stands now, in the order in which they are best done."""
    facts = _facts(data_dir)
    return [_ticked(point) if point.by_hand else Standing(point, *facts[point.id]()) for point in POINTS]


def tick(user: User, point_id: str, now: datetime, *, done: bool) -> None:
    """Say that a point which no machine can know is done, or is not; raises NotAllowed, NotThere."""
    if user.role not in READERS:
        raise NotAllowed(gettext("this is not for your role"))
    point = next((one for one in POINTS if one.id == point_id and one.by_hand), None)
    if point is None:
        raise NotThere(gettext("there is no such point to tick"))
    if _ticked(point).done is not done:
        audit.write(audit.actor_of(user), _TICKED if done else _UNTICKED, _subject(point), now=now)


def _facts(data_dir: Path) -> dict[str, Callable[[], _Fact]]:
    published = _published(data_dir)
    return {
        "tls": lambda: (_certificate_is_right(data_dir), _latest("certificate_put_in")),
        "custodians": lambda: (published is not None and not published.pilot, _latest("published")),
        "leads": lambda: (_leads(published) >= LEADS_WANTED, _latest("published")),
        "mail": _mail,
        "backup": lambda: (settings.CONFIG.backup.nightly and doctor_machine.backups(data_dir).ok, _last_backup()),
        "rehearsed": lambda: (_latest("backup_rehearsed") is not None, _latest("backup_rehearsed")),
        "head": _head,
        "device": _device,
        "test": _test,
    }


def _published(data_dir: Path) -> Published | None:
    try:
        return Publication(data_dir).published()
    except SetUpError:
        return None  # changed by hand: the doctor says what to do


def _leads(published: Published | None) -> int:
    if published is None or published.recipients is None:
        return 0
    return len({one.label for one in published.recipients.recipients if one.role in {"lead", "deputy"}})


def _certificate_is_right(data_dir: Path) -> bool:
    try:
        own = certificates.is_own(data_dir / TLS_CERTIFICATE)
        return bool(settings.CONFIG.tls) and not own and doctor_machine.tls(data_dir).ok
    except (OSError, ValueError):
        return False


def _mail() -> _Fact:
    latest = mail_check.latest()
    if not settings.CONFIG.mail.host or latest is None or latest.fault:
        return False, None
    return True, latest.checked_at


def _last_backup() -> datetime | None:
    return _latest("backup_made")


def _head() -> _Fact:
    """Whether it went out to everybody who is named, the last time to each."""
    sent = [
        Job.objects.filter(job=heads.job_name(one), done_at__isnull=False)
        .order_by("-done_at")
        .values_list("done_at", flat=True)
        .first()
        for one in settings.CONFIG.audit.head_to
    ]
    times = [one for one in sent if one is not None]
    done = bool(sent) and len(times) == len(sent)
    return done, min(times) if done else None


def _device() -> _Fact:
    real = Device.objects.filter(sample=False, last_seen__isnull=False).order_by("enrolled_at")
    first = real.values_list("enrolled_at", flat=True).first()
    return first is not None, first


def _test() -> _Fact:
    arrived = Trip.objects.filter(received_at__isnull=False, device__sample=False).order_by("-received_at")
    last = arrived.values_list("received_at", flat=True).first()
    return last is not None, last


def _latest(action: str) -> datetime | None:
    return AuditEntry.objects.filter(action=action).order_by("-seq").values_list("at", flat=True).first()


def _ticked(point: Point) -> Standing:
    lines = AuditEntry.objects.filter(action__in=(_TICKED, _UNTICKED), subject=_subject(point))
    last = lines.order_by("-seq").first()
    if last is None or last.action != _TICKED:
        return Standing(point, done=False)
    kind, _, number = last.actor.partition(":")
    by = User.objects.filter(pk=number).first() if kind == "user" and number.isdigit() else None
    return Standing(point, done=True, since=last.at, by=by)


def _subject(point: Point) -> str:
    return f"go-live:{point.id}"
