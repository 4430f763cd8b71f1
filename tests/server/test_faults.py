"""Each way in which a mail server fails is told in fixed words, never in the server's own."""

from __future__ import annotations

import smtplib
import socket
import ssl

import pytest

from server import faults


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (smtplib.SMTPAuthenticationError(535, b"secret"), "sign_in"),
        (smtplib.SMTPSenderRefused(550, b"no", "x"), "sender"),
        (smtplib.SMTPRecipientsRefused({"a@b": (550, b"no")}), "address"),
        (smtplib.SMTPDataError(554, b"spam"), "refused"),
        (smtplib.SMTPNotSupportedError("STARTTLS"), "tls"),
        (smtplib.SMTPServerDisconnected("gone"), "dropped"),
        (ssl.SSLCertVerificationError("bad"), "certificate"),
        (ssl.SSLError("wrong version"), "tls"),
        (TimeoutError(), "timeout"),
        (socket.gaierror(-2, "x"), "name"),
        (ConnectionRefusedError(), "unreachable"),
        (ConnectionResetError(), "dropped"),
        (ValueError("secret"), "unknown"),
    ],
)
def test_what_went_wrong_has_a_name_and_a_sentence(fault, name):
    assert faults.of(fault) == name
    assert "secret" not in faults.SENTENCES[name]


def test_every_sentence_follows_a_colon_and_a_name_fits_the_column():
    for name, sentence in faults.SENTENCES.items():
        assert len(name) <= 32
        assert sentence[0].islower()
        assert not sentence.endswith(".")
