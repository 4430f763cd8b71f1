"""Signing in: people are added by IT on the collector's own machine, so no page lets anybody sign up."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class NoSignUp(DefaultAccountAdapter):  # type: ignore[misc]  # allauth carries no types
    """allauth's behaviour without sign-up: a stranger must not be able to make themselves an account."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Nobody signs up."""
        return False
