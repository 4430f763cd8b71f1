"""The sender: hands the spool's records to the collector and deletes each only on a receipt for its id.

What goes wrong, and what is done: no connection, a timeout, 429, 5xx and every refusal that may pass are tried again
for ever, ever more slowly (exponential, bounded, full jitter) and not before Retry-After. A wrong clock signs again
with the collector's time. A request that is refused for good is split down to the record that spoils it. An answer that
does not read as receipts, a missing receipt, or one for an id that was not sent deletes nothing. A record that is
refused, or that breaks the collector, waits by itself while the others go on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol
from uuid import UUID

from agent.errors import CollectorRefused, CollectorUnreachable, SpoolError
from agent.http import EXCHANGE_BYTES, Signer
from agent.spool import Spool
from protocol.codes import Code
from protocol.errors import Refused
from protocol.limits import BATCH_MAX_RECORDS, CLOCK_OFFSET_MAX_SECONDS, MESSAGE_VERSION
from protocol.messages import Batch, Parcel, Receipt, Receipts, decode, encode

log = logging.getLogger(__name__)

RECORDS_PATH: Final = "/v1/records"

BATCH_BYTES: Final = 1024 * 1024
"""A quarter of what the collector takes: a batch is through in a minute on a line of 200 kbit/s."""

PARCEL_BYTES: Final = 250
"""What a record takes in a batch beside its body, and its receipt in the answer."""

FIRST_WAIT_SECONDS: Final = 1.0
"""The longest wait after a first failure; it doubles with each."""

LONGEST_WAIT_SECONDS: Final = 120.0
"""An alert waits no longer than this after the collector is back; 500 devices then ask about eight times a second."""

HELD_WAIT_SECONDS: Final = 900.0
"""How often a device that is withdrawn or held as a clone asks whether that has changed."""

_REFUSED_ALONE_MAX: Final = 3
"""So many records refused one by one, and none taken: a round ends there, and the next comes later."""

_TRIES_KEPT: Final = 10_000
"""Beyond this what is known of single records is forgotten: some may have been dropped since."""

_OFFSET_MAX: Final = timedelta(seconds=CLOCK_OFFSET_MAX_SECONDS)
_OFFSET_KEY: Final = "sender clock offset"
_SPOILT_BY_ONE: Final = (Code.MALFORMED.value, Code.TOO_LARGE.value)
_HELD: Final = (Code.UNKNOWN_DEVICE.value, Code.REVOKED_DEVICE.value, Code.QUARANTINED_DEVICE.value)
_FORKED: Final = (Code.FORKED_COUNTER.value, *_HELD)
_IN_USE: Final = (Code.FORKED_COUNTER.value, Code.QUARANTINED_DEVICE.value)
_MAY_PASS: Final = frozenset(code.value for code in Code if code.retry)
_DONE: Final = ("stored", "duplicate")

Standing = Literal["working", "waiting", "held"]


class Poster(Protocol):
    """What the sender needs of `http.Collector`."""

    def post(self, path: str, body: bytes, sign: Signer) -> bytes:
        """Post a signed body and return the answer's."""


class Sender:
    """Sends what waits in the spool, from one thread: `run`, or `send_round` by whoever keeps the time.

    `identity_in_use` says that the collector held this identity at its last answer, since another device used it.
    `moved_bytes` is about how much was told, without alerts: who sends too much is slowed down and IT sees it, as the
    person does, and neither may learn from it whether there were alerts. They are never slowed either.
    """

    def __init__(
        self,
        spool: Spool,
        collector: Poster,
        *,
        device: UUID,
        signer: Callable[[Callable[[], datetime]], Signer],
        clock: Callable[[], datetime],
        random: Callable[[], float],
        send_seconds: float = 60.0,
        pace: Callable[[], int] = lambda: 1,
        on_contact: Callable[[datetime], None] = lambda _at: None,
        on_refused: Callable[[str], None] = lambda _kind: None,
    ) -> None:
        """`signer` makes a signer that signs at the time its clock says (`Identity.signer`). `random` gives [0, 1).

        `send_seconds` is how often while all is well, `pace()` times as long where the device must spare; an alert
        waits for neither. `on_contact` is told when the collector took a heartbeat (aware
        UTC), and of no other record: people may see that time, and one that moved with an alert would tell of it.
        `on_refused` is told the kind of a record that the collector refused for good.
        """
        self._spool = spool
        self._collector = collector
        self._device = device
        self._clock = clock
        self._random = random
        self._send_seconds, self._pace = send_seconds, pace
        self._on_contact = on_contact
        self._on_refused = on_refused
        self._offset = _read_offset(spool.load(_OFFSET_KEY))
        self._sign = signer(self.collector_time)
        self._failures = 0
        self._limit = BATCH_MAX_RECORDS
        self._tries: dict[UUID, int] = {}
        self._suspects: dict[UUID, tuple[int, int]] = {}
        self._accepted = self._accepted_before = self._refused_alone = 0
        self.standing: Standing = "working"
        self.identity_in_use = False
        self.moved_bytes = 0

    @property
    def clock_offset_seconds(self) -> int:
        """How many seconds the collector's clock is ahead of this device's, 0 while the difference does no harm."""
        return round(self._offset.total_seconds())

    def run(self, stopping: threading.Event) -> None:
        """Send until `stopping` is set: every `send_seconds`, at once when an alert is put, slower while it fails.

        Whoever sets `stopping` sets `spool.alert_waits` too, so that this ends at once.
        """
        while not stopping.is_set():
            self._spool.alert_waits.clear()
            wait_seconds = self.send_round()
            if wait_seconds <= 0:
                continue
            if self._failures:
                stopping.wait(wait_seconds)
            else:
                self._spool.alert_waits.wait(wait_seconds)

    def send_round(self) -> float:
        """Send one batch; return how many seconds to wait before the next, 0 when more waits."""
        try:
            parcels = self._spool.peek(BATCH_BYTES, self._limit)
            if not parcels:
                return self._send_seconds * self._pace()
            self._accepted_before, self._refused_alone = self._accepted, 0
            if len(self._tries) > _TRIES_KEPT:
                self._tries.clear()
            self._send(parcels)
        except CollectorUnreachable as fault:
            log.info("sender.waiting reason=%s", fault)
            return self._back_off("waiting", fault.retry_after_seconds)
        except CollectorRefused as fault:
            log.warning("sender.refused code=%s", fault.code)
            self.identity_in_use = fault.code in _IN_USE
            return self._back_off("held" if fault.code in _HELD else "waiting", fault.retry_after_seconds)
        except SpoolError as fault:
            log.warning("sender.spool_failed kind=%s", type(fault).__name__)
            return self._back_off("waiting", None)
        except Exception as fault:  # noqa: BLE001 - an unknown fault must not end sending; the records stay
            log.error("sender.failed kind=%s", type(fault).__name__)  # noqa: TRY400 - a trace could hold payloads
            return self._back_off("waiting", None)
        self._failures = 0
        self.identity_in_use = False
        self._limit = min(BATCH_MAX_RECORDS, self._limit * 2)
        self.standing = "working"
        return 0.0

    def _back_off(self, standing: Standing, retry_after_seconds: float | None) -> float:
        """Wait a random part of a time that doubles up to its bound, on top of what the collector asked for."""
        self.standing = standing
        self._failures += 1
        if standing == "held":
            return (0.5 + self._random() / 2) * HELD_WAIT_SECONDS
        return (retry_after_seconds or 0.0) + self._random() * self._longest_wait(self._failures)

    def _longest_wait(self, failures: int) -> float:
        return min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 30))

    # --- one batch -------------------------------------------------------------------------------------------------

    def _send(self, parcels: Sequence[Parcel]) -> None:
        """Send a batch and settle each record by its receipt; split it when one record spoils it."""
        try:
            receipts = self._post(parcels)
        except CollectorRefused as fault:
            if fault.code not in _SPOILT_BY_ONE:
                raise
            self._split(parcels, fault)
            return
        except CollectorUnreachable as fault:
            self._blame(parcels, fault)
            raise
        self._settle(parcels, receipts)

    def _post(self, parcels: Sequence[Parcel]) -> tuple[Receipt, ...]:
        body = encode(Batch(MESSAGE_VERSION, self._device, tuple(parcels)))
        others = [memoryview(parcel.body).nbytes + PARCEL_BYTES for parcel in parcels if parcel.kind != "alert"]
        self.moved_bytes += sum(others) + (EXCHANGE_BYTES if others else 0)
        try:
            answer = self._collector.post(RECORDS_PATH, body, self._sign)
        except CollectorRefused as fault:
            if fault.code == Code.BAD_SIGNATURE.value and self._offset:
                self._set_offset(timedelta())  # it may be our time that it can't read: the next try has our own clock's
            if fault.code != Code.CLOCK_WRONG.value or fault.time is None:
                raise
            offset = fault.time - self._clock()
            if abs(offset) > _OFFSET_MAX:
                raise  # no clock is that far off: it would be kept, and no later request could be signed at all
            self._set_offset(offset)
            answer = self._collector.post(RECORDS_PATH, body, self._sign)
        try:
            return decode(answer, Receipts).receipts
        except Refused as fault:
            raise CollectorUnreachable("the answer is not the collector's") from fault

    def _split(self, parcels: Sequence[Parcel], refusal: CollectorRefused) -> None:
        """Halve a batch that is refused for good until the record that spoils it stands alone."""
        if len(parcels) > 1:
            middle = len(parcels) // 2
            self._send(parcels[:middle])
            self._send(parcels[middle:])
            return
        self._suspect(parcels[0].record, refusal.code)
        self._refused_alone += 1
        if self._refused_alone >= _REFUSED_ALONE_MAX and self._accepted == self._accepted_before:
            raise refusal  # it takes nothing at all: the fault is not in the records

    def _suspect(self, record: UUID, code: str) -> None:
        """Put aside a record that was refused alone twice, once the collector is known to take others meanwhile.

        A collector or a proxy that refuses everything would else empty the spool into the quarantine.
        """
        accepted, times = self._suspects.get(record, (self._accepted_before, 0))
        if times > 0 and self._accepted > accepted:
            self._quarantine(record, code)
            return
        self._suspects[record] = (accepted, times + 1)
        self._wait_alone(record)

    def _settle(self, parcels: Sequence[Parcel], receipts: Sequence[Receipt]) -> None:
        """Do for each record what its receipt says, and nothing without one."""
        answers = _one_each(parcels, receipts)
        done = [record for record, receipt in answers.items() if receipt.result in _DONE]
        self._spool.ack(done)
        for record in done:
            self._forget(record)
        if any(parcel.kind == "heartbeat" and parcel.record in done for parcel in parcels):
            self._on_contact(self._clock())
        if done:
            self._accepted += 1
            self._forgive()
        forked = False
        for parcel in parcels:
            receipt = answers.get(parcel.record)
            if receipt is None or (receipt.result not in _DONE and not _is_final(receipt)):
                self._wait_alone(parcel.record)
                forked = forked or (receipt is not None and receipt.code in _FORKED)
            elif receipt.result == "refused":
                self._quarantine(parcel.record, receipt.code or "refused")
                self._on_refused(parcel.kind)
        if forked:
            raise CollectorRefused(Code.QUARANTINED_DEVICE.value, retry=True, status=Code.FORKED_COUNTER.status)

    # --- records that wait alone -----------------------------------------------------------------------------------

    def _blame(self, parcels: Sequence[Parcel], fault: CollectorUnreachable) -> None:
        """Try fewer records next time, and leave one out for a while that failed alone: it may be what breaks it."""
        if not fault.reached:
            return
        if len(parcels) == 1:
            self._wait_alone(parcels[0].record)
        self._limit = max(1, len(parcels) // 2)

    def _wait_alone(self, record: UUID) -> None:
        tries = self._tries[record] = self._tries.get(record, 0) + 1
        wait_seconds = (0.5 + self._random() / 2) * self._longest_wait(tries + 2)
        self._spool.postpone([record], self._clock() + timedelta(seconds=wait_seconds))

    def _forgive(self) -> None:
        """The collector works again: what failed alone only once or twice was not what broke it."""
        again = [record for record, tries in self._tries.items() if tries <= 2 and record not in self._suspects]
        self._spool.postpone(again, self._clock())

    def _quarantine(self, record: UUID, code: str) -> None:
        log.warning("sender.quarantined record=%s code=%s", record, code)
        self._spool.quarantine(record, code)
        self._forget(record)

    def _forget(self, record: UUID) -> None:
        self._tries.pop(record, None)
        self._suspects.pop(record, None)

    # --- time ------------------------------------------------------------------------------------------------------

    def collector_time(self) -> datetime:
        """Return the collector's time as far as it is known: what every request of this device is signed with."""
        return self._clock() + self._offset

    def _set_offset(self, offset: timedelta) -> None:
        self._offset = offset
        self._spool.save(_OFFSET_KEY, str(self.clock_offset_seconds).encode())
        log.warning("sender.clock_wrong offset_seconds=%d", self.clock_offset_seconds)


def _one_each(parcels: Sequence[Parcel], receipts: Sequence[Receipt]) -> Mapping[UUID, Receipt]:
    """Return the receipt of each record that was sent; two that contradict each other count as none."""
    sent = {parcel.record for parcel in parcels}
    found: dict[UUID, Receipt] = {}
    contradicted: set[UUID] = set()
    for receipt in receipts:
        if receipt.record not in sent:
            log.warning("sender.receipt_for_nothing_sent")
        elif found.setdefault(receipt.record, receipt).result != receipt.result:
            contradicted.add(receipt.record)
    return {record: receipt for record, receipt in found.items() if record not in contradicted}


def _is_final(receipt: Receipt) -> bool:
    """Whether a receipt refuses a record for good: `retry`, or a code that may pass, keeps it."""
    return receipt.result == "refused" and receipt.code not in _MAY_PASS


def _read_offset(saved: bytes | None) -> timedelta:
    try:
        offset = timedelta(seconds=int(saved or b"0"))
    except (ValueError, OverflowError):
        return timedelta()
    return offset if abs(offset) <= _OFFSET_MAX else timedelta()
