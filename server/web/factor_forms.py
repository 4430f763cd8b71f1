"""Second factors as people send them: each code is taken once, and what is no passkey is refused in a sentence."""

from __future__ import annotations

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
    SignupWebAuthnForm,
)

from server import second_factor

_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)
"""What the library comes to over JSON that is no passkey's answer. (A ValidationError is none of these.)"""


class _Once:
    """What both forms for codes add: the library remembers a code for one step only, but takes it for three."""

    def clean_code(self) -> str:
        """Return the code; raises ValidationError for a wrong one, or one that was used."""
        code: str = super().clean_code()  # type: ignore[misc]
        used = self.authenticator  # type: ignore[attr-defined]
        if used.type == used.Type.TOTP and not second_factor.take_code_once(used.user, code):
            raise get_adapter().validation_error("incorrect_code")
        return code


class _Shown:
    """What the forms for a shown passkey add."""

    def clean_credential(self) -> Any:
        """Return which passkey it is; raises ValidationError for anything else."""
        try:
            return super().clean_credential()  # type: ignore[misc]
        except _UNREADABLE:
            raise get_adapter().validation_error("incorrect_code") from None


class _Made:
    """What the forms for a new passkey add."""

    def clean(self) -> Any:
        """Return what was sent; raises ValidationError when it is no new passkey."""
        try:
            return super().clean()  # type: ignore[misc]
        except _UNREADABLE:
            raise get_adapter().validation_error("incorrect_code") from None


class SignInCode(_Once, AuthenticateForm):  # type: ignore[misc]  # allauth carries no types
    """A code at sign-in."""


class AgainCode(_Once, ReauthenticateForm):  # type: ignore[misc]
    """A code before a change of how somebody signs in."""


class SignInPasskey(_Shown, LoginWebAuthnForm):  # type: ignore[misc]
    """A passkey instead of a password."""


class SecondPasskey(_Shown, AuthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey after a password."""


class AgainPasskey(_Shown, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey before a change of how somebody signs in."""


class NewPasskey(_Made, AddWebAuthnForm):  # type: ignore[misc]
    """One more passkey."""


class FirstPasskey(_Made, SignupWebAuthnForm):  # type: ignore[misc]
    """The passkey of somebody who was invited."""
