"""Keep what each person was asked to read, and put their acknowledgements, signed, into the spool."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import msgspec

from agent.bundle import Bundle
from agent.reading import ToRead
from agent.seal import Signer
from agent.spool import ACKNOWLEDGEMENT_LOST
from protocol.messages import Acknowledgement, AcknowledgementStatement, RecordKind, encode
from protocol.signing import sign_acknowledgement
from rules.policy import Document

ASK_AGAIN: Final = timedelta(days=7)
"""Often enough to be done within a month, seldom enough not to be clicked away by habit."""

KEPT_MAX: Final = 200
"""Documents remembered of one person: ten years of a few a year, in less than the spool's bound for a state."""


class Outbox(Protocol):
    """The spool, as far as this needs it."""

    def transaction(self) -> AbstractContextManager[None]:
        """All that is put and saved inside is kept, or none of it."""

    def put(self, kind: RecordKind, make: Callable[[UUID, int], bytes], /) -> UUID | None:
        """Put a record; None where there was no room."""

    def load(self, key: str) -> bytes | None:
        """What was saved last, or None."""

    def save(self, key: str, value: bytes | None) -> None:
        """Remember a value under a key."""


class _Known(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a document that a person was shown, when last, and when they acknowledged it."""

    id: str
    version: str
    title: str
    shown_at: datetime
    acknowledged_at: datetime | None = None


class Documents:
    """What people of this device are asked to read; safe to use from several threads, as the spool is."""

    def __init__(self, spool: Outbox, signer: Signer, group: str, clock: Callable[[], datetime]) -> None:
        """`group` is the device's, for people whom no pattern of the policy means."""
        self._spool = spool
        self._signer = signer
        self._group = group
        self._clock = clock

    def to_read(self, person: str, bundle: Bundle) -> tuple[ToRead, ...]:
        """What a person has still to acknowledge, each with the time from which to ask; in the policy's order."""
        known = self._known(person)
        return tuple(_to_read(one, known.get((one.id, one.version))) for one in self._asked_of(person, bundle, known))

    def shown(self, person: str, bundle: Bundle, document: str, shown: str) -> None:
        """Keep that a document was shown, so that a week goes by before the next time. Other words are passed over."""
        with self._spool.transaction():
            known = self._known(person)
            one = self._find(person, bundle, known, document, shown)
            if one is not None:
                self._keep(person, known, one, None)

    def acknowledge(self, person: str, bundle: Bundle, document: str, shown: str) -> None:
        """Put a person's acknowledgement into the spool, once: kept and put together or not at all.

        For a document that is not asked of them, in other words or acknowledged already nothing is done. Where the
        spool has no room they are asked again.
        """
        with self._spool.transaction():
            known = self._known(person)
            one = self._find(person, bundle, known, document, shown)
            if one is None:
                return
            at = self._clock().astimezone(UTC).replace(microsecond=0)

            def make(record: UUID, counter: int) -> bytes:
                return self._statement(person, one, at, bundle.policy_version, record, counter)

            if self._spool.put("acknowledgement", make) is not None:
                self._keep(person, known, one, at)

    def told(self, person: str, bundle: Bundle | None) -> dict[str, object]:
        """What the person acknowledged on this device, newest first, and what waits for them; for them alone."""
        done = [one for one in self._known(person).values() if one.acknowledged_at is not None]
        done.sort(key=lambda one: one.acknowledged_at or one.shown_at, reverse=True)
        waiting = self.to_read(person, bundle) if bundle is not None else ()
        return {
            "acknowledged": [
                {"id": one.id, "title": one.title, "version": one.version, "at": one.acknowledged_at} for one in done
            ],
            "waiting": waiting,
        }

    def _statement(
        self, person: str, one: Document, at: datetime, policy_version: int, record: UUID, counter: int
    ) -> bytes:
        statement = encode(
            AcknowledgementStatement(
                version=1,
                record=record,
                counter=counter,
                device=self._signer.device,
                signer=self._signer.device,
                person=person,
                document=one.id,
                document_version=one.version,
                shown=one.fingerprint,
                at=at,
                policy_version=policy_version,
            )
        )
        return encode(Acknowledgement(statement, sign_acknowledgement(self._signer.key, statement)))

    def _asked_of(self, person: str, bundle: Bundle, known: dict[tuple[str, str], _Known]) -> list[Document]:
        group = bundle.policy.group_of(person) or self._group
        done = {key for key, one in known.items() if one.acknowledged_at is not None}
        return [one for one in bundle.policy.documents if one.is_for(group) and (one.id, one.version) not in done]

    def _find(
        self, person: str, bundle: Bundle, known: dict[tuple[str, str], _Known], document: str, shown: str
    ) -> Document | None:
        asked = self._asked_of(person, bundle, known)
        return next((one for one in asked if (one.id, one.fingerprint) == (document, shown)), None)

    def _keep(
        self, person: str, known: dict[tuple[str, str], _Known], one: Document, acknowledged_at: datetime | None
    ) -> None:
        fresh = _Known(
            id=one.id, version=one.version, title=one.title, shown_at=self._clock(), acknowledged_at=acknowledged_at
        )
        kept = [*(each for key, each in known.items() if key != (one.id, one.version)), fresh]
        self._spool.save(_key(person), msgspec.json.encode(kept[-KEPT_MAX:]))

    def _known(self, person: str) -> dict[tuple[str, str], _Known]:
        kept = self._spool.load(_key(person))
        try:
            rows = msgspec.json.decode(kept, type=list[_Known]) if kept is not None else []
        except msgspec.DecodeError:
            rows = []  # asked once more: an acknowledgement too many is harmless, it is kept once
        lost = self._spool.load(ACKNOWLEDGEMENT_LOST)
        if lost is not None:
            # Nobody can say whose it was, so what was acknowledged by then is asked for again of all.
            until = datetime.fromisoformat(lost.decode())
            rows = [_undone(one) if one.acknowledged_at and one.acknowledged_at <= until else one for one in rows]
        return {(one.id, one.version): one for one in rows}


def _undone(one: _Known) -> _Known:
    return msgspec.structs.replace(one, acknowledged_at=None)


def _to_read(one: Document, known: _Known | None) -> ToRead:
    asked = known.shown_at + ASK_AGAIN if known is not None else datetime(2000, 1, 1, tzinfo=UTC)
    return ToRead(
        id=one.id,
        title=one.title,
        version=one.version,
        day=one.date,
        where=one.where,
        text=one.text,
        shown=one.fingerprint,
        ask_at=asked,
    )


def _key(person: str) -> str:
    return f"documents/{person}"
