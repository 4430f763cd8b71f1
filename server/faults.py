"""Why a message did not go, as fixed words: what servers answer may hold addresses and secrets, and is never kept."""

from __future__ import annotations

import smtplib
import socket
import ssl

SENTENCES = {
    "address": "the mail server refuses this address",
    "sender": "the mail server refuses our own address: see “from” in [mail]",
    "sign_in": "the mail server refuses our user name or password",
    "refused": "the mail server refused the message",
    "certificate": "the mail server’s certificate is not trusted, or is for another name",
    "tls": "the mail server can’t speak TLS as [mail] says: see “security” and “port”",
    "timeout": "no answer in time",
    "dropped": "the connection ended in the middle",
    "name": "the server’s name can’t be found",
    "unreachable": "nobody answers at that host and port",
    "service": "the service did not take it: the address may be old, or the service is down",
    "nonsense": "the address is not one that can be used",
    "nowhere": "there is no address",
    "unmade": "the report could not be made: see the collector’s log",
    "unknown": "something unexpected went wrong",
}
"""Each fault in words for people, to follow a name or a colon."""


def of(fault: BaseException) -> str:
    """Return which fault an exception of the mail library is."""
    for kinds, name in _KINDS:
        if isinstance(fault, kinds):
            return name
    if isinstance(fault, smtplib.SMTPServerDisconnected):
        # The library says so of a read that timed out too; what it met is behind it.
        return "timeout" if isinstance(fault.__context__, TimeoutError) else "dropped"
    if isinstance(fault, smtplib.SMTPResponseException):
        return "refused"
    return "unreachable" if isinstance(fault, OSError) else "unknown"


_KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (smtplib.SMTPAuthenticationError, "sign_in"),
    (smtplib.SMTPSenderRefused, "sender"),
    (smtplib.SMTPRecipientsRefused, "address"),
    (smtplib.SMTPNotSupportedError, "tls"),
    (ssl.SSLCertVerificationError, "certificate"),
    (ssl.SSLError, "tls"),
    (TimeoutError, "timeout"),
    (socket.gaierror, "name"),
    ((ConnectionResetError, BrokenPipeError), "dropped"),
)
