"""What IT does with accounts: add, change, close, reset. Every change is on the audit log and told to its person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext

from server import audit, invitations, leadkeys, second_factor, sign_in_mail
from server.errors import NotAllowed, NotThere, SetUpError, WrongState
from server.store.models import Role, User

LEAD_ROLES: Final = (Role.LEAD, Role.DEPUTY)


@dataclass(frozen=True)
class Account:
    """One account as IT sees it. Of a lead's key only whether the custodians signed it; of cases nothing."""

    user: User
    second_factor: bool
    needs_second_factor: bool
    invited_until: datetime | None
    key: leadkeys.State
    connected: bool


def listing(by: User, now: datetime) -> list[Account]:
    """Return every account, those that can sign in first; raises NotAllowed for other roles."""
    _only_it(by)
    return [_account(user, now) for user in User.objects.order_by("-is_active", "display_name", "username")]


def one(by: User, user_id: int, now: datetime) -> Account:
    """Return one account; raises NotThere or NotAllowed."""
    _only_it(by)
    return _account(_find(user_id), now)


def add(by: User, username: str, name: str, email: str, role: str, now: datetime, groups: str = "") -> User:
    """Add somebody who can sign in once they used an invitation; raises WrongState in a sentence for what can't be."""
    _only_it(by)
    user = User(username=username, display_name=name, email=email, role=role, groups=_groups(groups))
    user.set_unusable_password()
    check(user)
    with transaction.atomic():
        user.save()
        audit.write(audit.actor_of(by), "user_added", audit.actor_of(user), f"role {role}", now=now)
    _tell_of_lead(user, by)
    return user


def change(by: User, user_id: int, name: str, email: str, role: str, now: datetime, groups: str = "") -> User:
    """Change name, address, role and groups. The person is told, at the old address too; officers are told of leads.

    Raises WrongState when nobody would be left as IT administrator, or the address is taken.
    """
    _only_it(by)
    user = _find(user_id)
    before = (user.display_name, user.email, user.role, ",".join(user.groups))
    user.display_name, user.email, user.role, user.groups = name, email, role, _groups(groups)
    check(user)
    if before[2] == Role.IT and role != Role.IT:
        _not_the_last_it(user)
    with transaction.atomic():
        user.save()
        for action, old, new in (
            ("user_renamed", before[0], name),
            ("user_address_changed", before[1], email),
            ("user_role_changed", before[2], role),
            ("user_groups_changed", before[3] or "all", ",".join(user.groups) or "all"),
        ):
            if old != new:
                audit.write(audit.actor_of(by), action, audit.actor_of(user), f"from {old} to {new}", now=now)
    if before[1] != email:
        told = f"The address of your account was changed by IT to {email}."
        sign_in_mail.tell(user, told, address=before[1])
        if user.opens_evidence:
            sign_in_mail.tell_officers(f"The address of {user.get_full_name()} (user {user.pk}) was changed by IT.")
    if before[2] != role:
        sign_in_mail.tell(user, f"Your role was changed by IT to {user.get_role_display()}.")
    if before[2] != role or before[3] != ",".join(user.groups):
        _tell_of_lead(user, by)
    return user


def close(by: User, user_id: int, now: datetime) -> User:
    """Let somebody no longer sign in, and end their sessions and invitations at once; raises WrongState."""
    _only_it(by)
    user = _find(user_id)
    if user.pk == by.pk:
        raise WrongState(gettext("you can't close your own account; another IT administrator can"))
    _not_the_last_it(user)
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=False)
        second_factor.end_sessions(user)
        user.invitations.filter(used_at=None, withdrawn_at=None).update(withdrawn_at=now)
        audit.write(audit.actor_of(by), "user_closed", audit.actor_of(user), now=now)
    user.refresh_from_db()
    return user


def reopen(by: User, user_id: int, now: datetime) -> User:
    """Let somebody sign in again; an officer is told if it is a lead."""
    _only_it(by)
    user = _find(user_id)
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=True)
        audit.write(audit.actor_of(by), "user_reopened", audit.actor_of(user), now=now)
    user.refresh_from_db()
    _tell_of_lead(user, by)
    return user


def disconnect(by: User, user_id: int, now: datetime) -> User:
    """Forget which identity of the single sign-on an account was connected to, for when somebody got a new one."""
    from allauth.socialaccount.models import SocialAccount

    _only_it(by)
    user = _find(user_id)
    with transaction.atomic():
        SocialAccount.objects.filter(user_id=user.pk).delete()
        audit.write(audit.actor_of(by), "single_sign_on_disconnected", audit.actor_of(user), now=now)
    sign_in_mail.tell(user, "IT disconnected your account from your organisation's single sign-on.")
    return user


def check(user: User) -> None:
    """Raise WrongState, in a sentence, for a user name, address or role that can't be."""
    if user.role not in Role.values:
        raise WrongState(gettext("choose a role"))
    taken = User.objects.exclude(pk=user.pk)
    if taken.filter(username__iexact=user.username).exists():
        raise WrongState(gettext("the user name %(username)s is taken") % {"username": user.username})
    # One address, one person: else a link by mail or single sign-on could lead to somebody else's account.
    if user.email and taken.filter(email__iexact=user.email).exists():
        raise WrongState(gettext("the address %(email)s is taken") % {"email": user.email})
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as fault:
        raise WrongState("; ".join(one.rstrip(".") for one in fault.messages)) from None


def _account(user: User, now: datetime) -> Account:
    from allauth.socialaccount.models import SocialAccount

    return Account(
        user=user,
        second_factor=second_factor.has(user),
        needs_second_factor=second_factor.must_have(user),
        invited_until=invitations.open_until(user, now),
        key=leadkeys.held(user).state if user.opens_evidence else "none",
        connected=SocialAccount.objects.filter(user_id=user.pk).exists(),
    )


def _tell_of_lead(user: User, by: User) -> None:
    if user.role in LEAD_ROLES:
        itself = " (their own account)" if user.pk == by.pk else ""
        scope = f"for {', '.join(user.groups)} only" if user.groups else "for all groups"
        sign_in_mail.tell_officers(
            f"{user.get_full_name()} (user {user.pk}) now has the role {user.get_role_display()} {scope}, given by "
            f"{by.get_full_name()} (user {by.pk}){itself}.",
            "The role opens no case until the custodians sign a key of theirs. Ask the custodians before they do.",
        )


def _groups(text: str) -> list[str]:
    from server.users import groups_named  # late: the command's module needs this one

    try:
        return groups_named(text)
    except SetUpError as fault:
        raise WrongState(str(fault)) from None


def _find(user_id: int) -> User:
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise NotThere(gettext("there is no such account"))
    return user


def _only_it(by: User) -> None:
    if by.role != Role.IT:
        raise NotAllowed(gettext("accounts are for IT administrators"))


def _not_the_last_it(user: User) -> None:
    administrators = User.objects.filter(role=Role.IT, is_active=True)
    if set(administrators.values_list("pk", flat=True)) == {user.pk}:
        raise WrongState(gettext("this is the last IT administrator; add another first"))
