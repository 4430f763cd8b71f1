"""Asks every lead about each request for somebody's data, and keeps what they decide.

Whose a case is is sealed, so the collector can't know whether there is one; it asks in the same words, of the same
people, whether there is or not. A lead searches in the browser, hands over what is released themselves, and only the
decision comes here. Until then nothing the officer sees or the person gets says whether there was anything to decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext

from protocol.publication import same_account
from server import audit, leadkeys, notify, subject_access
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import LeadKey, Role, SubjectDecision, SubjectRequest, User
from server.subject_access import find, is_about, subject_of, today_of

REVIEW_WITHIN = timedelta(days=366)
"""What is withheld is looked at again within a year: most grounds pass."""

_LEADS = (Role.LEAD, Role.DEPUTY)


@dataclass(frozen=True)
class Asked:
    """One lead who is asked, and their newest decision, if there is one."""

    lead: User
    decision: SubjectDecision | None


def ask(request: SubjectRequest, now: datetime) -> None:
    """Tell the leads that there is a request to look into; the message says neither whose nor by whom."""
    body = (
        "Somebody asked for the data that the organisation holds about them. Every such request is put to every lead, "
        f"whether there is anything about the person or not. Record your decision by {request.due_on:%-d %B %Y}, on "
        "the page Requests for data."
    )
    notify.plain(asked_leads(request), "Fairwatch: a request for data", body, f"subject:{request.pk}", now)


def asked_leads(request: SubjectRequest) -> list[User]:
    """Return the leads and deputies who are asked: those on the signed list, but never whom the request is about."""
    keys: dict[int, set[str]] = {}
    for user_id, key in LeadKey.objects.filter(active=True).values_list("user_id", "key_id"):
        keys.setdefault(user_id, set()).add(key)
    listed = leadkeys.signed_list()
    names = {one.key_id: one.never_about for one in listed.recipients} if listed is not None else None
    return [
        user
        for user in User.objects.filter(role__in=_LEADS, is_active=True, pk__in=keys).order_by("pk")
        if names is None or (keys[user.pk] & names.keys())
        if not _is_subject(user, request, keys[user.pk], names or {})
    ]


def answers(officer: User, request: SubjectRequest) -> list[Asked]:
    """Return who was asked and what they decided, for the data protection officer.

    Raises NotAllowed for other roles, and for an officer whose own request it is: the decision would tell them of a
    case about themselves.
    """
    if officer.role != Role.DPO or is_about(officer, request):
        raise NotAllowed(gettext("the decisions about your own request are not yours to see"))
    made = _newest(request)
    leads = {user.pk: user for user in asked_leads(request)}
    # Who decided and has left since, too.
    leads |= {one.lead_id: one.lead for one in made.values()}
    return [Asked(user, made.get(pk)) for pk, user in sorted(leads.items())]


def is_decided(request: SubjectRequest) -> bool:
    """Whether a lead who is for all groups has decided; where none is asked, whether any has."""
    made = _newest(request)
    whole = [user for user in asked_leads(request) if not user.groups]
    return any(user.pk in made for user in whole) if whole else bool(made)


def releases(request: SubjectRequest) -> bool:
    """Whether a lead has decided to give something to the person: all that what the person gets may depend on."""
    return any(one.what == SubjectDecision.What.RELEASE for one in _newest(request).values())


def listing(lead: User) -> list[tuple[SubjectRequest, SubjectDecision | None]]:
    """Return the requests that a lead is asked about, open ones first, and their own newest decisions."""
    _only_leads(lead)
    rows = SubjectRequest.objects.order_by(F("closed_at").desc(nulls_first=True), "due_on")
    return [(one, _newest(one).get(lead.pk)) for one in rows if _may(lead, one)]


def for_lead(lead: User, request_id: UUID) -> tuple[SubjectRequest, SubjectDecision | None]:
    """Return one of them; raises NotAllowed for other roles, NotThere for one that this lead is not asked about."""
    _only_leads(lead)
    request = find(request_id)
    if not _may(lead, request):
        raise NotThere(gettext("there is no such request"))
    return request, _newest(request).get(lead.pk)


def decide(lead: User, request_id: UUID, what: str, ground: str, review_on: date | None, now: datetime) -> None:
    """Keep a lead's decision; another one later counts instead. Raises as `for_lead`, WrongState in a sentence.

    The audit log says that a decision was made and not which: the officer reads it, and may be the person.
    """
    request, _ = for_lead(lead, request_id)
    if what not in SubjectDecision.What.values:
        raise WrongState(gettext("choose what you decided"))
    withheld = what == SubjectDecision.What.WITHHOLD
    if withheld and ground not in SubjectDecision.Ground.values:
        raise WrongState(gettext("choose the ground for withholding"))
    if withheld and (review_on is None or not first_review(now) <= review_on <= last_review(now)):
        raise WrongState(gettext("the day to look at it again must be after today, and within a year"))
    with transaction.atomic():
        SubjectDecision.objects.create(
            request=request,
            lead=lead,
            at=now,
            what=what,
            ground=ground if withheld else "",
            review_on=review_on if withheld else None,
        )
        audit.write(audit.actor_of(lead), "subject_decided", subject_of(request), now=now)


def first_review(now: datetime) -> date:
    """Return the first day on which what is withheld can be looked at again: tomorrow."""
    return today_of(now) + timedelta(days=1)


def last_review(now: datetime) -> date:
    """Return the last such day."""
    return today_of(now) + REVIEW_WITHIN


def review_is_due(decision: SubjectDecision | None, now: datetime) -> bool:
    """Whether the day to look at a decision again has come."""
    return decision is not None and decision.review_on is not None and decision.review_on <= today_of(now)


def tell_of_reviews(now: datetime) -> None:
    """Tell the lead who withheld something, once, that the day has come; where they have left, every lead asked."""
    due = SubjectDecision.objects.filter(review_on__lte=today_of(now)).select_related("lead", "request")
    for decision in due:
        if _newest(decision.request).get(decision.lead_id) != decision:
            continue
        here = [user for user in asked_leads(decision.request) if user.pk == decision.lead_id]
        body = (
            "The day has come to look again at a decision about a request for data. "
            "The page Requests for data says which; decide anew there."
        )
        to = here or asked_leads(decision.request)
        notify.plain(to, "Fairwatch: look at a decision again", body, f"subject_review:{decision.pk}", now)


def _newest(request: SubjectRequest) -> dict[int, SubjectDecision]:
    rows = SubjectDecision.objects.filter(request=request).select_related("lead").order_by("at", "pk")
    return {one.lead_id: one for one in rows}


def _may(lead: User, request: SubjectRequest) -> bool:
    return any(user.pk == lead.pk for user in asked_leads(request))


def _is_subject(user: User, request: SubjectRequest, keys: Iterable[str], never: dict[str, tuple[str, ...]]) -> bool:
    accounts = [account for key in keys for account in never.get(key, ())]
    return is_about(user, request) or any(same_account(one, request.account) for one in accounts)


def _only_leads(lead: User) -> None:
    if not (lead.is_active and lead.role in _LEADS):
        raise NotAllowed(gettext("only the safeguarding lead and deputies decide about cases"))


def start(officer: User, account: str, identity: str, received_on: date, now: datetime) -> SubjectRequest:
    """Write a request down and ask the leads, both or neither; raises as `subject_access.start`."""
    with transaction.atomic():
        made = subject_access.start(officer, account, identity, received_on, now)
        ask(made, now)
    return made
