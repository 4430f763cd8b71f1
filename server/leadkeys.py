"""Keep the leads' keys (public, and wrapped by words that never come here), and know which the custodians signed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from protocol import leadkeys
from protocol.documents import SealedDocument, check_signed
from protocol.errors import NotTrusted, Refused
from protocol.messages import decode, encode
from protocol.publication import RECIPIENTS_TARGET, RecipientList, decode_recipients
from protocol.sealing import LeadPurpose, key_id
from server import audit
from server.errors import NotAllowed, WrongState
from server.store.models import Absence, LeadKey, User

KEYS_EACH_MAX = 20
"""A key a year and some lost sheets; a stolen session must not be able to fill the table."""

State = Literal["none", "waiting", "signed"]


@dataclass(frozen=True)
class Held:
    """The keys of one person: the files to unlock, newest first, and how the newest stands."""

    files: tuple[leadkeys.LeadKey, ...]
    state: State
    fingerprint: str
    made_at: datetime | None

    @property
    def json(self) -> str:
        """The files as a page carries them; they open only with their words."""
        return msgspec.json.encode(self.files).decode()


def keep(user: User, data: bytes, *, now: datetime | None = None) -> LeadKey:
    """Keep a key that a lead's browser made; the same key again is the same key.

    Nothing is sealed to it until the custodians sign it, so a key slipped in here opens nothing. Raises NotAllowed for
    other roles, Refused `malformed`, WrongState for another's key, a wrong id or too many.
    """
    if not (user.is_active and user.opens_evidence):
        raise NotAllowed(gettext("only the safeguarding lead and deputies have keys"))
    file = decode(data, leadkeys.LeadKey)
    if key_id(file.public_key) != file.key_id:
        raise WrongState(gettext("the key's id is not that of its public key"))
    there = LeadKey.objects.filter(key_id=file.key_id).first()
    if there is not None:
        if there.user_id != user.pk:
            raise WrongState(gettext("this key is somebody else's"))
        return there
    if user.lead_keys.count() >= KEYS_EACH_MAX:
        raise WrongState(gettext("nobody may have more than %(count)s keys") % {"count": KEYS_EACH_MAX})
    at = now or datetime.now(UTC)
    try:
        with transaction.atomic():
            audit.write(audit.actor_of(user), "lead_key_made", f"key:{file.key_id}", now=at)
            return LeadKey.objects.create(
                user=user,
                key_id=file.key_id,
                public_key=file.public_key,
                wrapped=msgspec.json.decode(encode(file)),
                created_at=at,
            )
    except IntegrityError:
        raise WrongState(gettext("this key was saved by another request; look again")) from None


def check_own(user: User, purpose: LeadPurpose, subject: UUID, document: SealedDocument) -> None:
    """Check that a person signed this, with a key of their own that is in use; raises WrongState.

    Stops whoever got into an account, or the collector's database, from writing in a lead's name.
    """
    own = LeadKey.objects.filter(user=user, active=True).values_list("key_id", flat=True)
    try:
        check_signed(purpose, document, subject, set(own))
    except Refused:
        raise WrongState(
            gettext("this is not signed with one of your own keys; unlock your key and write it again")
        ) from None


def held(user: User) -> Held:
    """Return a person's keys and whether the newest is on the signed list."""
    rows = list(LeadKey.objects.filter(user=user, active=True).order_by("-created_at", "-pk"))
    if not rows:
        return Held((), "none", "", None)
    files = tuple(file for row in rows if (file := _file(row)) is not None)
    listed = signed_list()
    signed = listed is not None and rows[0].key_id in {one.key_id for one in listed.recipients}
    newest = bytes(rows[0].public_key)
    return Held(files, "signed" if signed else "waiting", leadkeys.fingerprint(newest), rows[0].created_at)


def signed_list() -> RecipientList | None:
    """Return the newest published list of recipients; None before the custodians signed the first.

    What the collector shows from it decides nothing: devices check the signatures themselves.
    """
    return max(_lists(), key=lambda listed: listed.version, default=None)


def lists_by_version() -> dict[int, RecipientList]:
    """Return every list of recipients that was published here and can be read, by its version."""
    return {listed.version: listed for listed in _lists()}


@dataclass(frozen=True)
class Openers:
    """How many people can open new incidents, and how many of them are not away."""

    all: int
    here: int


def openers(day: date) -> Openers | None:
    """Return who can open new incidents on a day: leads and deputies of the signed list who have not left.

    None before the first list is signed. A key that nobody here made counts as a person of its own, never away.
    """
    newest = signed_list()
    if newest is None:
        return None
    keys = [one.key_id for one in newest.recipients if one.role != "recovery"]
    rows = LeadKey.objects.filter(key_id__in=keys).values_list("key_id", "user_id", "user__is_active", "active")
    made = {number: (user, active and in_use) for number, user, active, in_use in rows}
    people = {user for user, can in made.values() if can}
    found = len(people) + sum(number not in made for number in keys)
    return Openers(found, found - len(Absence.away(people, day)))


def still_listed(key_ids: Iterable[str]) -> bool:
    """Whether the newest signed list has one of these keys, or none of them was ever on a list (or there is none)."""
    own, lists = set(key_ids), sorted(_lists(), key=lambda listed: listed.version)
    named = [own & {one.key_id for one in listed.recipients} for listed in lists]
    return not any(named) or bool(named[-1])


def readers(key_ids: Iterable[str], own: Iterable[str]) -> list[bytes]:
    """Return the public keys, of those ids, that notes should be sealed to now: on the signed list, or one's own.

    A lead who left the list does not get to read what is written after.
    """
    wanted, mine = set(key_ids), set(own)
    listed = signed_list()
    found = {one.key_id: one.public_key for one in (listed.recipients if listed is not None else ())}
    rows = LeadKey.objects.filter(key_id__in=wanted & mine)
    found |= {row.key_id: bytes(row.public_key) for row in rows}
    return [found[one] for one in sorted(wanted & found.keys())]


def _file(row: LeadKey) -> leadkeys.LeadKey | None:
    try:
        return msgspec.convert(row.wrapped, leadkeys.LeadKey)
    except msgspec.ValidationError:
        return None  # a key that is kept elsewhere, or of a later kind: this page can't unlock it


def _lists() -> list[RecipientList]:
    folder, _, name = RECIPIENTS_TARGET.rpartition("/")
    found = []
    for path in (Path(settings.RULES_DIR) / "targets" / folder).glob(f"*{name}"):
        try:
            listed = _list(path, path.stat().st_mtime_ns)
        except OSError:
            continue
        if listed is not None:
            found.append(listed)
    return found


@lru_cache(maxsize=64)
def _list(path: Path, _changed: int) -> RecipientList | None:
    try:
        return decode_recipients(path.read_bytes())
    except NotTrusted:
        return None
