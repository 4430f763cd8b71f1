"""An invitation is good once, for 72 hours, for its person alone; looking at it uses nothing up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server import invitations
from server.errors import NotThere, WrongState
from server.store.models import AuditEntry, Invitation
from tests.server.conftest import NOW


def secret_of(link: str) -> str:
    return link.rstrip("/").rpartition("/")[2]


def test_it_is_good_once_and_looking_uses_nothing_up(people, database):
    secret = secret_of(invitations.invite(people.lead, people.it, NOW))
    for _ in range(3):
        assert invitations.whose(secret, NOW) == people.lead
    assert invitations.use(secret, NOW) == people.lead
    with pytest.raises(NotThere):
        invitations.use(secret, NOW)
    with pytest.raises(NotThere):
        invitations.whose(secret, NOW)
    actions = [entry.action for entry in AuditEntry.objects.order_by("seq")]
    assert actions == ["invited", "invitation_used"]


def test_it_ends_after_72_hours(people):
    secret = secret_of(invitations.invite(people.lead, people.it, NOW))
    assert invitations.whose(secret, NOW + timedelta(hours=71, minutes=59)) == people.lead
    with pytest.raises(NotThere):
        invitations.use(secret, NOW + timedelta(hours=72))


def test_a_newer_one_ends_the_older_and_withdrawing_ends_it(people):
    first = secret_of(invitations.invite(people.lead, people.it, NOW))
    second = secret_of(invitations.invite(people.lead, people.it, NOW))
    with pytest.raises(NotThere):
        invitations.whose(first, NOW)
    assert invitations.open_until(people.lead, NOW) == NOW + invitations.VALID
    invitations.withdraw(people.lead, people.it, NOW)
    with pytest.raises(NotThere):
        invitations.whose(second, NOW)
    with pytest.raises(WrongState):
        invitations.withdraw(people.lead, people.it, NOW)


def test_a_closed_account_s_invitation_opens_nothing(people):
    secret = secret_of(invitations.invite(people.lead, people.it, NOW))
    people.lead.is_active = False
    people.lead.save()
    with pytest.raises(NotThere):
        invitations.use(secret, NOW)
    with pytest.raises(WrongState):
        invitations.invite(people.lead, people.it, NOW)


def test_the_database_holds_no_secret_and_the_log_neither(people):
    secret = secret_of(invitations.invite(people.lead, people.it, NOW))
    kept = str(list(Invitation.objects.values())) + str(list(AuditEntry.objects.values()))
    assert secret not in kept
    assert len(secret) >= 43
    for odd in ("", "x", secret[:-1], secret + "0"):
        with pytest.raises(NotThere):
            invitations.whose(odd, NOW)


def test_the_mail_holds_the_link_and_who_it_is_for(people, mailoutbox):
    link = invitations.invite(people.lead, people.it, NOW)
    invitations.send(people.lead, link)
    (mail,) = mailoutbox
    assert mail.to == ["lead@brightpath.example"]
    assert link in mail.body
    assert "72 hours" in mail.body
