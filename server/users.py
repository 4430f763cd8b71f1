"""`fairwatch-server user`: add people who sign in, change them, list them. There is no sign-up page."""

from __future__ import annotations

import argparse
import json
import re
import secrets
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from server.errors import SetUpError, WrongState
from server.start import require

if TYPE_CHECKING:
    from server.store.models import User

ROLES = ("lead", "deputy", "it", "manager", "dpo")
_PASSWORD_BYTES = 15
_GROUP = re.compile(r"[a-z][a-z0-9_-]{0,63}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `user` takes."""
    parser.add_argument("username", nargs="?", help="whom to add or change; without it, everybody is listed")
    parser.add_argument("--role", choices=ROLES, help="what they do (needed for somebody new)")
    parser.add_argument("--email", help="their e-mail address")
    parser.add_argument(
        "--groups", metavar="GROUP,GROUP", help="only these groups' incidents and figures, for a partner; '' for all"
    )
    parser.add_argument("--display-name", help="their name as pages show it")
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    parser.add_argument("--new-password", action="store_true", help="make and print a new password")
    parser.add_argument(
        "--invite", action="store_true", help="send a link, with which they choose a password or passkey"
    )
    parser.add_argument("--reset-second-factor", action="store_true", help="they lost it, and set up a new one")
    may = parser.add_mutually_exclusive_group()
    may.add_argument("--disable", action="store_true", help="they can no longer sign in")
    may.add_argument("--enable", action="store_true", help="they can sign in again")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Add, change or list."""
    require(args.data_dir)
    if args.username is None:
        asked = (args.role, args.email, args.display_name, args.groups)
        if any(one is not None for one in asked) or any(
            (
                args.password_stdin,
                args.new_password,
                args.invite,
                args.reset_second_factor,
                args.disable,
                args.enable,
            )
        ):
            raise SetUpError("say whom to change: fairwatch-server user NAME ...")
        return _list(as_json=args.json)
    password = sys.stdin.readline().rstrip("\r\n") if args.password_stdin else None
    made = save(
        args.username,
        role=args.role,
        groups=args.groups,
        email=args.email,
        display_name=args.display_name,
        password=password,
        new_password=args.new_password,
        disable=args.disable,
        enable=args.enable,
        invited=args.invite,
    )
    link = _follow_up(args.username, invite=args.invite, reset=args.reset_second_factor)
    if args.json:
        print(json.dumps({**made, "invitation": link}))  # noqa: T201
    else:
        print(f"{made['username']} ({made['role']}) {'can' if made['active'] else 'can not'} sign in")  # noqa: T201
        if made["password"]:
            print(f"Password, shown only now: {made['password']}")  # noqa: T201
        if link:
            print(f"Invitation, shown only now, good once within 72 hours: {link}")  # noqa: T201
        elif args.invite:
            print("An invitation was sent by mail; it is good once within 72 hours")  # noqa: T201
    return 0


def _follow_up(username: str, *, invite: bool, reset: bool) -> str:
    """Reset and invite as asked; returns the invitation's link when no mail carried it."""
    import smtplib

    from server import invitations, second_factor, sign_in_mail
    from server.store.models import User

    user = User.objects.get(username=username)
    if reset:
        second_factor.reset(user, None)
    if not invite:
        return ""
    link = invitations.invite(user, None, datetime.now(UTC))
    if not sign_in_mail.can_send() or not user.email:
        return link
    try:
        invitations.send(user, link)
    except (OSError, smtplib.SMTPException) as fault:
        sys.stderr.write(
            f"The mail server did not take the invitation ({type(fault).__name__}); hand it over yourself\n"
        )
        return link
    return ""


def save(
    username: str,
    *,
    role: str | None = None,
    groups: str | None = None,
    email: str | None = None,
    display_name: str | None = None,
    password: str | None = None,
    new_password: bool = False,
    disable: bool = False,
    enable: bool = False,
    invited: bool = False,
) -> dict[str, str | bool]:
    """Add or change somebody and return them; `password` is set only when one was made here.

    Raises SetUpError when somebody new has no role, or the user name or password can't be used.
    """
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError
    from django.db import transaction

    from server import account_care, audit, second_factor
    from server.store.models import User

    with transaction.atomic():
        user = User.objects.filter(username=username).first()
        fresh = user is None
        if user is None:
            if role is None:
                raise SetUpError(f"{username} is new, so say what they do: --role {'|'.join(ROLES)}")
            user = User(username=username)
        user.role = role or user.role
        user.groups = groups_named(groups) if groups is not None else user.groups
        user.email = email if email is not None else user.email
        user.display_name = display_name if display_name is not None else user.display_name
        user.is_active = not disable and (user.is_active or fresh or enable)
        made = ""
        if invited and fresh and password is None:
            user.set_unusable_password()
        elif password is None and (fresh or new_password):
            password = made = secrets.token_urlsafe(_PASSWORD_BYTES)
        try:
            if password is not None:
                validate_password(password, user)
                user.set_password(password)
        except ValidationError as fault:
            raise SetUpError("; ".join(fault.messages)) from None
        try:
            account_care.check(user)
        except WrongState as fault:
            raise SetUpError(str(fault)) from None
        user.save()
        if not user.is_active:
            second_factor.end_sessions(user)
        audit.write("command", "user_added" if fresh else "user_changed", f"user:{user.pk}", _in_words(user))
    return {
        "username": user.username,
        "role": user.role,
        "groups": ",".join(user.groups),
        "active": user.is_active,
        "password": made,
    }


def groups_named(text: str) -> list[str]:
    """Return the ids of groups, sorted; raises SetUpError for what can be none, or is not in the published policy."""
    from server import policy_in_force

    wanted = sorted({one.strip() for one in text.split(",") if one.strip()})
    policy = policy_in_force.in_force()
    for one in wanted:
        if _GROUP.fullmatch(one) is None:
            raise SetUpError(f"«{one}» can't be a group's id; expected small letters, digits, - and _, as in partners")
        if policy is not None and one not in policy.group_names:
            known = ", ".join(policy.group_names)
            raise SetUpError(f"the published policy has no group «{one}»; it has {known}")
    return wanted


def _in_words(user: User) -> str:
    return f"role {user.role}" + (f" groups {','.join(user.groups)}" if user.groups else "")


def _list(*, as_json: bool) -> int:
    from server.store.models import User

    people = list(User.objects.order_by("role", "username").values("username", "role", "groups", "email", "is_active"))
    if as_json:
        print(json.dumps(people))  # noqa: T201
        return 0
    for one in people:
        state = "" if one["is_active"] else "  (can not sign in)"
        scope = f"  (only {', '.join(one['groups'])})" if one["groups"] else ""
        print(f"{one['role']:<8} {one['username']}  {one['email']}{scope}{state}")  # noqa: T201
    return 0
