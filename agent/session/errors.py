"""What can go wrong between a person's session and the service.

SessionError
├── MessageRefused        a line that is not one of our messages; retrying the same line can't help
├── DisplayUnavailable    no display that can be watched; retrying helps once there is one
├── ServiceUnreachable    the service's socket does not answer; retrying helps
└── ServiceRefused        the service runs and says why it does not answer; retrying later helps
"""

from __future__ import annotations


class SessionError(Exception):
    """Anything that goes wrong in or with the session part."""

    retrying_helps = False


class MessageRefused(SessionError):
    """A line that is too long, not JSON, unknown or out of bounds; sending it again can't help."""


class DisplayUnavailable(SessionError):
    """There is no display whose foreground can be seen, with the reason as its text; trying later can help."""

    retrying_helps = True


class ServiceUnreachable(SessionError):
    """The service's socket is absent or silent; trying again helps."""

    retrying_helps = True


class ServiceRefused(SessionError):
    """The service runs, and refused to answer, with its reason as the text; trying later helps."""

    retrying_helps = True
