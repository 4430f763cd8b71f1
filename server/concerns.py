"""Keep a concern that a lead recorded by hand: sealed and signed in the browser, a case like any other from then on."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext

from protocol import concerns
from protocol.concerns import Concern, ConcernHeader
from protocol.errors import OpenError, Refused
from protocol.publication import RecipientList
from protocol.sealing import layout
from server import incidents, leadkeys, notify, timeline
from server.errors import NotAllowed, WrongState
from server.store.models import AlertRecord, Incident, IncidentRecipient, LeadKey, User
from server.timeline import What

AHEAD = timedelta(minutes=5)
"""A computer's clock may be off by that much; what is to happen later is no concern yet."""


def record(user: User, concern: Concern, now: datetime) -> Incident:
    """Keep a concern as a new case; the same one again is the same case.

    Raises NotAllowed for a role that opens no evidence, Refused when it can't be read, and WrongState when it is not
    signed with the person's own key, or not sealed to exactly whom the signed list allows.
    """
    incidents.may_open(user)
    header = concerns.read_header(concern.header)
    key = _signed_by(user, header, concern)
    there = Incident.objects.filter(pk=header.incident).first()
    if there is not None:
        return _same(there, concern)
    _check_seal(header, concern)
    if header.started > now + AHEAD:
        raise WrongState(gettext("the time of the concern lies in the future"))
    with transaction.atomic():
        incident = incidents.create_case(
            header.incident, header.group, urgent=header.urgent, started=header.started, by=user, now=now
        )
        kept = AlertRecord.objects.create(
            record=header.record,
            incident=incident,
            lead_key=key,
            revision=0,
            header=concern.header,
            heading=concern.heading,
            evidence=concern.evidence,
            evidence_sha256=hashlib.sha256(concern.evidence).digest(),
            signature=concern.signature,
            received_at=now,
        )
        for key_id in header.sealed_to:
            IncidentRecipient.objects.create(incident=incident, key_id=key_id, record=kept)
        timeline.add(incident, What.RECORDED, user, now)
        notify.incident_recorded(incident, now)
    return incident


def _signed_by(user: User, header: ConcernHeader, concern: Concern) -> LeadKey:
    key = LeadKey.objects.filter(user=user, active=True, key_id=header.signer).first()
    if key is None:
        raise WrongState(gettext("this is not signed with one of your own keys; unlock your key and record it again"))
    try:
        concerns.verify(bytes(key.public_key), concern.signature, concern.header, concern.heading, concern.evidence)
    except Refused:
        raise WrongState(gettext("the signature does not match; unlock your key and record it again")) from None
    return key


def _check_seal(header: ConcernHeader, concern: Concern) -> None:
    listed = _signed_list()
    if header.recipients_version != listed.version:
        raise WrongState(
            gettext("the list of who may open cases has changed; load the page again and record it once more")
        )
    try:
        sealed = {layout(envelope).key_ids for envelope in (concern.heading, concern.evidence)}
    except OpenError as fault:
        raise WrongState(gettext("the concern is not a sealed envelope: %(fault)s") % {"fault": fault}) from None
    if sealed != {header.sealed_to}:
        raise WrongState(gettext("the concern is not sealed to those whom it names"))
    known = {one.key_id: one for one in listed.recipients}
    if header.signer not in known:
        raise WrongState(gettext("the custodians have not signed your key yet, so nobody could check who wrote this"))
    readers = [known.get(key_id) for key_id in header.sealed_to]
    # The person is not known here, so whom it may not be about is for the browser; the group is.
    if any(one is None or not _in_scope(one.role, one.groups, header.group) for one in readers):
        raise WrongState(gettext("the concern is sealed to a key that may not open cases of this group"))
    roles = {one.role for one in readers if one is not None}
    if "recovery" not in roles or not roles & {"lead", "deputy"}:
        raise WrongState(gettext("the concern must be sealed to at least one lead and to the recovery key"))


def _in_scope(role: str, groups: tuple[str, ...], group: str) -> bool:
    return role == "recovery" or not groups or group in groups


def _signed_list() -> RecipientList:
    listed = leadkeys.signed_list()
    if listed is None:
        raise WrongState(gettext("the custodians have not signed who may open cases yet, so nothing can be sealed"))
    return listed


def _same(there: Incident, concern: Concern) -> Incident:
    if there.records.filter(header=concern.header, signature=concern.signature).exists():
        return there
    raise NotAllowed(gettext("another case has this id"))
