"""What a person may have done with their totals of use: erased, or left out of figures (UK GDPR, Articles 17 and 18).

Figures that were published stay: each rests on five people or more, and one that is published again only grows, by
what rests on as many, so nobody can subtract. What is kept of a published month tells of the person no more. Totals
that come in late are dropped, and a backup that is put back is erased again.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext

from server import audit, deletion_log, directory_index, erasing, log, subject_access, subject_rows, summary
from server.errors import NotYetErased, WrongState
from server.store.models import MonthBasis, PersonMonth, SubjectRequest, Usage, User
from server.store.tables import table


def erase_use(user: User, request_id: UUID, now: datetime) -> None:
    """Erase a person's totals of use, as they asked; for the data protection officer, while the request is open.

    Raises NotAllowed, NotThere, WrongState in a sentence.
    """
    subject_access.only_the_officer(user)
    with transaction.atomic():
        kept = subject_access.open_request(request_id)
        accounts = {one.casefold() for one in subject_rows.find(kept.account).accounts}
        # Accounts are compared folded, which no database does alike; a month has as many rows as people.
        rows = [row for row in PersonMonth.objects.filter(erased_at__isnull=True) if row.account.casefold() in accounts]
        deletion_log.note_erased((row.person for row in rows), now)
        _erase(rows, now)
        kept.erased_at = now
        kept.save(update_fields=["erased_at"])
        audit.write(audit.actor_of(user), "subject_use_erased", subject_access.subject_of(kept), now=now)
    _make_gone()


def restrict_use(user: User, request_id: UUID, now: datetime, *, restricted: bool) -> None:
    """Leave a person's use out of all figures that are still to be made, or count it again; for the officer.

    It stays so after the request was closed, until it is lifted. Raises NotAllowed, NotThere, WrongState.
    """
    subject_access.only_the_officer(user)
    with transaction.atomic():
        kept = SubjectRequest.objects.select_for_update().filter(pk=request_id).first()
        kept = kept if kept is not None else subject_access.find(request_id)
        if restricted and kept.closed_at is not None:
            raise WrongState(gettext("this request is closed"))
        if (kept.restricted_at is not None) == restricted:
            raise WrongState(gettext("it is so already"))
        kept.restricted_at = now if restricted else None
        kept.save(update_fields=["restricted_at"])
        action = "subject_use_restricted" if restricted else "subject_use_counted_again"
        audit.write(audit.actor_of(user), action, subject_access.subject_of(kept), now=now)


def erase_again(people: Iterable[UUID], now: datetime) -> None:
    """Erase what a backup that was put back holds of those whose totals were erased since."""
    wanted = set(people)
    with transaction.atomic():
        _erase([row for row in PersonMonth.objects.filter(erased_at__isnull=True) if row.person in wanted], now)


def _erase(rows: Iterable[PersonMonth], now: datetime) -> None:
    who = directory_index.who()
    for row in rows:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM store_usage WHERE person = %s", [row.pk])
        row.erased_at = now
        row.save(update_fields=["erased_at"])
        known = who(row.account)
        if known is not None:
            summary.forget_person(row.month, known.person, -secrets.randbelow(2**62) - 1)


def _make_gone() -> None:
    try:
        erasing.make_gone([table(Usage), table(MonthBasis)], [])
    except NotYetErased as fault:
        log.failure("not_yet_erased", fault)  # the night's run makes them gone
