"""What IT does with accounts is on the log, told to the person, and never opens a case."""

from __future__ import annotations

import pytest
from django.test import Client

from server import account_care
from server.errors import NotAllowed, NotThere, WrongState
from server.store.models import AuditDetail, AuditEntry, User
from tests.server.conftest import NOW


def actions() -> list[str]:
    return [entry.action for entry in AuditEntry.objects.order_by("seq")]


def test_it_sees_of_a_key_only_whether_it_is_signed(people, lead_key):
    listed = {one.user.username: one for one in account_care.listing(people.it, NOW)}
    assert listed["lead"].key == "waiting"
    assert listed["manager"].key == "none"
    assert set(vars(listed["lead"])) == {
        "user", "second_factor", "needs_second_factor", "invited_until", "key", "connected",
    }  # fmt: skip


@pytest.mark.parametrize("role", ["lead", "deputy", "manager", "dpo"])
def test_nobody_else_sees_or_changes_accounts(people, role):
    somebody = getattr(people, role)
    for attempt in (
        lambda: account_care.listing(somebody, NOW),
        lambda: account_care.one(somebody, people.it.pk, NOW),
        lambda: account_care.add(somebody, "x", "X", "x@brightpath.example", "lead", NOW),
        lambda: account_care.change(somebody, somebody.pk, "X", "x@brightpath.example", "it", NOW),
        lambda: account_care.close(somebody, people.it.pk, NOW),
        lambda: account_care.reopen(somebody, people.it.pk, NOW),
        lambda: account_care.disconnect(somebody, people.it.pk, NOW),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert actions() == []


def test_officers_are_told_of_a_new_lead_and_that_it_opens_nothing_yet(people, mailoutbox):
    account_care.add(people.it, "noor", "Noor Ali", "noor@brightpath.example", "manager", NOW)
    assert mailoutbox == []
    user = User.objects.get(username="noor")
    assert not user.has_usable_password()
    account_care.change(people.it, user.pk, "Noor Ali", "noor@brightpath.example", "lead", NOW)
    told = {mail.to[0]: mail.body for mail in mailoutbox}
    assert "Noor Ali" in told["dpo@brightpath.example"]
    assert "opens no case until the custodians sign" in told["dpo@brightpath.example"]
    assert "safeguarding lead" in told["noor@brightpath.example"]
    assert actions() == ["user_added", "user_role_changed"]
    assert "noor" not in str(list(AuditEntry.objects.values()))  # names only as detail, which can be erased
    assert "from manager to lead" in set(AuditDetail.objects.values_list("text", flat=True))


def test_it_may_make_itself_a_lead_if_another_it_is_there_and_the_officer_reads_who_did_it(people, mailoutbox):
    with pytest.raises(WrongState, match="last IT administrator"):
        account_care.change(people.it, people.it.pk, "It", "it@brightpath.example", "lead", NOW)
    account_care.add(people.it, "kim", "Kim", "kim@brightpath.example", "it", NOW)
    account_care.change(people.it, people.it.pk, "It", "it@brightpath.example", "lead", NOW)
    assert any("(their own account)" in mail.body for mail in mailoutbox if mail.to == ["dpo@brightpath.example"])


def test_a_changed_address_is_told_to_the_old_one(people, mailoutbox):
    account_care.change(people.it, people.lead.pk, "The lead", "elsewhere@evil.example", "lead", NOW)
    told = {mail.to[0] for mail in mailoutbox}
    assert told == {"lead@brightpath.example", "dpo@brightpath.example"}
    assert actions() == ["user_renamed", "user_address_changed"]


def test_an_address_or_name_of_somebody_else_is_refused(people):
    with pytest.raises(WrongState, match=r"address LEAD@brightpath\.example is taken"):
        account_care.change(people.it, people.dpo.pk, "D", "LEAD@brightpath.example", "dpo", NOW)
    with pytest.raises(WrongState, match="user name Lead is taken"):
        account_care.add(people.it, "Lead", "L", "l2@brightpath.example", "lead", NOW)
    with pytest.raises(WrongState, match="choose a role"):
        account_care.add(people.it, "l2", "L", "l2@brightpath.example", "root", NOW)
    with pytest.raises(WrongState):
        account_care.add(people.it, "l2", "L", "no address", "lead", NOW)


def test_closing_ends_every_session_at_once(people, database):
    client = Client()
    client.post("/account/login/", {"login": "manager", "password": people.PASSWORD})
    assert client.get("/summary/").status_code == 200
    account_care.close(people.it, people.manager.pk, NOW)
    assert client.get("/summary/").status_code == 302
    client.post("/account/login/", {"login": "manager", "password": people.PASSWORD})
    assert client.get("/summary/").status_code == 302
    account_care.reopen(people.it, people.manager.pk, NOW)
    assert client.get("/summary/").status_code == 302, "what was ended stays ended"


def test_nobody_closes_themselves_or_the_last_it(people):
    with pytest.raises(WrongState):
        account_care.close(people.it, people.it.pk, NOW)
    other = account_care.add(people.it, "kim", "Kim", "kim@brightpath.example", "it", NOW)
    account_care.close(people.it, other.pk, NOW)
    with pytest.raises(NotThere):
        account_care.close(people.it, 9999, NOW)


def test_a_partner_s_lead_has_the_groups_that_it_names_and_a_wider_scope_is_told(people, mailoutbox):
    fields = (people.partner.pk, "The partner's lead", "partner@brightpath.example", "lead", NOW)
    account_care.change(people.it, *fields, groups="learners, apprentices")
    assert User.objects.get(pk=people.partner.pk).groups == ["apprentices", "learners"]
    account_care.change(people.it, *fields)
    assert User.objects.get(pk=people.partner.pk).groups == []
    assert "for all groups" in mailoutbox[-1].body
    assert actions() == ["user_groups_changed"] * 2
    with pytest.raises(WrongState, match="can't be a group's id"):
        account_care.change(people.it, *fields, groups="No group!")
