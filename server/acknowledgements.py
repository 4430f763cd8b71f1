"""Keep who acknowledged which version of which document of the signed policy, and say who has still to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext

from protocol.codes import Code
from protocol.errors import Refused
from protocol.messages import Acknowledgement, AcknowledgementStatement
from rules.policy import Document
from server import audit, policy_in_force
from server.directory_index import who
from server.errors import WrongState
from server.store.models import AcknowledgementRecord, Device, Person, User


@dataclass(frozen=True)
class Standing:
    """Where one person is with one document; `at` is None until they acknowledged its newest version."""

    account: str
    name: str
    group: str
    document: str
    title: str
    at: datetime | None


@dataclass(frozen=True)
class GroupCount:
    """How many of a group were asked to acknowledge a document, and how many have."""

    document: str
    title: str
    version: str
    group: str
    people: int
    acknowledged: int


@dataclass(frozen=True)
class Register:
    """Everybody's standings with every document in force."""

    documents: tuple[Document, ...]
    standings: tuple[Standing, ...]

    @property
    def due(self) -> tuple[Standing, ...]:
        """Who has still to acknowledge what."""
        return tuple(one for one in self.standings if one.at is None)

    @property
    def counts(self) -> tuple[GroupCount, ...]:
        """The numbers by document and group, in the policy's order."""
        found: dict[tuple[str, str], list[Standing]] = defaultdict(list)
        for one in self.standings:
            found[one.document, one.group].append(one)
        return tuple(
            GroupCount(one.id, one.title, one.version, group, len(rows), sum(row.at is not None for row in rows))
            for one in self.documents
            for (document, group), rows in sorted(found.items())
            if document == one.id
        )


@dataclass(frozen=True)
class Own:
    """A document as somebody who signs in here is asked to read it."""

    document: Document
    at: datetime | None


def record(given: Acknowledgement, said: AcknowledgementStatement, device: Device, at: datetime, now: datetime) -> None:
    """Keep a device's acknowledgement, once for each person, document and version; `at` is its checked time.

    The caller has checked the signature and whose the record is. Raises Refused: `busy` under a policy that is newer
    than the collector's, `bad_record` for a document that no published policy has, so that a device can't fill the
    register with what nobody asked.
    """
    if "\0" in said.person + said.document_version:
        raise Refused(Code.BAD_RECORD, "a text holds a NUL")
    if max(len(said.person.casefold()), 1) > _ACCOUNT_MAX_CHARS:
        raise Refused(Code.BAD_RECORD, "the account is too long")
    if not policy_in_force.has_document(said.document, said.document_version, said.policy_version):
        newer = 0 < policy_in_force.version() < said.policy_version
        raise Refused(Code.BUSY if newer else Code.BAD_RECORD, "no published policy has this document")
    AcknowledgementRecord.objects.get_or_create(
        key=said.person.casefold(),
        document=said.document,
        version=said.document_version,
        defaults={
            "account": said.person,
            "at": at,
            "received_at": now,
            "device": device,
            "statement": given.statement,
            "signature": given.signature,
        },
    )


_ACCOUNT_MAX_CHARS = 200  # a folded name may be longer than the name


def own(user: User) -> list[Own]:
    """Return the documents that somebody who signs in is asked to read, and when they acknowledged them.

    What they acknowledged at a device counts where its account is theirs.
    """
    policy = policy_in_force.in_force()
    if policy is None:
        return []
    account = account_of(user)
    group = policy_in_force.group_of(account) or _listed_group(account)
    asked = [one for one in policy.documents if one.is_for(group) or group is None]
    done = _acknowledged()
    find = who()
    return [Own(one, done.get((_identity(account, find), one.id, one.version))) for one in asked]


def acknowledge(user: User, document: str, shown: str, now: datetime) -> None:
    """Keep that who is signed in says to have read a document in the words that `shown` is the hash of.

    Raises WrongState where those are not the words in force.
    """
    wanted = next((one.document for one in own(user) if one.document.id == document), None)
    if wanted is None or wanted.fingerprint != shown:
        raise WrongState(gettext("there is a newer version of this document; load the page again"))
    account = account_of(user)
    with transaction.atomic():
        _, fresh = AcknowledgementRecord.objects.get_or_create(
            key=account.casefold(),
            document=wanted.id,
            version=wanted.version,
            defaults={"account": account, "at": now, "received_at": now, "user": user},
        )
        if fresh:
            subject = f"document:{wanted.id}"
            audit.write(audit.actor_of(user), "document_acknowledged", subject, f"version={wanted.version}", now=now)


def account_of(user: User) -> str:
    """Return the account by which somebody who signs in here is known on devices: their address, else user name."""
    return user.email or user.username


def register(today: date, in_scope: Callable[[str], bool] = lambda _group: True) -> Register:
    """Return where every listed person who has not left is with each document in force that they are asked to read."""
    policy = policy_in_force.in_force()
    documents = policy.documents if policy is not None else ()
    done = _acknowledged()
    found = []
    for row in Person.objects.filter(gone_at__isnull=True).order_by("key"):
        group = policy_in_force.group_of(row.account) or row.group
        if (row.leaves_on is not None and row.leaves_on < today) or not in_scope(group):
            continue
        found += [
            Standing(row.account, row.name, group, one.id, one.title, done.get((row.pk, one.id, one.version)))
            for one in documents
            if one.is_for(group)
        ]
    return Register(documents, tuple(found))


def _acknowledged() -> dict[tuple[int | str, str, str], datetime]:
    """When who acknowledged what first, by the listed person where the account is one's, else by the account."""
    find = who()
    found: dict[tuple[int | str, str, str], datetime] = {}
    rows = AcknowledgementRecord.objects.order_by("-at", "-pk")
    for account, document, version, at in rows.values_list("account", "document", "version", "at"):
        found[_identity(account, find), document, version] = at
    return found


def _identity(account: str, find: Callable[[str], object]) -> int | str:
    known = find(account)
    return getattr(known, "person", account.casefold())


def _listed_group(account: str) -> str | None:
    person = Person.objects.filter(key=account.casefold(), gone_at__isnull=True).first()
    return person.group or None if person is not None else None
