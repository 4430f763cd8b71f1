"""Reads what is held about one person, kind by kind: their own rows, and nobody else's name beside them.

A row is a flat record; times are aware UTC. Where a row names somebody else it says "somebody else"; where it names a
case it says "a case", since a case is somebody else's as a rule, and is not for this document in any event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from protocol.publication import same_account
from rules.accounts import parts
from rules.services import in_words
from server import audit, category_names
from server.acknowledgements import account_of
from server.directory_index import who
from server.errors import WrongState
from server.store.models import (
    Absence,
    AcknowledgementRecord,
    AuditDetail,
    AuditEntry,
    BoardRecord,
    Device,
    Invitation,
    LeadDocument,
    LeadKey,
    NotifyChannel,
    NotifySettings,
    OutboxMessage,
    Partner,
    Person,
    PersonMonth,
    Phone,
    SubjectRequest,
    TrainingRecord,
    Trip,
    UnlockPasskey,
    Usage,
    UsageKey,
    User,
)

Value = str | int | bool | datetime | date | None
Row = dict[str, Value]

ELSE = "somebody else"
CASE = "a case"
_OWN = "this person"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMING_OTHERS_AFTER = ("incident_assigned", "incident_shared")
"""Actions whose subject names a case first and then a person."""


@dataclass(frozen=True)
class Subject:
    """One person as they are found here: all accounts that are theirs, and their accounts for signing in here."""

    account: str
    person: Person | None
    accounts: tuple[str, ...]
    users: tuple[User, ...] = field(repr=False)

    @property
    def keys(self) -> set[str]:
        """The accounts folded, as tables have them."""
        return {one.casefold() for one in self.accounts}


def find(account: str) -> Subject:
    """Return who an account's person is: the listed person's every account, or of an unlisted one that account alone.

    Raises WrongState for a name that could be several people's: the data of one must not go to another.
    """
    known = who()
    own = known(account)
    name = parts(account)
    listed = Person.objects.values_list("account", flat=True)
    if own is None and any(same_account(one, account) for one in listed):
        raise WrongState(gettext("several people may have this account; write it with its domain, as in name@domain"))

    def same(other: str) -> bool:
        found = known(other)
        if own is not None:
            return found is not None and found.person == own.person
        return found is None and parts(other) == name

    kept: set[str] = {account}
    for rows in (PersonMonth.objects, AcknowledgementRecord.objects, TrainingRecord.objects):
        kept |= {one for one in rows.values_list("account", flat=True).distinct() if same(one)}
    users = tuple(user for user in User.objects.order_by("pk") if same(account_of(user)) or same(user.username))
    person = Person.objects.filter(pk=own.person).first() if own is not None else None
    kept |= {person.account} if person is not None else set()
    return Subject(account, person, tuple(sorted(kept)), users)


def people(subject: Subject) -> list[Row]:
    """What IT imported."""
    one = subject.person
    if one is None:
        return []
    return [
        {
            "account": one.account,
            "name": one.name,
            "group": one.group,
            "partner": one.partner,
            "leaves_on": one.leaves_on,
            "changed_at": one.changed_at,
            "gone_at": one.gone_at,
        }
    ]


def usage(subject: Subject) -> list[Row]:
    """Totals by day, device and thing."""
    months = _months(subject)
    names = category_names.category_names()
    keys = {one.pk: one for one in UsageKey.objects.all()}
    devices = dict(Device.objects.values_list("number", "name"))
    rows = Usage.objects.filter(person__in=months).order_by("day", "device", "key", "person")
    return [
        {
            "day": _day(day),
            "account": months[person],
            "device": devices.get(device, ""),
            "kind": keys[key].kind,
            "category": names.get(keys[key].category, keys[key].category),
            "name": in_words(keys[key].name),
            "seconds": seconds,
            "visits": visits,
        }
        for person, device, day, key, seconds, visits in rows.values_list(
            "person", "device", "day", "key", "seconds", "visits"
        )
        if key in keys
    ]


def usage_by_day(rows: list[Row]) -> list[Row]:
    """Totals as paper has them: by day and category, with the names beside."""
    found: dict[tuple[Value, Value], tuple[int, int, set[str]]] = {}
    for row in rows:
        at = row["day"], row["category"]
        seconds, visits, names = found.get(at, (0, 0, set()))
        more = {str(row["name"])} if row["name"] else set()
        found[at] = (seconds + _number(row["seconds"]), visits + _number(row["visits"]), names | more)
    return [
        {"day": day, "category": category, "seconds": seconds, "visits": visits, "name": ", ".join(sorted(names))}
        for (day, category), (seconds, visits, names) in found.items()
    ]


def devices(subject: Subject) -> list[Row]:
    """The devices on which there are totals of theirs, with the first and last day of those, and their phones."""
    found: dict[int, list[int]] = {}
    rows = Usage.objects.filter(person__in=_months(subject))
    for number, day in rows.values_list("device", "day").distinct():
        found.setdefault(number, []).append(day)
    used: list[Row] = [
        {
            "device": one.name,
            "platform": one.platform,
            "first_on": _day(min(found[one.number])),
            "last_on": _day(max(found[one.number])),
        }
        for one in Device.objects.filter(number__in=found).order_by("number")
    ]
    theirs: list[Row] = [
        {
            "device": one.device.name,
            "platform": one.device.platform,
            "account": one.account,
            "since": one.since,
            "last_asked": one.last_asked,
        }
        for one in Phone.objects.select_related("device").order_by("device__number")
        if one.account.casefold() in subject.keys
    ]
    return used + theirs


def training(subject: Subject) -> list[Row]:
    """Courses that they did."""
    rows = TrainingRecord.objects.filter(account__in=subject.accounts).order_by("done_on", "pk")
    return [
        {"account": one.account, "course": one.course, "done_on": one.done_on, "due_on": one.due_on} for one in rows
    ]


def acknowledgements(subject: Subject) -> list[Row]:
    """Documents that they said to have read."""
    mine = Q(account__in=subject.accounts) | Q(user__in=subject.users)
    return [
        {"account": one.account, "document": one.document, "version": one.version, "at": one.at}
        for one in AcknowledgementRecord.objects.filter(mine).order_by("at", "pk")
    ]


def partners(subject: Subject) -> list[Row]:
    """Partner organisations that have them as lead or contact, by the name or address that is known here."""
    names = {one.strip().casefold() for one in (*subject.accounts, *_names(subject)) if one.strip()}
    return [
        {
            "partner": one.name,
            "lead": one.lead if _is_one(one.lead, names) else "",
            "contact": one.contact if _is_one(one.contact, names) else "",
            "changed_at": one.changed_at,
        }
        for one in Partner.objects.order_by("key")
        if _is_one(one.lead, names) or _is_one(one.contact, names)
    ]


def board(subject: Subject) -> list[Row]:
    """What was recorded for the yearly review that names them, or that they wrote down; no other name beside it."""
    names = {one.strip().casefold() for one in (*subject.accounts, *_names(subject)) if one.strip()}
    found: list[Row] = []
    for one in BoardRecord.objects.order_by("at", "pk"):
        named = _is_one(one.text, names) or any(_is_one(each, names) for each in re.split("[,;\n]", one.people))
        wrote = one.by in subject.users
        if named or wrote:
            found.append({"kind": one.get_kind_display(), "on": one.on, "at": one.at, "named": named, "wrote": wrote})
    return found


def accounts(subject: Subject) -> list[Row]:
    """Their accounts for signing in here, with second factors, keys and ways to be told; no secret of any."""
    return [row for user in subject.users for row in _account(user)]


def sign_ins(subject: Subject) -> list[Row]:
    """From where they were signed in."""
    rows = UserSession.objects.filter(user__in=subject.users).order_by("created_at", "pk")
    return [
        {"began_at": one.created_at, "last_seen_at": one.last_seen_at, "address": one.ip, "browser": one.user_agent}
        for one in rows
    ]


def invitations(subject: Subject) -> list[Row]:
    """Links by which they were to sign in."""
    rows = _of(Invitation, subject).order_by("made_at", "pk")
    return [
        {"made_at": one.made_at, "expires": one.expires, "used_at": one.used_at, "withdrawn_at": one.withdrawn_at}
        for one in rows
    ]


def absences(subject: Subject) -> list[Row]:
    """When they were away."""
    rows = _of(Absence, subject).order_by("first_day", "pk")
    return [{"first_on": one.first_day, "last_on": one.last_day, "entered_at": one.entered_at} for one in rows]


def messages(subject: Subject) -> list[Row]:
    """What was sent to them, by kind and time: what it told of may be somebody else's."""
    rows = _of(OutboxMessage, subject).order_by("created_at", "pk")
    return [{"kind": one.kind, "written_at": one.created_at, "sent_at": one.sent_at} for one in rows]


def tests(subject: Subject) -> list[Row]:
    """Tests of the whole way that they asked for."""
    rows = Trip.objects.filter(asked_by__in=subject.users).order_by("asked_at", "pk")
    return [{"asked_at": one.asked_at, "group": one.group} for one in rows]


def lead_documents(subject: Subject) -> list[Row]:
    """Mutes and proposed exceptions that they wrote: that there are, not what about."""
    rows = LeadDocument.objects.filter(author__in=subject.users).order_by("made_at", "pk")
    return [
        {"kind": one.kind, "made_at": one.made_at, "until": one.until, "settled_at": one.settled_at} for one in rows
    ]


def requests(subject: Subject) -> list[Row]:
    """Their requests like this one."""
    rows = SubjectRequest.objects.filter(key__in=subject.keys).order_by("received_on", "started_at")
    return [
        {
            "account": one.account,
            "received_on": one.received_on,
            "due_on": one.due_on,
            "identity": str(one.get_identity_display()),
            "ended": str(one.get_closing_display()),
            "ended_at": one.closed_at,
        }
        for one in rows
    ]


def audit_lines(subject: Subject) -> list[Row]:
    """Lines of the audit log of what they did here, or of what was done to their account or key."""
    own = _own(subject)
    return [_audit_line(line, own) for line in _lines(own)]


def details(subject: Subject) -> list[Row]:
    """The words behind lines that are about them; words behind what they did to others are those others'."""
    own = {audit.actor_of(user) for user in subject.users}
    rows = AuditDetail.objects.filter(entry__subject__in=own).order_by("entry_id")
    return [{"line": one.entry_id, "at": one.entry.at, "words": one.text} for one in rows.select_related("entry")]


def _account(user: User) -> Iterator[Row]:
    yield _fact("sign-in name", user.username, user.date_joined)
    yield _fact("name", user.display_name)
    yield _fact("e-mail address", user.email)
    yield _fact("role", str(user.get_role_display()))
    yield _fact("groups", ", ".join(user.groups) or "all")
    yield _fact("in use", "yes" if user.is_active else "closed", user.last_login)
    for factor in Authenticator.objects.filter(user=user).order_by("pk"):
        yield _fact("second factor", str(factor.get_type_display()), factor.created_at)
    for single in SocialAccount.objects.filter(user=user).order_by("pk"):
        yield _fact("single sign-on", f"{single.provider}: {single.uid}", single.date_joined)
    for key in LeadKey.objects.filter(user=user).order_by("pk"):
        yield _fact("key for cases", key.key_id, key.created_at)
        for passkey in UnlockPasskey.objects.filter(lead_key=key).order_by("pk"):
            yield _fact("passkey of that key", passkey.label, passkey.made_at)
    wanted = NotifySettings.objects.filter(user=user).first()
    if wanted is not None:
        yield _fact("address for messages", wanted.email)
        hours = f"{wanted.hours_from:%H:%M} to {wanted.hours_to:%H:%M} on days {wanted.days} of the week"
        yield _fact("routine cases", str(wanted.get_routine_display()))
        yield _fact("told within", hours if wanted.hours_only else "any time")
        yield _fact("digest", f"{wanted.get_digest_display()}, at {wanted.digest_at:%H:%M}")
    for channel in NotifyChannel.objects.filter(user=user).order_by("pk"):
        # Its address holds secrets, and this document goes through other hands.
        yield _fact("further way to be told", channel.label, channel.added_at)


def _fact(what: str, words: str, at: datetime | None = None) -> Row:
    return {"what": what, "words": words, "at": at}


def _own(subject: Subject) -> set[str]:
    """How the audit log names them and their keys."""
    keys = LeadKey.objects.filter(user__in=subject.users).values_list("key_id", flat=True)
    return {audit.actor_of(user) for user in subject.users} | {f"key:{one}" for one in keys}


def _lines(own: set[str]) -> Iterator[AuditEntry]:
    if not own:
        return
    named = Q(subject__in=own)
    for one in own:
        if one.startswith("user:"):
            named |= Q(action__in=_NAMING_OTHERS_AFTER, subject__endswith=f" {one}")
    yield from AuditEntry.objects.filter(Q(actor__in=own) | named).order_by("seq").iterator()


def _audit_line(line: AuditEntry, own: set[str]) -> Row:
    about = [_redacted(word, own) for word in line.subject.split(" ")]
    return {
        "line": line.seq,
        "at": line.at,
        "by": _redacted(line.actor, own),
        "done": line.action,
        "about": " ".join(about),
    }


def _redacted(word: str, own: set[str]) -> str:
    if word in own:
        return _OWN if word.startswith("user:") else word
    if word.startswith(("user:", "key:")):
        return ELSE
    if word.startswith("incident:"):
        return CASE
    return _UUID.sub("…", word)


def _months(subject: Subject) -> dict[int, str]:
    return dict(PersonMonth.objects.filter(account__in=subject.accounts).values_list("pk", "account"))


def _of(model: Any, subject: Subject) -> QuerySet[Any]:
    rows: QuerySet[Any] = model.objects.filter(user__in=subject.users)
    return rows


def _names(subject: Subject) -> list[str]:
    listed = [subject.person.name] if subject.person is not None else []
    return [*listed, *(text for user in subject.users for text in (user.display_name, user.email))]


def _is_one(text: str, names: set[str]) -> bool:
    return text.strip().casefold() in names


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0


def _day(number: int) -> date:
    return date(number // 10000, number // 100 % 100, number % 100)
