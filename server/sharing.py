"""Let a lead who came later read older cases: whom they could be shared with, what it takes, and what was shared.

The browser of a lead who can open a case seals its content keys again, to the newcomer's key, and signs that; here it
is checked and kept. No evidence leaves the collector for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from protocol import rewraps
from protocol.errors import Refused
from protocol.leadkeys import fingerprint
from protocol.passing_on import Kept, Parcel, SharedNote, ToShare
from protocol.publication import Recipient
from protocol.sealing import key_id, slot_of
from server import audit, leadkeys, timeline
from server.errors import NotThere, WrongState
from server.incidents import addressed, keys_of, may_open, visible
from server.store.models import AlertRecord, Incident, IncidentRecipient, LeadKey, Note, Rewrap, User
from server.timeline import What

BATCH_MAX = 25
"""Cases in one request: about a second of a browser's work, so that progress shows and little is lost by a stop."""

COUNTED_MAX = 1000
"""Beyond this the exact number helps nobody, and counting on would slow the desk."""

DOCUMENTS_MAX = 500
"""Re-wraps of one case in one request: its heading, its evidence and all of its notes."""


@dataclass(frozen=True)
class Newcomer:
    """A key on the signed list to which `cases` of the user's cases are not yet open (at most COUNTED_MAX)."""

    key_id: str
    public_key: bytes
    fingerprint: str
    label: str
    groups: tuple[str, ...]
    never_about: tuple[str, ...]
    own: bool
    cases: int


def newcomers(user: User) -> list[Newcomer]:
    """Return whom of the signed list some of the user's cases are not yet open to, the user's own new key too."""
    may_open(user)
    listed, own = leadkeys.signed_list(), set(keys_of(user))
    found = []
    for one in listed.recipients if listed is not None else ():
        if one.role == "recovery":
            continue
        cases = _missing(user, one)[:COUNTED_MAX].count()
        if cases:
            number = fingerprint(one.public_key)
            scope = (one.groups, one.never_about)
            found.append(Newcomer(one.key_id, one.public_key, number, one.label, *scope, one.key_id in own, cases))
    return found


def readers_of(user: User) -> list[Recipient]:
    """Return the leads and deputies of the signed list that a case could be handed to by name: not the user's keys."""
    may_open(user)
    listed, own = leadkeys.signed_list(), set(keys_of(user))
    return [
        one
        for one in (listed.recipients if listed is not None else ())
        if one.role != "recovery" and one.key_id not in own
    ]


def to_share(user: User, number: str, *, after: UUID | None = None, incident_id: UUID | None = None) -> list[ToShare]:
    """Return the next cases that are not yet open to a key of the signed list, in the order of their ids.

    With `incident_id` that case alone, whatever the key's groups: then a person decided so by name. Raises NotAllowed,
    and NotThere for a key that is not on the list or a case that is not the user's.
    """
    may_open(user)
    newcomer = listed(number)
    if incident_id is not None:
        return [case_of(addressed(user, incident_id), newcomer)]
    ids = _missing(user, newcomer).order_by("incident_id").values_list("incident_id", flat=True).distinct()
    wanted = list((ids.filter(incident_id__gt=after) if after is not None else ids)[:BATCH_MAX])
    return [case_of(_best(user, one, newcomer), newcomer) for one in wanted]


def take(user: User, number: str, parcels: Sequence[Parcel], now: datetime, *, by_name: bool = False) -> int:
    """Keep the re-wraps of some cases; return how many became open to the key. The same again changes nothing.

    Raises NotAllowed, NotThere, and WrongState when one is not signed by the user's own key, is for another key or
    another envelope, or leaves a case half shared.
    """
    may_open(user)
    newcomer = listed(number)
    if len(parcels) > BATCH_MAX:
        raise WrongState(gettext("at most %(count)s cases are shared at once") % {"count": BATCH_MAX})
    opened, own = 0, set(keys_of(user))
    with transaction.atomic():
        for parcel in parcels:
            addressed(user, parcel.incident)
            opened += keep(parcel, newcomer, own, user, now, by_name=by_name)
        if opened and not by_name:
            audit.write(audit.actor_of(user), "cases_shared", f"key:{number}", f"{opened} cases", now=now)
    return opened


def wraps_for(user: User, incidents: Iterable[UUID], purposes: Iterable[str]) -> dict[tuple[UUID, str], bytes]:
    """Return the user's re-wraps in some cases, by record and purpose: what stands beside an envelope."""
    rows = Rewrap.objects.filter(incident_id__in=list(incidents), key_id__in=keys_of(user), purpose__in=list(purposes))
    return {(row.record, row.purpose): bytes(row.wrap) for row in rows}


def introductions(incident_id: UUID) -> list[rewraps.Rewrap]:
    """Return a case's re-wrapped headings: they prove, each by its signature, who was let in by whom."""
    return [
        _sent(row) for row in Rewrap.objects.filter(incident_id=incident_id, purpose="heading").order_by("at", "pk")
    ]


def of_case(user: User, incident_id: UUID) -> list[rewraps.Rewrap]:
    """Return a case's re-wraps for the user's own keys, and those that prove who was let in: for an export."""
    rows = Rewrap.objects.filter(Q(key_id__in=keys_of(user)) | Q(purpose="heading"), incident_id=incident_id)
    return [_sent(row) for row in rows.order_by("at", "pk")]


def reader_keys(incident_id: UUID, sealed_to: Iterable[str], own: Iterable[str]) -> list[bytes]:
    """Return the public keys to seal a case's notes to: whom it is sealed to, and whom somebody let in since."""
    let_in = Rewrap.objects.filter(incident_id=incident_id, purpose="heading").values_list("key_id", flat=True)
    return leadkeys.readers({*sealed_to, *let_in}, own)


def listed(number: str) -> Recipient:
    """Return a lead's or deputy's entry on the signed list; raises NotThere."""
    newest = leadkeys.signed_list()
    for one in newest.recipients if newest is not None else ():
        if one.key_id == number and one.role != "recovery":
            return one
    raise NotThere(gettext("no lead on the signed list has this key"))


def _missing(user: User, newcomer: Recipient) -> QuerySet[IncidentRecipient]:
    """The user's rows of cases that the newcomer may have and has not, or only in an older state."""
    theirs = IncidentRecipient.objects.filter(
        incident=OuterRef("incident"), key_id=newcomer.key_id, record__revision__gte=OuterRef("record__revision")
    )
    rows = visible(user).exclude(key_id=newcomer.key_id).filter(~Exists(theirs))
    return rows.filter(incident__group__in=newcomer.groups) if newcomer.groups else rows


def _best(user: User, incident_id: UUID, newcomer: Recipient) -> IncidentRecipient:
    rows = visible(user).exclude(key_id=newcomer.key_id).filter(incident_id=incident_id)
    row = rows.order_by("-record__revision").first()
    assert row is not None
    return row


def case_of(mine: IncidentRecipient, newcomer: Recipient) -> ToShare:
    """Return one case as whoever has this row can pass it on; raises WrongState when they can't."""
    kept = AlertRecord.objects.select_related("signer", "lead_key").get(pk=mine.record_id)
    own = {
        (row.purpose, row.record): bytes(row.wrap)
        for row in Rewrap.objects.filter(incident_id=mine.incident_id, key_id=mine.key_id)
    }
    notes = []
    for note in Note.objects.filter(incident_id=mine.incident_id).order_by("at", "id"):
        envelope = bytes(note.envelope)
        slot = _kept(own.get(("note", note.pk)), envelope, mine.key_id)
        if slot is not None and slot_of(envelope, newcomer.key_id) is None:
            digest = hashlib.sha256(envelope).digest()
            notes.append(SharedNote(note.pk, digest, bytes(note.signer), bytes(note.signature), slot))
    heading = _kept(own.get(("heading", kept.record)), bytes(kept.heading), mine.key_id)
    evidence = _kept(own.get(("evidence", kept.record)), bytes(kept.evidence), mine.key_id)
    if heading is None or evidence is None:
        raise WrongState(gettext("this case can't be passed on with this key"))
    return ToShare(
        incident=mine.incident_id,
        header=bytes(kept.header),
        heading=bytes(kept.heading),
        signature=bytes(kept.signature),
        signer_key=kept.signer.verifying_key if kept.signer is not None else None,
        lead_key=bytes(kept.lead_key.public_key) if kept.lead_key is not None else None,
        evidence_digest=bytes(kept.evidence_sha256),
        kept_heading=heading,
        kept_evidence=evidence,
        notes=tuple(notes),
        rewraps=tuple(introductions(mine.incident_id)),
    )


def _kept(own: bytes | None, envelope: bytes, number: str) -> Kept | None:
    if own is not None:
        return Kept(own, "rewrap")
    slot = slot_of(envelope, number)
    return Kept(slot, "wrap") if slot is not None else None


def keep(
    parcel: Parcel, newcomer: Recipient, signers: set[str], by: User | None, now: datetime, *, by_name: bool = False
) -> bool:
    """Check and keep one case's re-wraps; return whether it became open. Call inside a transaction.

    `signers` are the key ids that may sign them, `by` is who shares (nobody where the custodians recovered). Raises
    WrongState.
    """
    incident = Incident.objects.select_for_update(of=("self",)).get(pk=parcel.incident)
    if not by_name and newcomer.groups and incident.group not in newcomer.groups:
        raise WrongState(gettext("this case is of a group that this lead is not for; hand it over by name"))
    if len(parcel.rewraps) > DOCUMENTS_MAX:
        raise WrongState(gettext("a case can't have that many papers"))
    record = _checked(incident, newcomer, parcel, signers)
    Rewrap.objects.bulk_create((_row(incident, one, by, now) for one in parcel.rewraps), ignore_conflicts=True)
    there = IncidentRecipient.objects.filter(incident=incident, key_id=newcomer.key_id).select_related("record").first()
    if there is not None and there.record.revision >= record.revision:
        return False
    IncidentRecipient.objects.update_or_create(
        incident=incident, key_id=newcomer.key_id, defaults={"record": record, "handed_over": by_name}
    )
    if by_name:
        key = LeadKey.objects.filter(key_id=newcomer.key_id).select_related("user").first()
        timeline.add(incident, What.SHARED, by, now, to=key.user if key is not None else None)
    return True


def _checked(incident: Incident, newcomer: Recipient, parcel: Parcel, signers: set[str]) -> AlertRecord:
    """Check every re-wrap against what is stored; return the alert's record that becomes open."""
    records = {row.record: row for row in AlertRecord.objects.filter(incident=incident)}
    notes = {row.pk: bytes(row.envelope) for row in Note.objects.filter(incident=incident)}
    given: dict[str, set[UUID]] = {"heading": set(), "evidence": set()}
    for one in parcel.rewraps:
        if one.recipient != newcomer.public_key:
            raise WrongState(gettext("this is for another key than the one on the signed list"))
        try:
            rewraps.check(one, incident.pk, signers)
        except Refused:
            raise WrongState(
                gettext("this is not signed with a key that may share this case; unlock your key and try again")
            ) from None
        envelope = notes.get(one.record) if one.purpose == "note" else None
        if one.purpose in given and one.record in records:
            envelope = bytes(getattr(records[one.record], one.purpose))
            given[one.purpose].add(one.record)
        if envelope is None or hashlib.sha256(envelope).digest() != one.envelope_sha256:
            raise WrongState(gettext("the case changed meanwhile; try again"))
    whole = given["heading"] & given["evidence"]
    if not whole or given["heading"] != given["evidence"]:
        raise WrongState(gettext("a case is shared whole, heading and evidence, or not at all"))
    return max((records[one] for one in whole), key=lambda record: record.revision)


def _row(incident: Incident, one: rewraps.Rewrap, user: User | None, now: datetime) -> Rewrap:
    return Rewrap(
        incident=incident,
        purpose=one.purpose,
        record=one.record,
        key_id=key_id(one.recipient),
        envelope_sha256=one.envelope_sha256,
        recipient=one.recipient,
        wrap=one.wrap,
        signer=one.signer,
        signature=one.signature,
        by=user,
        at=now,
    )


def _sent(row: Rewrap) -> rewraps.Rewrap:
    parts = (row.envelope_sha256, row.recipient, row.wrap, row.signer, row.signature)
    return rewraps.Rewrap(row.record, row.purpose, *map(bytes, parts))  # type: ignore[arg-type]  # checked when taken
