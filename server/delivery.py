"""Look into the outbox every second and bring what is due; nobody's message waits for another's slow server.

Several collectors may do so at once: `outbox.claim` gives each row to one of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import close_old_connections, connection

from server import channels, escalation, incidents, letters, log, notify, outbox, responders, summary_letter
from server.errors import NotDelivered
from server.outbox import Claimed, Kind, Recipient
from server.store.models import NotifyChannel, OutboxMessage
from server.working_hours import organisation_zone

LOOK_SECONDS = 1.0
"""An urgent message leaves within five seconds of its alert; a look costs two queries of all but empty indexes.

The alert may have come to another process: a look finds it wherever it came, and after a restart.
"""

MISSED_EVERY = timedelta(minutes=1)
URGENT_SENDERS, OTHER_SENDERS = 8, 2
STOP_SECONDS = 5.0

Now = Callable[[], datetime]


def deliver(kind: str, recipient: Recipient, now: datetime, clock: Now | None = None) -> bool:
    """Claim and bring what is due for one recipient; whether all of it was taken, or there was nothing."""
    held = outbox.claim(kind, recipient, now)
    if held is None:
        return True
    rows = _still_theirs(held)
    took, fault = _bring(held, rows, now) if rows else ({}, "")
    outbox.settle(held, took, fault, clock() if clock is not None else now)
    log.event("message_failed" if fault else "message_sent", kind=kind, why=fault or "-", rows=len(held.rows))
    return not fault


def deliver_due(now: datetime) -> None:
    """Bring everything that is due, one after the other."""
    for kind, recipient in outbox.due(now):
        deliver(kind, recipient, now)


def _still_theirs(held: Claimed) -> list[OutboxMessage]:
    user = held.rows[0].user
    if held.kind == Kind.SUMMARY:
        return [row for row in held.rows if summary_letter.is_for(row)]
    if user is None:
        return list(held.rows)
    if not user.is_active:
        return []
    cases = {row.incident_id for row in held.rows if row.incident_id is not None}
    if not cases:
        return list(held.rows)
    # Whoever left the list or changed groups since the row was written is told of it no more.
    seen = set(incidents.visible(user).filter(incident__in=cases).values_list("incident_id", flat=True))
    return [row for row in held.rows if row.incident_id in seen]


def _bring(held: Claimed, rows: list[OutboxMessage], now: datetime) -> tuple[dict[int, list[str]], str]:
    """Try every way; return which ways took which rows, and the last fault."""
    took = {row.pk: list(row.delivered_to) for row in held.rows}
    fault, zone = "", organisation_zone()
    ways = _ways(held)
    for name, address in ways:
        rest = [row for row in rows if name not in took[row.pk]]
        if not rest:
            continue
        try:
            channels.bring(address, letters.letter(rest, zone))
        except NotDelivered as missed:
            fault = missed.fault
            _note(name, fault, now)
            continue
        _note(name, "", now)
        for row in rest:
            took[row.pk].append(name)
    return took, fault if ways else "nowhere"


def _ways(held: Claimed) -> list[tuple[str, str]]:
    """Return the ways to a recipient, by a name without secrets, and their addresses."""
    user = held.rows[0].user
    if held.kind == Kind.SUMMARY:
        return [("email", held.recipient.contact)]
    if user is None:
        return [("contact", one.address) for one in settings.CONFIG.contacts if one.name == held.recipient.contact]
    email = responders.email_of(user)
    found = [("email", email)] if email else []
    more = NotifyChannel.objects.filter(user=user).order_by("pk")
    if held.kind != Kind.URGENT:
        more = more.filter(urgent_only=False)
    return found + [(f"channel:{one.pk}", one.url) for one in more]


def _note(way: str, fault: str, now: datetime) -> None:
    """Remember how a channel does; when it begins to fail, its owner is told by the other ways."""
    if not way.startswith("channel:"):
        return
    mine = NotifyChannel.objects.filter(pk=int(way.partition(":")[2]))
    if not fault:
        mine.exclude(fault="").update(fault="", failing_since=None)
        return
    begins = mine.filter(failing_since__isnull=True).update(failing_since=now)
    mine.update(fault=fault)
    if begins:
        _tell_owner(mine.select_related("user").first(), now)


def _tell_owner(channel: NotifyChannel | None, now: datetime) -> None:
    if channel is None:
        return
    body = "One of the ways in which Fairwatch reaches you does not work. Look at your notifications page:\n"
    page = f"{settings.CONFIG.url.rstrip('/')}/notifications/"
    once = f"channel:{channel.pk}:{now:%Y-%m-%d}"
    notify.plain([channel.user], "Fairwatch: a way to reach you does not work", f"{body}{page}\n", once, now)


class Delivery:
    """The senders of one collector: threads that look every second until `stop`."""

    def __init__(self, now: Now = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._stopping = threading.Event()
        self._busy: set[tuple[bool, Recipient]] = set()
        self._lock = threading.Lock()
        self._urgent = ThreadPoolExecutor(URGENT_SENDERS, "urgent-messages")
        self._others = ThreadPoolExecutor(OTHER_SENDERS, "messages")
        self._missed_at = datetime.min.replace(tzinfo=UTC)
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End: what is being sent may end first, for some seconds; what was not sent waits in the outbox."""
        self._stopping.set()
        self._thread.join(STOP_SECONDS)
        for pool in (self._urgent, self._others):
            pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look(self._now())
            except Exception as fault:  # noqa: BLE001 - a database that is away for a moment must not end the sender
                log.failure("outbox_failed", fault)
                connection.close()
            self._stopping.wait(LOOK_SECONDS)
        connection.close()

    def _look(self, now: datetime) -> None:
        close_old_connections()
        if abs(now - self._missed_at) >= MISSED_EVERY:  # it lies ahead where the clock was set back
            notify.missed(now)
            self._missed_at = now
        escalation.ring(now)
        self._hand_out(outbox.due(now))

    def _hand_out(self, due: Sequence[tuple[str, Recipient]]) -> None:
        for kind, recipient in due:
            mark = (kind == Kind.URGENT, recipient)
            with self._lock:
                if mark in self._busy:
                    continue
                self._busy.add(mark)
            pool = self._urgent if kind == Kind.URGENT else self._others
            pool.submit(self._send, kind, recipient, mark)

    def _send(self, kind: str, recipient: Recipient, mark: tuple[bool, Recipient]) -> None:
        try:
            deliver(kind, recipient, self._now(), self._now)
        except Exception as fault:  # noqa: BLE001 - the rows come up again when their lease ends
            log.failure("delivery_failed", fault)
        finally:
            connection.close()  # pool threads live long, and each connection of PostgreSQL is a process
            with self._lock:
                self._busy.discard(mark)
